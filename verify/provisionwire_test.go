package verify

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// A provisionWire is a provisioning code by its members, in the numbers of the wire. It is not signed.
type provisionWire struct {
	header, claims, key, settings map[int64]any
	class                         any
	payload                       []byte // nil: the claims
	signature                     []byte
}

func newProvisionWire() *provisionWire {
	return &provisionWire{
		header:    map[int64]any{1: -8, 4: []byte(publicOf(theSigner))},
		claims:    map[int64]any{4: 2000, 6: 1000, 7: make([]byte, 16)},
		key:       map[int64]any{1: 1, -1: 6, -2: []byte(publicOf(theGate))},
		class:     4,
		settings:  map[int64]any{1: "GZQ", 2: "A07", 3: 2, 4: "https://rail.example/", 5: make([]byte, 32)},
		signature: make([]byte, 64),
	}
}

func (w *provisionWire) body() []byte {
	bstr := func(v any) []byte { return must(encMode.Marshal(v)) }
	claims := map[int64]any{8: map[int64]any{1: w.key}, -65537: []any{w.class, w.settings}}
	for k, v := range w.claims {
		claims[k] = v
	}
	payload := w.payload
	if payload == nil {
		payload = bstr(claims)
	}
	return bstr([]any{bstr(w.header), struct{}{}, payload, w.signature})
}

func (w *provisionWire) text() string {
	return string(appendBase45([]byte("RGP1:"), w.body()))
}

// Each member at its limits, and one past them.
func TestParseProvisionTakesExactlyWhatTheWireAllows(t *testing.T) {
	const most = 30 * 24 * 60 * 60
	for _, tt := range []struct {
		name   string
		change func(*provisionWire)
		good   bool
	}{
		{"as it should be", func(*provisionWire) {}, true},
		{"another algorithm", func(w *provisionWire) { w.header[1] = -7 }, false},
		{"a signer of 31 bytes", func(w *provisionWire) { w.header[4] = make([]byte, 31) }, false},
		{"a signer of low order", func(w *provisionWire) { w.header[4] = make([]byte, 32) }, false},
		{"no claims", func(w *provisionWire) { w.payload = []byte{0xa0} }, false},
		{"a name of 15 bytes", func(w *provisionWire) { w.claims[7] = make([]byte, 15) }, false},
		{"a name of 17 bytes", func(w *provisionWire) { w.claims[7] = make([]byte, 17) }, false},
		{"the shortest time", func(w *provisionWire) { w.claims[4] = 1001 }, true},
		{"no time", func(w *provisionWire) { w.claims[4] = 1000 }, false},
		{"the longest time", func(w *provisionWire) { w.claims[4] = 1000 + most }, true},
		{"a second longer", func(w *provisionWire) { w.claims[4] = 1000 + most + 1 }, false},
		{"another kind of key", func(w *provisionWire) { w.key[1] = 2 }, false},
		{"another curve", func(w *provisionWire) { w.key[-1] = 7 }, false},
		{"a gate of low order", func(w *provisionWire) { w.key[-2] = make([]byte, 32) }, false},
		{"a passenger's class", func(w *provisionWire) { w.class = 1 }, false},
		{"the class after it", func(w *provisionWire) { w.class = 5 }, false},
		{"no direction", func(w *provisionWire) { w.settings[3] = 0 }, false},
		{"the first direction", func(w *provisionWire) { w.settings[3] = 1 }, true},
		{"the last direction", func(w *provisionWire) { w.settings[3] = 3 }, true},
		{"the direction after it", func(w *provisionWire) { w.settings[3] = 4 }, false},
		{"a signature of 63 bytes", func(w *provisionWire) { w.signature = make([]byte, 63) }, false},
		{"a signature of 65 bytes", func(w *provisionWire) { w.signature = make([]byte, 65) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newProvisionWire()
			tt.change(w)
			if p, err := ParseProvision(w.text()); (err == nil) != tt.good {
				t.Errorf("ParseProvision = %+v, %v; want good: %v", p, err, tt.good)
			}
		})
	}
}

