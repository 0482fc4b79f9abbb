package verify

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
)

type wycheproofFile struct {
	TestGroups []struct {
		JWK struct {
			Type  string `json:"kty"`
			Curve string `json:"crv"`
			X     string `json:"x"`
			Y     string `json:"y"`
		} `json:"publicKeyJwk"`
		PublicKey struct {
			Uncompressed string `json:"uncompressed"`
		} `json:"publicKey"`
		Tests []struct {
			ID      int    `json:"tcId"`
			Comment string `json:"comment"`
			Message string `json:"msg"`
			Sig     string `json:"sig"`
			Result  string `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

func readWycheproof(t *testing.T, name string) (f wycheproofFile) {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// Wycheproof's vectors run through the path that a code's signature takes: the
// keyset's import of a key, then the key's verify.
func TestWycheproof(t *testing.T) {
	for _, tt := range []struct {
		file, alg string
		least     int
	}{
		{"ed25519_test.json", "EdDSA", 150},
		{"ecdsa_secp256r1_sha256_p1363_test.json", "ES256", 250},
	} {
		t.Run(tt.alg, func(t *testing.T) {
			ran := 0
			for _, group := range readWycheproof(t, tt.file).TestGroups {
				doc := DocumentKey{Type: group.JWK.Type, Curve: group.JWK.Curve, Algorithm: tt.alg, X: group.JWK.X, Y: group.JWK.Y}
				if doc.Type == "" { // a group without a JWK: take the point
					doc = pointDocument(t, group.PublicKey.Uncompressed)
				}
				key, err := doc.publicKey()
				if err != nil {
					t.Fatalf("import of %+v: %v", doc, err)
				}
				for _, test := range group.Tests {
					ran++
					message, sig := unhex(t, test.Message), unhex(t, test.Sig)
					if got := key.verify(message, sig); got != (test.Result == "valid") {
						t.Errorf("case %d (%s): verify = %v; want %s", test.ID, test.Comment, got, test.Result)
					}
				}
			}
			if ran < tt.least {
				t.Errorf("%d cases ran; want at least %d", ran, tt.least)
			}
		})
	}
}

func pointDocument(t *testing.T, uncompressed string) DocumentKey {
	point := unhex(t, uncompressed)
	if len(point) != 65 {
		t.Fatalf("public key of %d bytes", len(point))
	}
	d := DocumentKey{Type: "EC", Curve: "P-256", X: base64.RawURLEncoding.EncodeToString(point[1:33]), Y: base64.RawURLEncoding.EncodeToString(point[33:])}
	d.Algorithm = "ES256"
	return d
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
