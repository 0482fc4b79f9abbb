package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// A wire is a code by its members, each of which a row may change. It is not signed.
type wire struct {
	header, claims map[int64]any
	rotation       []any
	phone          map[int64]any
	signature      []byte
	proof          []byte // nil: the credential stands alone
}

func newWire() *wire {
	return &wire{
		header:    map[int64]any{1: int64(EdDSA), 4: []byte("kid1")},
		claims:    map[int64]any{2: []byte("holder-0001"), 4: uint64(2000), 6: uint64(1000), 7: []byte("certif-1")},
		rotation:  []any{Temporary, uint64(1000)},
		signature: make([]byte, signatureSize),
	}
}

func (w *wire) chained() {
	w.rotation, w.proof = append(w.rotation, make([]byte, LinkSize)), make([]byte, LinkSize)
}

func (w *wire) bound() {
	w.phone = map[int64]any{1: 2, -1: 1, -2: make([]byte, 32), -3: false}
	w.proof = make([]byte, signatureSize)
}

func (w *wire) text() string {
	claims := map[int64]any{-65537: w.rotation}
	for k, v := range w.claims {
		claims[k] = v
	}
	if w.phone != nil {
		claims[8] = map[int64]any{1: w.phone}
	}
	bstr := func(v any) []byte { return must(encMode.Marshal(v)) }
	body := bstr([]any{bstr(w.header), struct{}{}, bstr(claims), w.signature})
	if w.proof != nil {
		body = bstr([]any{cbor.RawMessage(body), 3, w.proof})
	}
	return text(body)
}

// Each member at its limits, and one past them.
func TestParseTakesExactlyWhatTheWireAllows(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*wire)
		ok     bool
	}{
		{"nothing changed", func(*wire) {}, true},
		{"with a chain's link", (*wire).chained, true},
		{"with a device's proof", (*wire).bound, true},
		{"a kid of no bytes", func(w *wire) { w.header[4] = []byte{} }, false},
		{"a kid of 1 byte", func(w *wire) { w.header[4] = []byte("k") }, true},
		{"a kid of 8 bytes", func(w *wire) { w.header[4] = make([]byte, 8) }, true},
		{"a kid of 9 bytes", func(w *wire) { w.header[4] = make([]byte, 9) }, false},
		{"an algorithm that is not ours", func(w *wire) { w.header[1] = -37 }, false},
		{"a header with one member more", func(w *wire) { w.header[5] = 1 }, false},
		{"a signature of 63 bytes", func(w *wire) { w.signature = w.signature[1:] }, false},
		{"a signature of 65 bytes", func(w *wire) { w.signature = make([]byte, 65) }, false},
		{"a sub of 7 bytes", func(w *wire) { w.claims[2] = make([]byte, 7) }, false},
		{"a sub of 8 bytes", func(w *wire) { w.claims[2] = make([]byte, 8) }, true},
		{"a sub of 32 bytes", func(w *wire) { w.claims[2] = make([]byte, 32) }, true},
		{"a sub of 33 bytes", func(w *wire) { w.claims[2] = make([]byte, 33) }, false},
		{"a cti of 7 bytes", func(w *wire) { w.claims[7] = make([]byte, 7) }, false},
		{"a cti of 16 bytes", func(w *wire) { w.claims[7] = make([]byte, 16) }, true},
		{"a cti of 17 bytes", func(w *wire) { w.claims[7] = make([]byte, 17) }, false},
		{"a claim more", func(w *wire) { w.claims[5] = uint64(1) }, false},
		{"no class", func(w *wire) { w.rotation = nil }, false},
		{"a class alone", func(w *wire) { w.rotation = w.rotation[:1] }, false},
		{"a class that is a text", func(w *wire) { w.rotation[0] = "1" }, false},
		{"class 0", func(w *wire) { w.rotation[0] = 0 }, false},
		{"class 3", func(w *wire) { w.rotation[0] = Staff }, true},
		{"class 4", func(w *wire) { w.rotation[0] = 4 }, false},
		{"a chain's class that is a text", func(w *wire) { w.chained(); w.rotation[0] = "1" }, false},
		{"an anchor of 15 bytes", func(w *wire) { w.chained(); w.rotation[2] = make([]byte, 15) }, false},
		{"an anchor of 17 bytes", func(w *wire) { w.chained(); w.rotation[2] = make([]byte, 17) }, false},
		{"a link of 15 bytes", func(w *wire) { w.chained(); w.proof = w.proof[1:] }, false},
		{"an anchor and no link", func(w *wire) { w.chained(); w.proof = nil }, false},
		{"paper with an anchor", func(w *wire) { w.chained(); w.rotation[0] = Paper }, false},
		{"paper with a phone's key", func(w *wire) { w.bound(); w.rotation[0] = Paper }, false},
		{"an anchor, a phone's key and a link", func(w *wire) { w.bound(); w.chained() }, false},
		{"an anchor, a phone's key and a signature", func(w *wire) { w.chained(); w.bound() }, false},
		{"a phone's key of RSA", func(w *wire) { w.bound(); w.phone[1] = 3 }, false},
		{"a phone's key on P-384", func(w *wire) { w.bound(); w.phone[-1] = 2 }, false},
		{"a phone's x of 31 bytes", func(w *wire) { w.bound(); w.phone[-2] = make([]byte, 31) }, false},
		{"a phone's key of RSA and no proof", func(w *wire) { w.bound(); w.phone[1], w.proof = 3, nil }, false},
		{"a phone's x of 33 bytes", func(w *wire) { w.bound(); w.phone[-2] = make([]byte, 33) }, false},
		{"a phone's key with a member more", func(w *wire) { w.bound(); w.phone[3] = 1 }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire()
			tt.change(w)
			code, err := Parse(w.text())
			if tt.ok && err != nil || !tt.ok && (err != ErrMalformed || code != nil) {
				t.Errorf("Parse = %+v, %v; want ok %v", code, err, tt.ok)
			}
		})
	}
}

