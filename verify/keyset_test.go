package verify

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseKeyset(t *testing.T) {
	keys := readKeyset(t)
	if keys.Version != 7 || len(keys.Keys) != 7 || len(keys.Issuers) != 1 {
		t.Fatalf("version %d, %d keys, %d issuers; want 7, 7, 1", keys.Version, len(keys.Keys), len(keys.Issuers))
	}
	issuer := keys.Issuers[0]
	if issuer.ID != "cr12306" || issuer.Slots() != 30 {
		t.Errorf("issuer %q with %d slots; want cr12306 with 30", issuer.ID, issuer.Slots())
	}
	if k := keys.Key("\xa3\x37\x85\x67"); k == nil || k.Algorithm() != SM2 || k.Issuer != issuer {
		t.Errorf("key a3378567 = %+v; want an SM2 key of cr12306", k)
	}
	if !keys.Revoked(CertificateID(unhex(t, "c0f3e0a673f779e1"))) {
		t.Error("c0f3e0a673f779e1 is not revoked")
	}
}

// Ed25519 points that crypto/ed25519 takes for keys and nobody can own: the
// encodings of low order (all of the 8-torsion) and points with a second spelling.
var weakPoints = []struct{ name, hex, want string }{
	{"the identity", "0100000000000000000000000000000000000000000000000000000000000000", "low order"},
	{"order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "low order"},
	{"order 4", "0000000000000000000000000000000000000000000000000000000000000000", "low order"},
	{"order 4, x odd", "0000000000000000000000000000000000000000000000000000000000000080", "low order"},
	{"order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "low order"},
	{"order 8, x odd", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", "low order"},
	{"order 8, y negative", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "low order"},
	{"order 8, y negative, x odd", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", "low order"},
	{"the identity, x's sign set", "0100000000000000000000000000000000000000000000000000000000000080", "canonical"},
	{"order 2, x's sign set", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "canonical"},
	{"y = p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "canonical"},
	{"y = p + 1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "canonical"},
	{"y = p + 3, not of low order", "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "canonical"},
	{"off the curve", "0200000000000000000000000000000000000000000000000000000000000000", "off its curve"},
}

func TestKeysetRefusesWeakEd25519Points(t *testing.T) {
	for _, tt := range weakPoints {
		t.Run(tt.name, func(t *testing.T) {
			doc := goodDocument(t)
			doc.Keys[0].X = base64.RawURLEncoding.EncodeToString(unhex(t, tt.hex))
			wantKeysetError(t, marshal(t, doc), tt.want)
		})
	}
}

func TestKeysetRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Document)
		want   string
	}{
		{"no issuer", func(d *Document) { d.Issuers, d.Keys = nil, nil }, "names no issuer"},
		{"an empty list of issuers", func(d *Document) { d.Issuers = []DocumentIssuer{} }, "names no issuer"},
		{"no key", func(d *Document) { d.Keys = nil }, "names no key"},
		{"an empty list of keys", func(d *Document) { d.Keys = []DocumentKey{} }, "names no key"},
		{"two keys with one kid", func(d *Document) { d.Keys[1].KeyID = d.Keys[0].KeyID }, "duplicate kid"},
		{"a window that ends before it begins", func(d *Document) { d.Keys[0].NotAfter = d.Keys[0].NotBefore.Add(-1e9) }, "not_after is before not_before"},
		{"a P-256 point off its curve", func(d *Document) { d.Keys[1].X = d.Keys[1].Y }, "off its curve"},
		{"an SM2 point off its curve", func(d *Document) { d.Keys[2].X = d.Keys[2].Y }, "off its curve"},
		{"a P-256 point under SM2's name", func(d *Document) { d.Keys[2].X, d.Keys[2].Y = d.Keys[1].X, d.Keys[1].Y }, "off its curve"},
		{"the point at infinity", func(d *Document) {
			d.Keys[1].X, d.Keys[1].Y = strings.Repeat("A", 43), strings.Repeat("A", 43)
		}, "off its curve"},
		{"a coordinate of 31 bytes", func(d *Document) { d.Keys[0].X = d.Keys[0].X[:42] }, "want 32 bytes"},
		{"a padded coordinate", func(d *Document) { d.Keys[0].X += "=" }, "want 32 bytes"},
		{"a line break in a coordinate", func(d *Document) { d.Keys[0].X = d.Keys[0].X[:20] + "\n" + d.Keys[0].X[20:] }, "want 32 bytes"},
		{"a y on an Ed25519 key", func(d *Document) { d.Keys[0].Y = d.Keys[0].X }, "no y"},
		{"no y on a P-256 key", func(d *Document) { d.Keys[1].Y = "" }, "y: want 32 bytes"},
		{"an algorithm of another curve", func(d *Document) { d.Keys[0].Algorithm = "ES256" }, "do not go together"},
		{"an unknown curve", func(d *Document) { d.Keys[0].Curve = "Ed448" }, "do not go together"},
		{"an upper-case kid", func(d *Document) { d.Keys[0].KeyID = "AB" }, "lower-case hex"},
		{"an empty kid", func(d *Document) { d.Keys[0].KeyID = "" }, "1 to 8 bytes"},
		{"a kid of nine bytes", func(d *Document) { d.Keys[0].KeyID = "112233445566778899" }, "1 to 8 bytes"},
		{"an issuer that is not there", func(d *Document) { d.Keys[0].Issuer = "nobody" }, "unknown issuer"},
		{"an issuer twice", func(d *Document) { d.Issuers = append(d.Issuers, d.Issuers[0]) }, "duplicate"},
		{"an issuer without a name", func(d *Document) { d.Issuers[0].ID = "" }, "no id"},
		{"no period", func(d *Document) { d.Issuers[0].Period = 0 }, "period"},
		{"liveness shorter than a period", func(d *Document) { d.Issuers[0].Liveness = 59 }, "liveness"},
		{"more slots than a byte counts", func(d *Document) { d.Issuers[0].Period = 7 }, "256 periods"},
		{"no validity", func(d *Document) { d.Issuers[0].Validity = 0 }, "validity"},
		{"late by more than an hour", func(d *Document) { d.Issuers[0].Late = 3601 }, "at most an hour"},
		{"early by more than an hour", func(d *Document) { d.Issuers[0].Early = 3601 }, "at most an hour"},
		{"257 periods", func(d *Document) { d.Issuers[0].Period, d.Issuers[0].Liveness = 1, 257 }, "256 periods"},
		{"a window without a beginning", func(d *Document) { d.Keys[0].NotBefore = time.Time{} }, "not_before and not_after are needed"},
		{"a window without an end", func(d *Document) { d.Keys[0].NotAfter = time.Time{} }, "not_before and not_after are needed"},
		{"a coordinate with a line break for its last character", func(d *Document) { d.Keys[0].X = d.Keys[0].X[:41] + "A\n" }, "want 32 bytes"},
		{"a coordinate with bits after its last byte", func(d *Document) { d.Keys[0].X = d.Keys[0].X[:42] + "B" }, "want 32 bytes"},
		{"no classes", func(d *Document) { d.Keys[0].Classes = nil }, "no classes"},
		{"class 4", func(d *Document) { d.Keys[0].Classes = []uint{4} }, "class 4"},
		{"class 257", func(d *Document) { d.Keys[0].Classes = []uint{257} }, "class 257"},
		{"a revoked cti of 17 bytes", func(d *Document) {
			d.Revoked = []DocumentRevoked{{Certificate: "00112233445566778899aabbccddeeff00"}}
		}, "revoked cti"},
		{"a revoked certificate that is no id", func(d *Document) { d.Revoked = []DocumentRevoked{{Certificate: "zz"}} }, "revoked cti"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := goodDocument(t)
			tt.change(&doc)
			wantKeysetError(t, marshal(t, doc), tt.want)
		})
	}
}

// Each limit itself is taken.
func TestKeysetTakesItsLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Document)
	}{
		{"late by an hour", func(d *Document) { d.Issuers[0].Late = 3600 }},
		{"early by an hour", func(d *Document) { d.Issuers[0].Early = 3600 }},
		{"liveness of one period", func(d *Document) { d.Issuers[0].Liveness = 60 }},
		{"liveness of 256 periods", func(d *Document) { d.Issuers[0].Period, d.Issuers[0].Liveness = 1, 256 }},
		{"validity of a second", func(d *Document) { d.Issuers[0].Validity = 1 }},
		{"a window of an instant", func(d *Document) { d.Keys[0].NotAfter = d.Keys[0].NotBefore }},
		{"a kid of 8 bytes", func(d *Document) { d.Keys[0].KeyID = "1122334455667788" }},
		{"a revoked cti of 16 bytes", func(d *Document) {
			d.Revoked = []DocumentRevoked{{Certificate: "00112233445566778899aabbccddeeff"}}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := goodDocument(t)
			tt.change(&doc)
			if _, err := ParseKeyset(marshal(t, doc)); err != nil {
				t.Errorf("ParseKeyset: %v; want no error", err)
			}
		})
	}
}

