package verify_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	. "railgate/verify"
	"railgate/verify/mint"
)

// What a lane goes by once the signature holds: also where the code is denied.
func TestVerdictSaysWhatWasSigned(t *testing.T) {
	b := newBench(t)
	phone, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		rotation Rotation
		slot     uint8
		claims   func(*Claims)
		begins   time.Time
		ends     time.Time
	}{
		{"paper", Static, 0, func(c *Claims) { c.Class = Paper }, noon, noon.Add(time.Hour)},
		{"rotated by its issuer", ByIssuer, 0, func(*Claims) {}, noon, noon.Add(70 * time.Second)},
		{"bound to a phone", ByDevice, 4, func(c *Claims) { c.Phone, _ = NewPhoneKey(&phone.PublicKey) }, noon.Add(4 * time.Minute), noon.Add(4*time.Minute + 70*time.Second)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.claims()
			tt.claims(&c)
			credential := b.issue(t, ES256, c)
			text := credential.Text()
			if tt.rotation == ByDevice {
				proof, err := mint.DeviceProof(credential, tt.slot, phone, rand.Reader)
				if err != nil {
					t.Fatal(err)
				}
				text = b.rotated(t, credential, tt.slot, proof)
			}
			want := Verdict{
				Reason: OK, KeyID: "\x02", Signed: true, Holder: "holder-0001", Certificate: "certif-1", Class: c.Class, Rotation: tt.rotation, Slot: tt.slot,
				IssuedAt: noon, Expires: noon.Add(time.Hour), Begins: tt.begins, Ends: tt.ends, Early: 5 * time.Second,
			}
			if got := b.decide(text, tt.begins); got != want {
				t.Errorf("Decide =\n %+v; want\n %+v", got, want)
			}
			want.Reason = CertificateExpired
			if got := b.decide(text, noon.Add(time.Hour)); got != want {
				t.Errorf("Decide an hour later =\n %+v; want\n %+v", got, want)
			}
		})
	}
}

func TestStaffKeySignsNothingElse(t *testing.T) {
	for _, tt := range []struct {
		name    string
		classes []uint
		want    bool
	}{
		{"staff alone", []uint{3}, true},
		{"passengers alone", []uint{1}, false},
		{"passengers and staff", []uint{1, 3}, false},
		{"staff and paper", []uint{3, 2}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, classes(tt.classes...))
			if got := b.decide(b.issue(t, EdDSA, b.claims()).Text(), noon); got.StaffKey != tt.want {
				t.Errorf("StaffKey = %v; want %v", got.StaffKey, tt.want)
			}
		})
	}
}

// A signature that holds under the key, over a header that claims another algorithm.
func TestHeaderOfAnotherAlgorithm(t *testing.T) {
	b := newBench(t)
	key := ed25519.NewKeyFromSeed(b.signers[EdDSA].Private())
	sign := func(message []byte) ([]byte, error) { return ed25519.Sign(key, message), nil }
	for alg, want := range map[Algorithm]Reason{EdDSA: OK, ES256: BadSignature} {
		credential, err := Issue(b.claims(), alg, b.signers[EdDSA].ID, sign)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.decide(credential.Text(), noon); got.Reason != want {
			t.Errorf("signed by EdDSA under a header of %v: %s; want %s", alg, got.Reason, want)
		}
	}
}

// A time that no clock will reach is the last that is compared, and no time of the past.
func TestTimesBeyondAllClocks(t *testing.T) {
	b := newBench(t)
	c := b.claims()
	c.Expires = 1<<64 - 1
	got := b.decide(b.issue(t, EdDSA, c).Text(), noon)
	if want := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC); !got.Expires.Equal(want) || got.Reason != BadClaims {
		t.Errorf("Decide = %s, expires %v; want %s, %v", got.Reason, got.Expires, BadClaims, want)
	}
}
