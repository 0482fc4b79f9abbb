package verify

import (
	"testing"
	"time"
)

func FuzzDecide(f *testing.F) {
	keys := readKeyset(f)
	for _, v := range readVectors(f) {
		f.Add(v.Text, v.Now.Unix())
	}
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		v := Decide(text, keys, everyClass, time.Unix(unix%maxUnix, 0))
		if v.Granted() != (v.Reason == OK) || v.Granted() && !v.Signed || v.Reason == "" {
			t.Errorf("Decide(%q) = %+v", text, v)
		}
	})
}

// FuzzParse feeds bodies, so that the fuzzer need not learn base45 first.
func FuzzParse(f *testing.F) {
	for _, v := range readVectors(f) {
		if len(v.Text) > len(Prefix) {
			if body, err := appendBase45Decoded(nil, v.Text[len(Prefix):]); err == nil {
				f.Add(body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, err := Parse(text(body))
		if err != nil {
			if err != ErrMalformed {
				t.Errorf("Parse: %v; want ErrMalformed", err)
			}
			return
		}
		if again := code.respell(t); string(again) != string(body) {
			t.Errorf("%x parses, but is spelled %x", body, again)
		}
	})
}

// respell encodes again what a code says.
func (c *Code) respell(t *testing.T) []byte {
	payload, err := c.Claims.encode()
	if err != nil {
		t.Fatal(err)
	}
	protected := must(encMode.Marshal(wireHeader{Algorithm: int64(c.Algorithm), KeyID: []byte(c.KeyID)}))
	body := must(encMode.Marshal(wireCredential{Protected: protected, Payload: payload, Signature: c.signature}))
	if c.proof != nil {
		body = must(encMode.Marshal(wireRotated{Credential: body, Slot: c.Slot, Proof: c.proof}))
	}
	return body
}
