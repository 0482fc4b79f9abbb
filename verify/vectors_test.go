package verify

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"
)

type vector struct {
	Name     string    `json:"name"`
	Now      time.Time `json:"now"`
	Text     string    `json:"text"`
	Decision string    `json:"decision"`
	Reason   Reason    `json:"reason"`
	Sub      string    `json:"sub"`
	Cti      string    `json:"cti"`
	Kid      string    `json:"kid"`
	Slot     *uint8    `json:"slot"`
}

var everyClass = Rules{Classes: []Class{Temporary, Paper, Staff}}

func readKeyset(t testing.TB) *Keyset {
	t.Helper()
	data, err := os.ReadFile("testdata/keys.json")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeyset(data)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("case %d: %v", len(vectors)+1, err)
		}
		vectors = append(vectors, v)
	}
	if len(vectors) < 239 {
		t.Fatalf("%d cases found; want at least 239", len(vectors))
	}
	return vectors
}

// The answers were made by another implementation of docs/wire.md.
func TestDecideGivesTheAnswerOfEachVector(t *testing.T) {
	keys := readKeyset(t)
	for _, v := range readVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			got := Decide(v.Text, keys, everyClass, v.Now)
			if got.Reason != v.Reason || got.Granted() != (v.Decision == "granted") {
				t.Fatalf("Decide = %s (granted %v); want %s (%s)", got.Reason, got.Granted(), v.Reason, v.Decision)
			}
			checkIdentity(t, got, v)
		})
	}
}

func checkIdentity(t *testing.T, got Verdict, want vector) {
	t.Helper()
	for _, field := range []struct{ name, got, want string }{
		{"sub", got.Holder.String(), want.Sub},
		{"cti", got.Certificate.String(), want.Cti},
		{"kid", got.KeyID.String(), want.Kid},
	} {
		if field.want != "" && field.got != field.want {
			t.Errorf("%s = %s; want %s", field.name, field.got, field.want)
		}
	}
	if want.Slot != nil && got.Slot != *want.Slot {
		t.Errorf("slot = %d; want %d", got.Slot, *want.Slot)
	}
	switch want.Reason {
	case Malformed, UnknownKey, BadSignature:
		if got.Signed || got.Holder != "" || got.Certificate != "" {
			t.Errorf("%s tells what nobody signed: %+v", want.Reason, got)
		}
	default:
		if !got.Signed || got.Holder == "" || got.Certificate == "" {
			t.Errorf("%s does not say whose code it was: %+v", want.Reason, got)
		}
	}
}

// samples are granted codes of every algorithm and way.
func samples(t testing.TB) []vector {
	t.Helper()
	var found []vector
	all := readVectors(t)
	for _, name := range []string{
		"issuer-rotated ed read +0s after signing", "issuer-rotated es read +0s after signing", "issuer-rotated sm read +0s after signing",
		"chain ed slot 13 read +0s from its start", "chain es slot 13 read +0s from its start", "chain sm slot 13 read +0s from its start",
		"device ed slot 7", "device es slot 7", "device sm slot 7", "paper certificate, hours after printing",
	} {
		for _, v := range all {
			if v.Name == name {
				found = append(found, v)
			}
		}
	}
	if len(found) != 10 {
		t.Fatalf("%d samples found; want 10", len(found))
	}
	return found
}

func TestNoProperPrefixIsACode(t *testing.T) {
	for _, v := range samples(t) {
		for n := range len(v.Text) {
			if _, err := Parse(v.Text[:n]); err != ErrMalformed {
				t.Errorf("%s cut to %d of %d characters: %v; want ErrMalformed", v.Name, n, len(v.Text), err)
			}
		}
	}
}

func TestNoChangedByteIsGranted(t *testing.T) {
	keys := readKeyset(t)
	for _, v := range samples(t) {
		body, err := appendBase45Decoded(nil, v.Text[len(Prefix):])
		if err != nil {
			t.Fatal(err)
		}
		for i := range body {
			changed := bytes.Clone(body)
			changed[i]++
			if got := Decide(text(changed), keys, everyClass, v.Now); got.Granted() {
				t.Errorf("%s with byte %d changed is granted", v.Name, i)
			}
		}
	}
}

func TestNoFlippedSignatureBitIsGranted(t *testing.T) {
	keys := readKeyset(t)
	for _, v := range samples(t)[:3] {
		body, err := appendBase45Decoded(nil, v.Text[len(Prefix):])
		if err != nil {
			t.Fatal(err)
		}
		for bit := range signatureSize * 8 {
			changed := bytes.Clone(body)
			changed[len(changed)-1-bit/8] ^= 1 << (bit % 8)
			if got := Decide(text(changed), keys, everyClass, v.Now); got.Reason != BadSignature {
				t.Errorf("%s with bit %d of its signature flipped: %s; want %s", v.Name, bit, got.Reason, BadSignature)
			}
		}
	}
}
