package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// The keys of these tests.
var (
	theSigner = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	another   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
	theGate   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, ed25519.SeedSize))
	otherGate = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{4}, ed25519.SeedSize))
)

func publicOf(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func goodSettings() Settings {
	root := sha256.Sum256([]byte("root"))
	return Settings{
		Station: "GZQ", Gate: "A07", Direction: "exit", Nation: "https://rail.example/nation", NationRoot: root[:], Repository: "https://gzq.example/tuf",
		Network: Network{Address: "10.1.2.3/24", Gateway: "10.1.2.1", DNS: []string{"10.1.2.1", "10.1.2.2"}},
	}
}

func goodProvision() Provision {
	return Provision{ID: strings.Repeat("i", provisionID), Gate: publicOf(theGate), Issued: noon, Expires: noon.Add(7 * 24 * time.Hour), Settings: goodSettings()}
}

func provisionText(t testing.TB, p Provision, key ed25519.PrivateKey) string {
	t.Helper()
	text, err := IssueProvision(p, key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAProvisioningCodeSaysWhatWasSigned(t *testing.T) {
	want := goodProvision()
	text := provisionText(t, want, theSigner)
	if strings.Trim(text, base45Alphabet) != "" {
		t.Errorf("%s is not in QR's alphanumeric alphabet", text)
	}
	got, err := ParseProvision(text)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != want.ID || !got.Gate.Equal(want.Gate) || !got.Signer.Equal(publicOf(theSigner)) || !got.Issued.Equal(want.Issued) || !got.Expires.Equal(want.Expires) || !got.Settings.Equal(&want.Settings) {
		t.Errorf("ParseProvision = %+v; want %+v", got, want)
	}
	few := want
	few.Settings.Repository, few.Settings.Network = "", Network{}
	if got, err := ParseProvision(provisionText(t, few, theSigner)); err != nil || !got.Settings.Equal(&few.Settings) {
		t.Errorf("a code with few settings = %+v, %v; want %+v", got, err, few.Settings)
	}
}

// Each row of this table is a rule that a code breaks alone.
func TestProvisioningRules(t *testing.T) {
	text := provisionText(t, goodProvision(), theSigner)
	rules := func(change func(*ProvisionRules)) ProvisionRules {
		r := ProvisionRules{Key: publicOf(theGate), Signers: []ed25519.PublicKey{publicOf(another), publicOf(theSigner)}, Now: noon.Add(time.Hour)}
		if change != nil {
			change(&r)
		}
		return r
	}
	id := strings.Repeat("i", provisionID)
	for _, tt := range []struct {
		name   string
		text   string
		change func(*ProvisionRules)
		want   Reason
	}{
		{"as it should be", text, nil, OK},
		{"altered: another signature", provisionText(t, goodProvision(), theSigner)[:len(text)-3] + "000", nil, BadSignature},
		{"cut", text[:len(text)-3], nil, Malformed},
		{"in service", text, func(r *ProvisionRules) { r.InService = true }, InService},
		{"another gate's key", text, func(r *ProvisionRules) { r.Key = publicOf(otherGate) }, OtherGate},
		{"a signer that is not pinned", text, func(r *ProvisionRules) { r.Signers = r.Signers[:1] }, UnknownSigner},
		{"a signer that is not pinned, though confirmed", text, func(r *ProvisionRules) { r.Signers, r.Confirmed = r.Signers[:1], publicOf(theSigner) }, UnknownSigner},
		{"the last second", text, func(r *ProvisionRules) { r.Now = noon.Add(7*24*time.Hour - time.Second) }, OK},
		{"expired", text, func(r *ProvisionRules) { r.Now = noon.Add(7 * 24 * time.Hour) }, ProvisionExpired},
		{"a gate in 1970", text, func(r *ProvisionRules) { r.Now = time.Unix(0, 0) }, OK},
		{"replayed", text, func(r *ProvisionRules) { r.Spent = []string{"another code 16b", id} }, ProvisionSpent},
		{"after a newer one", text, func(r *ProvisionRules) { r.Newest = noon.Add(time.Second) }, Superseded},
		{"after an older one", text, func(r *ProvisionRules) { r.Newest = noon.Add(-time.Second) }, OK},
		{"nothing is pinned", text, func(r *ProvisionRules) { r.Signers = nil }, Unconfirmed},
		{"nothing is pinned, and another signer confirmed", text, func(r *ProvisionRules) { r.Signers, r.Confirmed = nil, publicOf(another) }, Unconfirmed},
		{"nothing is pinned, and the signer confirmed", text, func(r *ProvisionRules) { r.Signers, r.Confirmed = nil, publicOf(theSigner) }, OK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, got := DecideProvision(tt.text, rules(tt.change))
			if got != tt.want || (p == nil) != (got == Malformed || got == BadSignature) {
				t.Errorf("DecideProvision = %v, %q; want %q", p, got, tt.want)
			}
		})
	}
}

// Whatever is changed of a code, nobody has signed it.
func TestAnAlteredProvisioningCodeIsRefused(t *testing.T) {
	text := provisionText(t, goodProvision(), theSigner)
	rules := ProvisionRules{Key: publicOf(theGate), Signers: []ed25519.PublicKey{publicOf(theSigner)}, Now: noon}
	body, err := appendBase45Decoded(nil, text[len(ProvisionPrefix):])
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		for bit := range 8 {
			changed := bytes.Clone(body)
			changed[i] ^= 1 << bit
			if p, reason := DecideProvision(string(appendBase45([]byte(ProvisionPrefix), changed)), rules); p != nil || reason == OK {
				t.Fatalf("bit %d of byte %d changed: %q", bit, i, reason)
			}
		}
	}
	for n := range text {
		if _, reason := DecideProvision(text[:n], rules); reason != Malformed && reason != BadSignature {
			t.Fatalf("the first %d characters: %q", n, reason)
		}
	}
}

// The envelope is one, the classes are two: neither code is ever taken for the other, whatever
// its prefix and whoever signed it.
func TestProvisioningAndPassengersCodesAreApart(t *testing.T) {
	id := KeyID(publicOf(theSigner)[:8])
	sign := func(m []byte) ([]byte, error) { return ed25519.Sign(theSigner, m), nil }
	for _, class := range []Class{Temporary, Paper, Staff} {
		credential, err := Issue(Claims{Holder: "holder-0001", Certificate: "certif-1", Class: class, IssuedAt: uint64(noon.Unix()), Live: uint64(noon.Unix()), Expires: uint64(noon.Unix()) + 60}, EdDSA, id, sign)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{credential.Text(), ProvisionPrefix + credential.Text()[len(Prefix):]} {
			if p, err := ParseProvision(text); !errors.Is(err, ErrNotProvision) {
				t.Errorf("a code of class %d is a provisioning code: %+v", class, p)
			}
		}
	}
	text := provisionText(t, goodProvision(), theSigner)
	for _, text := range []string{text, Prefix + text[len(ProvisionPrefix):]} {
		if c, err := Parse(text); !errors.Is(err, ErrMalformed) {
			t.Errorf("a provisioning code is a passenger's: %+v", c)
		}
		if v := Decide(text, &Keyset{}, Rules{Classes: []Class{Temporary, Paper, Staff, classProvision}}, noon); v.Reason != Malformed {
			t.Errorf("a provisioning code is decided as %q", v.Reason)
		}
	}
	if Class(classProvision).valid() {
		t.Error("a lane may take the class of provisioning codes")
	}
}

// A signature over the same bytes in another use is no signature here: RG1's has no context.
func TestAProvisioningSignatureHasItsContext(t *testing.T) {
	p, err := ParseProvision(provisionText(t, goodProvision(), theSigner))
	if err != nil {
		t.Fatal(err)
	}
	plain := must(encMode.Marshal(wireCredential{
		Protected: p.protected, Payload: p.payload, Signature: ed25519.Sign(theSigner, signedMessage(p.protected, []byte{}, p.payload)),
	}))
	text := string(appendBase45([]byte(ProvisionPrefix), plain))
	if _, reason := DecideProvision(text, ProvisionRules{Key: publicOf(theGate), Now: noon}); reason != BadSignature {
		t.Errorf("signed as RG1 is: %q; want %q", reason, BadSignature)
	}
}

// A signer's key that signs another class, with all else as it should be, provisions nothing.
func TestOnlyTheProvisioningClassProvisions(t *testing.T) {
	good := goodProvision()
	protected := must(encMode.Marshal(wireSigner{int64(EdDSA), publicOf(theSigner)}))
	for class := range uint8(8) {
		payload := must(encMode.Marshal(wireProvision{
			Expires: unixSeconds(good.Expires), IssuedAt: unixSeconds(good.Issued), ID: []byte(good.ID),
			Confirm: wireGate{okpKey{ktyOKP, crvEd25519, good.Gate}}, Class: wireProvClass{Class: class, Settings: good.Settings.wire()},
		}))
		body := must(encMode.Marshal(wireCredential{
			Protected: protected, Payload: payload, Signature: ed25519.Sign(theSigner, signedMessage(protected, []byte(ProvisionContext), payload)),
		}))
		if _, err := ParseProvision(string(appendBase45([]byte(ProvisionPrefix), body))); (err == nil) != (class == classProvision) {
			t.Errorf("class %d: %v", class, err)
		}
	}
}

func TestBadSettingsAreNotSigned(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Provision)
	}{
		{"no station", func(p *Provision) { p.Settings.Station = "" }},
		{"a dot in the gate's name", func(p *Provision) { p.Settings.Gate = "a.b" }},
		{"a long name", func(p *Provision) { p.Settings.Gate = strings.Repeat("a", 33) }},
		{"no direction", func(p *Provision) { p.Settings.Direction = "" }},
		{"an unknown direction", func(p *Provision) { p.Settings.Direction = "both" }},
		{"no nation", func(p *Provision) { p.Settings.Nation = "" }},
		{"a file of the gate", func(p *Provision) { p.Settings.Nation = "file:///etc/passwd" }},
		{"a folder of the gate", func(p *Provision) { p.Settings.Repository = "/etc" }},
		{"a line in a URL", func(p *Provision) { p.Settings.Repository = "https://gzq.example/a\nb" }},
		{"a quote in a URL", func(p *Provision) { p.Settings.Repository = `https://gzq.example/a"b` }},
		{"a long URL", func(p *Provision) { p.Settings.Nation = "https://rail.example/" + strings.Repeat("a", 120) }},
		{"a short root", func(p *Provision) { p.Settings.NationRoot = p.Settings.NationRoot[1:] }},
		{"a station's root without its repository", func(p *Provision) {
			p.Settings.Repository, p.Settings.StationRoot = "", p.Settings.NationRoot
		}},
		{"an address without its prefix", func(p *Provision) { p.Settings.Network.Address = "10.1.2.3" }},
		{"an address in a second spelling", func(p *Provision) { p.Settings.Network.Address = "10.1.2.03/24" }},
		{"a gateway with dhcp", func(p *Provision) { p.Settings.Network.Address = DHCP }},
		{"a gateway of another kind", func(p *Provision) { p.Settings.Network.Gateway = "fe80::1" }},
		{"a name server with a line", func(p *Provision) { p.Settings.Network.DNS = []string{"10.1.2.1\nx"} }},
		{"four name servers", func(p *Provision) { p.Settings.Network.DNS = []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"} }},
		{"a short id", func(p *Provision) { p.ID = "short" }},
		{"a gate's key of low order", func(p *Provision) { p.Gate = make([]byte, 32) }},
		{"no end", func(p *Provision) { p.Expires = p.Issued }},
		{"a late end", func(p *Provision) { p.Expires = p.Issued.Add(MostProvision + time.Second) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := goodProvision()
			p.Settings.NationRoot = slices.Clone(p.Settings.NationRoot)
			tt.change(&p)
			if text, err := IssueProvision(p, theSigner); err == nil {
				t.Errorf("it is signed: %s", text)
			}
		})
	}
	long := goodProvision()
	long.Expires = long.Issued.Add(MostProvision)
	provisionText(t, long, theSigner)
}

// The largest code that the fields allow is either read by a serial scanner, or refused when it
// is made.
func TestTheLargestProvisioningCodeIsRead(t *testing.T) {
	p := goodProvision()
	for n := 1; ; n++ {
		p.Settings.Nation = "https://rail.example/" + strings.Repeat("a", n)
		p.Settings.Repository = "https://gzq.example/" + strings.Repeat("a", n)
		text, err := IssueProvision(p, theSigner)
		if err != nil {
			if n < 60 {
				t.Fatalf("URLs of %d characters do not fit: %v", len(p.Settings.Nation), err)
			}
			return
		}
		if _, err := ParseProvision(text); err != nil || len(text) > 1000 {
			t.Fatalf("%d characters: %v", len(text), err)
		}
	}
}

func TestAFingerprintIsInGroups(t *testing.T) {
	got := Fingerprint(publicOf(theSigner))
	if want := "3475 0F98 BD59 FCFC 946D A45A AABE 933B"; got != want {
		t.Errorf("Fingerprint = %s; want %s", got, want)
	}
}

// FuzzParseProvision feeds bodies, so that the fuzzer need not learn base45 first.
func FuzzParseProvision(f *testing.F) {
	few := goodProvision()
	few.Settings.Repository, few.Settings.Network = "", Network{}
	for _, p := range []Provision{goodProvision(), few} {
		text := provisionText(f, p, theSigner)
		body, err := appendBase45Decoded(nil, text[len(ProvisionPrefix):])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte{0x84})
	f.Fuzz(func(t *testing.T, body []byte) {
		text := string(appendBase45([]byte(ProvisionPrefix), body))
		p, err := ParseProvision(text)
		if err != nil {
			if err != ErrNotProvision || p != nil {
				t.Errorf("ParseProvision: %v, %v; want ErrNotProvision alone", p, err)
			}
			return
		}
		if err := p.Settings.Check(); err != nil {
			t.Errorf("settings that are taken: %v", err)
		}
		protected := must(encMode.Marshal(wireSigner{int64(EdDSA), p.Signer}))
		payload := must(encMode.Marshal(wireProvision{
			Expires: unixSeconds(p.Expires), IssuedAt: unixSeconds(p.Issued), ID: []byte(p.ID),
			Confirm: wireGate{okpKey{ktyOKP, crvEd25519, p.Gate}}, Class: wireProvClass{Class: classProvision, Settings: p.Settings.wire()},
		}))
		if again := must(encMode.Marshal(wireCredential{Protected: protected, Payload: payload, Signature: p.signature})); !bytes.Equal(again, body) {
			t.Errorf("%x is taken, and is spelled %x", body, again)
		}
	})
}