func TestKeysetRefusesLooseJSON(t *testing.T) {
	good := string(marshal(t, goodDocument(t)))
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "EOF"},
		{"an empty document", "{}", "names no issuer"},
		{"null", "null", "names no issuer"},
		{"not JSON", "keys", "invalid character"},
		{"an unknown member", strings.Replace(good, `"version"`, `"serial":1,"version"`, 1), "serial"},
		{"an unknown member of a key", strings.Replace(good, `"kty"`, `"use":"sig","kty"`, 1), "use"},
		{"a member in another case", strings.Replace(good, `"version"`, `"Version"`, 1), "Version"},
		{"a member twice", strings.Replace(good, `"version"`, `"version":2,"version"`, 1), "duplicate member"},
		{"a member with a letter that is taken for an s", strings.Replace(good, `"version"`, `"verſion":2,"version"`, 1), "unknown member"},
		{"a member of a key twice", strings.Replace(good, `"kty"`, `"kty":"EC","kty"`, 1), "duplicate member"},
		{"a negative version", strings.Replace(good, `"version":1`, `"version":-1`, 1), "version"},
		{"a time that is none", strings.Replace(good, `"not_before":"`, `"not_before":"soon`, 1), "soon"},
		{"no time", strings.Replace(good, `"not_before"`, `"not_after":"2026-11-23T05:00:00Z","ignored"`, 1), "ignored"},
		{"a second document", good + good, "follows the document"},
		{"text after the document", good + " x", "follows the document"},
		{"half of it", good[:len(good)/2], "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) { wantKeysetError(t, []byte(tt.text), tt.want) })
	}
}

