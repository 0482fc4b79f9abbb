package verify_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	. "railgate/verify"
	"railgate/verify/mint"
)

func ExampleDecide() {
	signer, _ := mint.NewSigner("key1", EdDSA, bytes.Repeat([]byte{7}, 32))
	from, to := noon.Add(-time.Hour), noon.Add(time.Hour)
	data, _ := json.Marshal(Document{
		Version: 1,
		Issuers: []DocumentIssuer{{ID: "example", Period: 60, Liveness: 1800, Validity: 86400, Early: 5, Late: 10}},
		Keys:    []DocumentKey{signer.Document("example", []Class{Temporary}, from, to)},
	})
	keys, _ := ParseKeyset(data)

	now := uint64(noon.Unix())
	credential, _ := signer.Issue(Claims{
		Holder: "a holder's pseudonym", Certificate: "cert-0001",
		IssuedAt: now, Live: now, Expires: now + 86400, Class: Temporary,
	}, rand.Reader)

	rules := Rules{Classes: []Class{Temporary}}
	fmt.Println(Decide(credential.Text(), keys, rules, noon.Add(69*time.Second)).Reason)
	fmt.Println(Decide(credential.Text(), keys, rules, noon.Add(70*time.Second)).Reason)
	// Output:
	// ok
	// code_expired
}
