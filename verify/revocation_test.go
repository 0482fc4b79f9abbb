package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	. "railgate/verify"
	"railgate/verify/mint"
)

// revoking is an issuer's revoker, with what gates know of it.
type revoking struct {
	file *mint.RevokerFile
	keys *Revokers
}

func newRevoking(t testing.TB, issuer string, alg Algorithm, change ...func(*DocumentRevoker)) *revoking {
	t.Helper()
	r := &revoking{file: new(mint.RevokerFile)}
	if err := r.file.Add(issuer, alg, noon.Add(-time.Hour), noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	doc := r.file.Document()
	for _, f := range change {
		f(&doc.Keys[0])
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if r.keys, err = ParseRevokers(data); err != nil {
		t.Fatal(err)
	}
	return r
}

// sign signs a list of an hour, as of noon.
func (r *revoking) sign(t testing.TB, entries ...Revocation) []byte {
	t.Helper()
	key, err := r.file.Revoker(r.file.Keys[0].Issuer, noon)
	if err != nil {
		t.Fatal(err)
	}
	at := uint64(noon.Unix())
	data, err := key.Sign(RevocationList{Expires: at + 3600, IssuedAt: at, Entries: entries}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (r *revoking) open(t testing.TB, entries ...Revocation) *Revocations {
	t.Helper()
	list, err := OpenRevocations(r.sign(t, entries...), r.keys, noon)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A credential of a certificate signed before an instant is revoked, one signed at it or
// later is not; nothing of another certificate or of another issuer is.
func TestRevocationsRevokeWhatWasSignedBefore(t *testing.T) {
	b := newBench(t)
	at := uint64(noon.Unix())
	own, foreign := newRevoking(t, "bench", EdDSA), newRevoking(t, "another", EdDSA)
	entry := func(cti CertificateID, before uint64) Revocation {
		return Revocation{Certificate: cti, Before: before, Until: before + 1810}
	}
	for _, tt := range []struct {
		name  string
		lists []*Revocations
		want  Reason
	}{
		{"no list", nil, OK},
		{"an empty list", []*Revocations{own.open(t)}, OK},
		{"signed a second before", []*Revocations{own.open(t, entry("certif-1", at+1))}, Revoked},
		{"signed in that second", []*Revocations{own.open(t, entry("certif-1", at))}, OK},
		{"another certificate", []*Revocations{own.open(t, entry("certif-2", at+1))}, OK},
		{"another issuer's list", []*Revocations{foreign.open(t, entry("certif-1", at+1))}, OK},
		{"both issuers' lists", []*Revocations{own.open(t, entry("certif-1", at+1)), foreign.open(t)}, Revoked},
		{"twice: the later counts", []*Revocations{own.open(t, entry("certif-1", at+1), entry("certif-1", at))}, Revoked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, alg := range []Algorithm{EdDSA, ES256, SM2} {
				if v := Decide(b.issue(t, alg, b.claims()).Text(), b.keys.With(tt.lists...), everyClass, noon); v.Reason != tt.want {
					t.Errorf("%v: %s; want %s", alg, v.Reason, tt.want)
				}
			}
		})
	}
	if under := b.keys.With(own.open(t, entry("certif-1", at+1))); Decide(b.issue(t, EdDSA, b.claims()).Text(), under.With(), everyClass, noon).Reason != OK {
		t.Error("a list that was taken away still counts")
	}
	if b.keys.With() != b.keys {
		t.Error("a keyset without lists is another keyset")
	}
}

// A revocation has the place of the keyset's own list: behind bad claims, before the
// certificate's end.
func TestRevocationsKeepThePlaceOfTheList(t *testing.T) {
	b, r := newBench(t), newRevoking(t, "bench", EdDSA)
	keys := b.keys.With(r.open(t, Revocation{"certif-1", uint64(noon.Unix()) + 1, 0}))
	long, ended := b.claims(), b.claims()
	long.Expires += 86400
	ended.Expires = ended.IssuedAt
	for _, tt := range []struct {
		name   string
		claims Claims
		rules  Rules
		want   Reason
	}{
		{"a certificate that has ended", ended, everyClass, Revoked},
		{"claims that the issuer may not make", long, everyClass, BadClaims},
		{"a class that the lane does not take", b.claims(), Rules{}, ClassNotAccepted},
	} {
		if v := Decide(b.issue(t, EdDSA, tt.claims).Text(), keys, tt.rules, noon); v.Reason != tt.want {
			t.Errorf("%s: %s; want %s", tt.name, v.Reason, tt.want)
		}
	}
}

// What a document must be to be taken: each row breaks one rule.
func TestRevocationsAreRefused(t *testing.T) {
	entry := Revocation{"certif-1", uint64(noon.Unix()), uint64(noon.Unix()) + 1810}
	past := noon.Add(-time.Second)
	for _, tt := range []struct {
		name   string
		key    func(*DocumentRevoker)
		change func([]byte) []byte
		want   error
	}{
		{"a kid that no revoker has", func(k *DocumentRevoker) { k.KeyID = "00ff" }, nil, ErrUnknownRevoker},
		{"another algorithm than the key's", nil, func(d []byte) []byte { return bytes.Replace(d, []byte{1, 0x27}, []byte{1, 0x26}, 1) }, ErrRevokerSignature},
		{"another key of that kid", func(k *DocumentRevoker) {
			k.X = newRevoking(t, "bench", EdDSA).file.Keys[0].X
		}, nil, ErrRevokerSignature},
		{"one bit of the signature is wrong", nil, func(d []byte) []byte { d[len(d)-1] ^= 1; return d }, ErrRevokerSignature},
		{"one byte of the list is wrong", nil, func(d []byte) []byte { return bytes.Replace(d, []byte("certif-1"), []byte("certif-2"), 1) }, ErrRevokerSignature},
		{"the key is revoked", func(k *DocumentRevoker) { k.RevokedAt = &past }, nil, ErrRevokerRevoked},
		{"signed before the key's time", func(k *DocumentRevoker) { k.NotBefore = noon.Add(time.Second) }, nil, ErrRevokerNotValid},
		{"signed after the key's time", func(k *DocumentRevoker) { k.NotAfter = past }, nil, ErrRevokerNotValid},
		{"a tag before it", nil, func(d []byte) []byte { return append([]byte{0xd2}, d...) }, ErrNotRevocations},
		{"a byte after it", nil, func(d []byte) []byte { return append(d, 0) }, ErrNotRevocations},
		{"larger than allowed", nil, func(d []byte) []byte { return append(d, make([]byte, MaxRevocations)...) }, ErrNotRevocations},
		{"nothing", nil, func([]byte) []byte { return nil }, ErrNotRevocations},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRevoking(t, "bench", EdDSA)
			data := r.sign(t, entry)
			if tt.key != nil {
				doc := r.file.Document()
				tt.key(&doc.Keys[0])
				text, _ := json.Marshal(doc)
				var err error
				if r.keys, err = ParseRevokers(text); err != nil {
					t.Fatal(err)
				}
			}
			if tt.change != nil {
				data = tt.change(data)
			}
			if list, err := OpenRevocations(data, r.keys, noon); list != nil || !errors.Is(err, tt.want) {
				t.Errorf("OpenRevocations = %v, %v; want %v", list, err, tt.want)
			}
		})
	}
	r := newRevoking(t, "bench", EdDSA)
	if _, err := OpenRevocations(r.sign(t, entry), nil, noon); !errors.Is(err, ErrUnknownRevoker) {
		t.Errorf("without revokers.json: %v; want %v", err, ErrUnknownRevoker)
	}
	if list, err := OpenRevocations(r.sign(t, entry), r.keys, noon.Add(48*time.Hour)); err != nil || !list.Revokes("certif-1", entry.Before-1) {
		t.Errorf("a list past its exp: %v; want it to apply", err)
	}
}

// Every proper prefix of a document is refused.
func TestAPrefixOfRevocationsIsRefused(t *testing.T) {
	r := newRevoking(t, "bench", ES256)
	data := r.sign(t, Revocation{"certif-1", 1, 2})
	for n := range len(data) {
		if _, err := OpenRevocations(data[:n], r.keys, noon); !errors.Is(err, ErrNotRevocations) {
			t.Errorf("%d of %d bytes: %v; want %v", n, len(data), err, ErrNotRevocations)
		}
	}
}

// signAnything signs a payload as a revoker would not.
func signAnything(t testing.TB, r *revoking, payload []byte) []byte {
	t.Helper()
	data := r.sign(t)
	at := bytes.Index(data, []byte{0xa3, 4}) // the payload of an empty list; its length is the byte before it
	own := data[at : at+int(data[at-1]&0x1f)]
	head := []byte{0x40 | byte(len(payload))}
	if len(payload) > 23 {
		head = []byte{0x58, byte(len(payload))}
	}
	return bytes.Replace(data, append([]byte{data[at-1]}, own...), append(head, payload...), 1)
}

// A list has one spelling: a signer that spells it otherwise is not heard.
func TestAListHasOneSpelling(t *testing.T) {
	cti := append([]byte{0x48}, "certif-1"...)
	list := func(entry ...byte) []byte { return append([]byte{0xa3, 4, 2, 6, 1, 0x3a, 0, 1, 0, 1}, entry...) }
	for _, tt := range []struct {
		name    string
		payload []byte
	}{
		{"a long number", append(list(), 0x81, 0x83, 0x48, 'c', 'e', 'r', 't', 'i', 'f', '-', '1', 0x18, 1, 2)},
		{"an indefinite array", append(list(), 0x9f, 0xff)},
		{"no array", append(list(), 0xf6)},
		{"an entry of two", append(append(list(), 0x81, 0x82), append(cti, 1)...)},
		{"a long cti", slices.Concat(list(), []byte{0x81, 0x83, 0x51}, make([]byte, 17), []byte{1, 2})},
		{"a short cti", append(list(), 0x81, 0x83, 0x41, 'c', 1, 2)},
		{"another member", []byte{0xa4, 4, 2, 5, 1, 6, 1, 0x3a, 0, 1, 0, 1, 0x80}},
		{"members out of order", []byte{0xa3, 6, 1, 4, 2, 0x3a, 0, 1, 0, 1, 0x80}},
		{"a member twice", []byte{0xa4, 4, 2, 6, 1, 6, 1, 0x3a, 0, 1, 0, 1, 0x80}},
		{"exp before iat", []byte{0xa3, 4, 1, 6, 2, 0x3a, 0, 1, 0, 1, 0x80}},
		{"a code's claims", []byte{0xa2, 4, 2, 6, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRevoking(t, "bench", EdDSA)
			if _, err := OpenRevocations(signAnything(t, r, tt.payload), r.keys, noon); !errors.Is(err, ErrNotRevocations) {
				t.Errorf("%v; want %v", err, ErrNotRevocations)
			}
		})
	}
	r := newRevoking(t, "bench", EdDSA)
	longest := slices.Concat(list(), []byte{0x81, 0x83, 0x50}, make([]byte, 16), []byte{1, 2})
	for _, payload := range [][]byte{append(list(), 0x80), longest} {
		if _, err := OpenRevocations(signAnything(t, r, payload), r.keys, noon); !errors.Is(err, ErrRevokerSignature) {
			t.Errorf("%x, a list in its own spelling, with the signature of another: %v; want %v", payload, err, ErrRevokerSignature)
		}
	}
}

// A key of revokers.json that signs a code is an unknown key.
func TestARevokerSignsNoCodes(t *testing.T) {
	b, r := newBench(t), newRevoking(t, "bench", EdDSA)
	k := r.file.Keys[0]
	private := new(mint.KeyFile)
	private.Keys = []mint.PrivateKey{{DocumentKey: DocumentKey{KeyID: k.KeyID, Algorithm: k.Algorithm, Classes: []uint{1}, NotBefore: k.NotBefore, NotAfter: k.NotAfter}, D: k.D}}
	thief, err := private.Signer(EdDSA, Temporary, noon)
	if err != nil {
		t.Fatal(err)
	}
	code, err := thief.Issue(b.claims(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if v := Decide(code.Text(), b.keys.With(r.open(t)), everyClass, noon); v.Reason != UnknownKey {
		t.Errorf("%s; want %s", v.Reason, UnknownKey)
	}
}

func TestRevokersAreRefused(t *testing.T) {
	good := newRevoking(t, "bench", ES256)
	for _, tt := range []struct {
		name   string
		change func(*RevokersDocument)
		say    string
	}{
		{"two keys of one kid", func(d *RevokersDocument) { d.Keys = append(d.Keys, d.Keys[0]) }, "duplicate kid"},
		{"no issuer", func(d *RevokersDocument) { d.Keys[0].Issuer = "" }, "no issuer"},
		{"no end", func(d *RevokersDocument) { d.Keys[0].NotAfter = time.Time{} }, "are needed"},
		{"no beginning", func(d *RevokersDocument) { d.Keys[0].NotBefore = time.Time{} }, "are needed"},
		{"a kid of 9 bytes", func(d *RevokersDocument) { d.Keys[0].KeyID = "010203040506070809" }, "1 to 8 bytes"},
		{"a window that ends before it begins", func(d *RevokersDocument) { d.Keys[0].NotAfter = d.Keys[0].NotBefore.Add(-1) }, "before not_before"},
		{"a point off its curve", func(d *RevokersDocument) { d.Keys[0].Y = d.Keys[0].X }, "off its curve"},
		{"a kid in capitals", func(d *RevokersDocument) { d.Keys[0].KeyID = "AB" }, "lower-case hex"},
		{"no list of keys", func(d *RevokersDocument) { d.Keys = nil }, "no keys"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := good.file.Document()
			tt.change(&doc)
			data, _ := json.Marshal(doc)
			if _, err := ParseRevokers(data); err == nil || !strings.Contains(err.Error(), tt.say) {
				t.Errorf("%v; want %q", err, tt.say)
			}
		})
	}
	data, _ := good.file.RevokersJSON()
	for name, text := range map[string]string{
		"classes": strings.Replace(string(data), `"issuer"`, `"classes":[1],"issuer"`, 1),
		"issuers": strings.Replace(string(data), `"version"`, `"issuers":[],"version"`, 1),
		"twice":   strings.Replace(string(data), `"version"`, `"version":1,"version"`, 1),
		"more":    string(data) + "{}",
		"huge":    string(data) + strings.Repeat(" ", 1<<20+1-len(data)),
	} {
		if _, err := ParseRevokers([]byte(text)); err == nil {
			t.Errorf("%s: is taken", name)
		}
	}
	data, _ = json.Marshal(RevokersDocument{Version: 7, Keys: []DocumentRevoker{withKeyID(good, "01"), withKeyID(good, "0102030405060708")}})
	if r, err := ParseRevokers(append(data, strings.Repeat(" ", 1<<20-len(data))...)); err != nil || r.Version != 7 || len(r.Keys) != 2 {
		t.Errorf("kids of 1 and 8 bytes, in as large a document as may be: %v, %v", r, err)
	}
	if r, err := ParseRevokers([]byte(`{"keys":[]}`)); err != nil || r.Key("x") != nil {
		t.Errorf("nobody may revoke: %v", err)
	}
}

// A list says the same, whenever it is signed and in whatever order.
func TestSameList(t *testing.T) {
	r := newRevoking(t, "bench", EdDSA)
	one := r.open(t, Revocation{"certif-1", 5, 9}, Revocation{"certif-2", 6, 9})
	for _, tt := range []struct {
		name string
		list *Revocations
		want bool
	}{
		{"another order", r.open(t, Revocation{"certif-2", 6, 9}, Revocation{"certif-1", 5, 9}), true},
		{"another time", r.open(t, Revocation{"certif-1", 5, 9}, Revocation{"certif-2", 7, 9}), false},
		{"one more", r.open(t, Revocation{"certif-1", 5, 9}, Revocation{"certif-2", 6, 9}, Revocation{"certif-3", 7, 9}), false},
		{"one less", r.open(t, Revocation{"certif-1", 5, 9}), false},
		{"another certificate", r.open(t, Revocation{"certif-1", 5, 9}, Revocation{"certif-3", 6, 9}), false},
		{"another issuer's", newRevoking(t, "other", EdDSA).open(t, Revocation{"certif-1", 5, 9}, Revocation{"certif-2", 6, 9}), false},
	} {
		if got := one.Same(tt.list); got != tt.want {
			t.Errorf("%s: %v; want %v", tt.name, got, tt.want)
		}
	}
}

func TestAListNoGateWouldReadIsNotSigned(t *testing.T) {
	r := newRevoking(t, "bench", EdDSA)
	key, err := r.file.Revoker("bench", noon)
	if err != nil {
		t.Fatal(err)
	}
	many := make([]Revocation, MaxRevocations/13)
	for i := range many {
		many[i] = Revocation{CertificateID(mint.RandomID(16)), 1, 1}
	}
	for name, l := range map[string]RevocationList{
		"exp before iat": {Expires: 1, IssuedAt: 2},
		"a short cti":    {Expires: 2, IssuedAt: 1, Entries: []Revocation{{"x", 1, 1}}},
		"too large":      {Expires: 2, IssuedAt: 1, Entries: many},
	} {
		if _, err := key.Sign(l, rand.Reader); !errors.Is(err, ErrNotRevocations) {
			t.Errorf("%s: %v; want %v", name, err, ErrNotRevocations)
		}
	}
}

func withKeyID(r *revoking, id string) DocumentRevoker {
	d := r.file.Keys[0].DocumentRevoker
	d.KeyID = id
	return d
}

// What a list says is what was signed; nothing of it is lost on the way.
func TestWhatAListSays(t *testing.T) {
	r := newRevoking(t, "bench", ES256)
	entry := Revocation{"certificate-0002", 1 << 33, 1 << 34}
	list := r.open(t, entry)
	if !list.IssuedAt.Equal(noon) || !list.Expires.Equal(noon.Add(time.Hour)) || list.KeyID.String() != r.file.Keys[0].KeyID || !slices.Equal(list.Entries, []Revocation{entry}) {
		t.Errorf("the list says %+v", list)
	}
	many := make([]Revocation, 1000)
	for i := range many {
		many[i] = Revocation{CertificateID(mint.RandomID(8)), uint64(i), uint64(i)}
	}
	if list := r.open(t, many...); len(list.Entries) != len(many) || !list.Revokes(many[999].Certificate, 998) {
		t.Errorf("%d entries; want %d", len(list.Entries), len(many))
	}
}

// spelled is a document of parts that no signer of ours would put together, with a signature by
// a key of ours.
func spelled(key ed25519.PrivateKey, alg byte, kid []byte, change func([]byte) []byte) []byte {
	protected := append([]byte{0xa2, 1, alg, 4, 0x40 | byte(len(kid))}, kid...)
	payload := []byte{0xa3, 4, 2, 6, 1, 0x3a, 0, 1, 0, 1, 0x80}
	message := slices.Concat([]byte{0x84, 0x6a}, []byte("Signature1"), []byte{0x40 | byte(len(protected))}, protected, []byte{0x40}, []byte{0x40 | byte(len(payload))}, payload)
	sig := change(ed25519.Sign(key, message))
	return slices.Concat([]byte{0x84, 0x40 | byte(len(protected))}, protected, []byte{0xa0}, []byte{0x40 | byte(len(payload))}, payload, []byte{0x58, byte(len(sig))}, sig)
}

// The header and the signature have one form: what has another is none of ours, whoever signed.
func TestTheHeaderOfRevocations(t *testing.T) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	same := func(b []byte) []byte { return b }
	at := time.Unix(1, 0).UTC()
	doc := RevokersDocument{Keys: []DocumentRevoker{{
		KeyID: "01", Type: "OKP", Curve: "Ed25519", Algorithm: "EdDSA", X: base64.RawURLEncoding.EncodeToString(public), Issuer: "bench", NotBefore: at, NotAfter: at,
		RevokedAt: &noon,
	}}}
	text, _ := json.Marshal(doc)
	by, err := ParseRevokers(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"as it should be, and its key not revoked yet", spelled(key, 0x27, []byte{1}, same), nil},
		{"the algorithm of another kind of key", spelled(key, 0x26, []byte{1}, same), ErrRevokerSignature},
		{"an algorithm that is none", spelled(key, 0x20, []byte{1}, same), ErrNotRevocations},
		{"no kid", spelled(key, 0x27, nil, same), ErrNotRevocations},
		{"a kid of 8 bytes", spelled(key, 0x27, make([]byte, 8), same), ErrUnknownRevoker},
		{"a kid of 9 bytes", spelled(key, 0x27, make([]byte, 9), same), ErrNotRevocations},
		{"a signature of 63 bytes", spelled(key, 0x27, []byte{1}, func(b []byte) []byte { return b[1:] }), ErrNotRevocations},
	} {
		if _, err := OpenRevocations(tt.data, by, at); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v; want %v", tt.name, err, tt.want)
		}
	}
	for size, want := range map[int]bool{MaxRevocations: false, MaxRevocations + 1: true} {
		if _, err := OpenRevocations(make([]byte, size), by, at); !errors.Is(err, ErrNotRevocations) || strings.Contains(err.Error(), "larger than 1000000 bytes") != want {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	broken := errors.New("broken")
	if data, err := SignRevocations(RevocationList{}, EdDSA, "k", func([]byte) ([]byte, error) { return nil, broken }); data != nil || !errors.Is(err, broken) {
		t.Errorf("a signer that fails: %x, %v; want its error", data, err)
	}
}

func FuzzRevocations(f *testing.F) {
	r := newRevoking(f, "bench", EdDSA)
	f.Add(r.sign(f))
	f.Add(r.sign(f, Revocation{"certif-1", 5, 9}))
	f.Add(r.sign(f, Revocation{"certif-1", 5, 9}, Revocation{"certificate-0002", 1 << 40, 1 << 41}))
	f.Add([]byte{0x84, 0x40, 0xa0, 0x40, 0x40})
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := OpenRevocations(data, r.keys, noon)
		if err != nil && list != nil || err == nil && list.Issuer != "bench" {
			t.Errorf("OpenRevocations = %v, %v", list, err)
		}
	})
}

func FuzzRevokers(f *testing.F) {
	for _, alg := range []Algorithm{EdDSA, ES256, SM2} {
		data, err := newRevoking(f, "bench", alg).file.RevokersJSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRevokers(data)
		if err == nil && len(r.Keys) != 0 && r.Key(r.Keys[0].ID) != r.Keys[0] {
			t.Errorf("%q is taken as %v", data, r)
		}
	})
}