func TestParseSaysWhatTheWireSays(t *testing.T) {
	for _, tt := range []struct {
		rotation Rotation
		change   func(*wire)
		slot     uint8
	}{
		{Static, func(w *wire) { w.rotation[0] = Paper }, 0},
		{ByIssuer, func(*wire) {}, 0},
		{ByChain, (*wire).chained, 3},
		{ByDevice, (*wire).bound, 3},
	} {
		t.Run(tt.rotation.String(), func(t *testing.T) {
			w := newWire()
			tt.change(w)
			c, err := Parse(w.text())
			if err != nil {
				t.Fatal(err)
			}
			got := c.Claims
			if c.Rotation != tt.rotation || c.Slot != tt.slot || c.Algorithm != EdDSA || c.KeyID != "kid1" {
				t.Errorf("Parse = %+v; want %v of slot %d, EdDSA, kid1", c, tt.rotation, tt.slot)
			}
			if got.Holder != "holder-0001" || got.Certificate != "certif-1" || got.Expires != 2000 || got.IssuedAt != 1000 || got.Live != 1000 || got.Class != w.rotation[0] {
				t.Errorf("claims = %+v; want what was encoded", got)
			}
		})
	}
}

func TestIssueRefusesWhatItCouldNotParse(t *testing.T) {
	c := Claims{Holder: "holder-0001", Certificate: "short", Class: Temporary}
	sign := func([]byte) ([]byte, error) { return make([]byte, signatureSize), nil }
	if credential, err := Issue(c, EdDSA, "key1", sign); credential != nil || err == nil {
		t.Errorf("Issue = %x, %v; want nothing, an error", credential, err)
	}
}

func TestNewPhoneKey(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if k, err := NewPhoneKey(&other.PublicKey); k != nil || err == nil || !strings.Contains(err.Error(), "P-256") {
		t.Errorf("NewPhoneKey of P-384 = %v, %v; want an error that says P-256", k, err)
	}
	other.Curve = elliptic.P256()
	if k, err := NewPhoneKey(&other.PublicKey); k != nil || err == nil {
		t.Errorf("NewPhoneKey of a point off its curve = %v, %v; want an error", k, err)
	}
	for range 8 { // half of them have an odd y
		phone, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		k, err := NewPhoneKey(&phone.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.publicKey(); err != nil || !got.Equal(&phone.PublicKey) {
			t.Errorf("the point decompressed = %v, %v; want the same", got, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, a := range []Algorithm{EdDSA, ES256, SM2} {
		if got, err := ParseAlgorithm(a.String()); got != a || err != nil {
			t.Errorf("ParseAlgorithm(%q) = %v, %v", a.String(), got, err)
		}
	}
	for r := Static; r <= ByDevice; r++ {
		if got, err := ParseRotation(r.String()); got != r || err != nil {
			t.Errorf("ParseRotation(%q) = %v, %v", r.String(), got, err)
		}
	}
	if a, err := ParseAlgorithm("RS256"); a != 0 || err == nil || !strings.Contains(err.Error(), "EdDSA, ES256 or SM2") {
		t.Errorf("ParseAlgorithm of another = %v, %v; want an error that names them", a, err)
	}
	if r, err := ParseRotation("hand"); r != 0 || err == nil || !strings.Contains(err.Error(), "issuer, chain, device or static") {
		t.Errorf("ParseRotation of another = %v, %v; want an error that names them", r, err)
	}
	for n, want := range map[int]Class{0: 0, 1: Temporary, 3: Staff, 4: 0} {
		if c, err := ParseClass(n); c != want || (err == nil) != (want != 0) {
			t.Errorf("ParseClass(%d) = %d, %v; want %d", n, c, err, want)
		}
	}
}

// Whatever its length, what is no signature verifies nothing, and nothing panics.
func TestSignaturesOfOtherLengths(t *testing.T) {
	keys := readKeyset(t)
	for _, k := range keys.Keys {
		for _, n := range []int{0, 1, 32, 63, 65, 128} {
			if k.public.verify([]byte("message"), bytes.Repeat([]byte{1}, n)) {
				t.Errorf("%v: %d bytes verify", k.Algorithm(), n)
			}
		}
	}
}

func TestInternalErrorsPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("must of an error returns; want a panic")
		}
	}()
	must(0, errors.New("broken"))
}