func TestKeysetsShareAKey(t *testing.T) {
	doc := goodDocument(t)
	some := doc
	some.Keys = doc.Keys[:2]
	next, foreign := doc, doc
	next.Keys, foreign.Keys = doc.Keys[1:], doc.Keys[2:]
	parse := func(d Document) *Keyset {
		keys, err := ParseKeyset(marshal(t, d))
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	if a, b := parse(some), parse(next); !a.SharesKey(b) || !b.SharesKey(a) {
		t.Error("the second key is in both, and they share none")
	}
	if a, b := parse(some), parse(foreign); a.SharesKey(b) || b.SharesKey(a) {
		t.Error("they share a key; want none")
	}
}

func wantKeysetError(t *testing.T, data []byte, want string) {
	t.Helper()
	_, err := ParseKeyset(data)
	if err == nil || !strings.HasPrefix(err.Error(), "keyset: ") || !strings.Contains(err.Error(), want) {
		t.Errorf("ParseKeyset: %v; want an error that says %q", err, want)
	}
}

func goodDocument(t testing.TB) Document {
	t.Helper()
	doc := Document{
		Version: 1,
		Issuers: []DocumentIssuer{{ID: "bench", Period: 60, Liveness: 1800, Validity: 86400, Early: 5, Late: 10}},
		Revoked: []DocumentRevoked{},
	}
	var vectors Document
	data, err := os.ReadFile("testdata/keys.json")
	if err == nil {
		err = json.Unmarshal(data, &vectors)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range []Algorithm{EdDSA, ES256, SM2} {
		i := slices.IndexFunc(vectors.Keys, func(k DocumentKey) bool { return k.Algorithm == alg.String() })
		k := vectors.Keys[i]
		k.Issuer, k.Classes, k.NotBefore, k.NotAfter, k.RevokedAt = "bench", []uint{1}, noon, noon.AddDate(0, 1, 0), nil
		doc.Keys = append(doc.Keys, k)
	}
	return doc
}

func marshal(t testing.TB, doc Document) []byte {
	t.Helper()
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func FuzzParseKeyset(f *testing.F) {
	data, err := os.ReadFile("testdata/keys.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(marshal(f, goodDocument(f)))
	f.Add([]byte(`{"version":1,"issuers":[],"keys":[],"revoked":[]}`))
	f.Add([]byte(`{"version":1}{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := ParseKeyset(data)
		if (keys == nil) == (err == nil) {
			t.Fatalf("ParseKeyset = %v, %v", keys, err)
		}
		if err != nil {
			return
		}
		if len(keys.Issuers) == 0 || len(keys.Keys) == 0 || !keys.SharesKey(keys) {
			t.Errorf("%d issuers, %d keys", len(keys.Issuers), len(keys.Keys))
		}
		for _, k := range keys.Keys {
			if keys.Key(k.ID) != k || k.Issuer == nil || k.public == nil || k.NotAfter.Before(k.NotBefore) {
				t.Errorf("key %v: %+v", k.ID, k)
			}
		}
	})
}