func TestAProvisioningCodeNeedsItsPrefix(t *testing.T) {
	text := newProvisionWire().text()
	for _, text := range []string{text[len("RGP1:"):], "RG1:" + text[len("RGP1:"):], "rgp1:" + text[len("RGP1:"):]} {
		if p, err := ParseProvision(text); !errors.Is(err, ErrNotProvision) {
			t.Errorf("ParseProvision of %s = %+v, %v", text, p, err)
		}
	}
}

// A body of 640 bytes is made and read, and one of 641 is neither.
func TestTheLongestProvisioningCode(t *testing.T) {
	long := func(site string, size int) string { return site + strings.Repeat("a", size-len(site)) }
	p := goodProvision()
	p.Settings.Station, p.Settings.Gate, p.Settings.StationRoot = strings.Repeat("s", 32), strings.Repeat("g", 32), make([]byte, 32)
	p.Settings.Repository = long("https://gzq.example/", 120)
	p.Settings.Network = Network{"2001:db8::ffff:3/64", "2001:db8::ffff:1", []string{"2001:db8::ffff:1", "2001:db8::ffff:2"}}
	w := newProvisionWire()
	w.claims = map[int64]any{4: unixSeconds(p.Expires), 6: unixSeconds(p.Issued), 7: []byte(p.ID)}
	for _, tt := range []struct {
		size int
		good bool
	}{{639, true}, {640, true}, {641, false}, {642, false}} {
		for n := 40; len(w.body()) != tt.size; n++ {
			if n > 120 {
				t.Fatalf("no URL makes a body of %d bytes: %d", tt.size, len(w.body()))
			}
			p.Settings.Nation = long("https://rail.example/", n)
			w.settings = map[int64]any{
				1: p.Settings.Station, 2: p.Settings.Gate, 3: 2, 4: p.Settings.Nation, 5: p.Settings.NationRoot, 6: p.Settings.Repository, 7: p.Settings.StationRoot,
				8: p.Settings.Network.Address, 9: p.Settings.Network.Gateway, 10: p.Settings.Network.DNS,
			}
		}
		made, err := IssueProvision(p, theSigner)
		if (err == nil) != tt.good || (err == nil && len(made) != len(w.text())) {
			t.Errorf("IssueProvision of %d bytes = %d characters, %v; want good: %v", tt.size, len(made), err, tt.good)
		}
		if _, err := ParseProvision(w.text()); (err == nil) != tt.good {
			t.Errorf("ParseProvision of %d bytes = %v; want good: %v", tt.size, err, tt.good)
		}
	}
}

// The wire has no time before 1970.
func TestAProvisioningCodeOf1970(t *testing.T) {
	p := goodProvision()
	for _, issued := range []int64{-1, 0} {
		p.Issued, p.Expires = time.Unix(issued, 0), time.Unix(60, 0)
		got, err := ParseProvision(provisionText(t, p, theSigner))
		if err != nil || got.Issued.Unix() != 0 || got.Expires.Unix() != 60 {
			t.Errorf("issued at %d: %+v, %v; want it issued at 0", issued, got, err)
		}
	}
}

// What a code says is in the wire's numbers, whatever their names are here.
func TestIssueProvisionMakesTheWire(t *testing.T) {
	root := make([]byte, 32)
	text := provisionText(t, Provision{
		ID: string(make([]byte, 16)), Gate: publicOf(theGate), Issued: time.Unix(1000, 0), Expires: time.Unix(2000, 0),
		Settings: Settings{Station: "GZQ", Gate: "A07", Direction: "exit", Nation: "https://rail.example/", NationRoot: root},
	}, theSigner)
	got, err := appendBase45Decoded(nil, text[len("RGP1:"):])
	if err != nil {
		t.Fatal(err)
	}
	want := newProvisionWire().body()
	if n := len(want) - 64; len(got) != len(want) || !bytes.Equal(got[:n], want[:n]) {
		t.Errorf("IssueProvision made\n%x; want, but for the signature,\n%x", got, want)
	}
}
