package verify

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkVerify compares, a pair at a time, the cost of a whole decision with the
// signature checks that it cannot do without: the issuer's, and the phone's where
// the code is device-bound. The ratio is of the medians.
func BenchmarkVerify(b *testing.B) {
	keys := readKeyset(b)
	for _, v := range samples(b) {
		b.Run(v.Name, func(b *testing.B) {
			bare := bareChecks(b, v, keys)
			var whole, parts []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				began := time.Now()
				got := Decide(v.Text, keys, everyClass, v.Now)
				middle := time.Now()
				ok := bare()
				whole, parts = append(whole, middle.Sub(began)), append(parts, time.Since(middle))
				if !got.Granted() || !ok {
					b.Fatal(got.Reason, ok)
				}
			}
			slices.Sort(whole)
			slices.Sort(parts)
			w, p := float64(whole[len(whole)/2]), float64(parts[len(parts)/2])
			b.ReportMetric(w, "whole-ns")
			b.ReportMetric(p, "bare-ns")
			b.ReportMetric(w/p, "ratio")
			b.ReportMetric(0, "ns/op") // of the pair
		})
	}
}

// bareChecks checks the signatures of a code, and does nothing else.
func bareChecks(b *testing.B, v vector, keys *Keyset) func() bool {
	code, err := Parse(v.Text)
	if err != nil {
		b.Fatal(err)
	}
	message := signedMessage(code.protected, []byte{}, code.payload)
	key := keys.Key(code.KeyID).public
	if code.Rotation != ByDevice {
		return func() bool { return key.verify(message, code.signature) }
	}
	pub, err := code.Claims.Phone.publicKey()
	if err != nil {
		b.Fatal(err)
	}
	signed := DeviceMessage(code.credential, code.Slot)
	return func() bool { return key.verify(message, code.signature) && verifyES256(pub, signed, code.proof) }
}

func BenchmarkParse(b *testing.B) {
	for _, v := range samples(b) {
		b.Run(v.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(v.Text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
