package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// What is written stays readable: a record is these bytes.
func TestARecordsBytes(t *testing.T) {
	slot := uint8(7)
	r := Record{
		Time: time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.FixedZone("", 8*3600)), Kind: Decision, Decision: Denied, Reason: "passback",
		Certificate: "c", Holder: "\x00\xff", KeyID: "k", Slot: &slot, Direction: "exit", Scanner: "front", Detail: "d", Flag: "f", Count: 3, Unsure: true, Grant: 9, Issued: 1,
	}
	const want = "b0" + // a map of 16
		"01581e323032362d31312d32335430343a30303a30302e3132333435363738395a" + // bytes, as all strings
		"02486465636973696f6e" + "034664656e696564" + "0448706173736261636b"
	data, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(data); !strings.HasPrefix(got, want) {
		t.Errorf("record = %s; want it to begin with %s", got, want)
	}
	var again Record
	if err := Decode(data, &again); err != nil || !again.Time.Equal(r.Time) || again.Slot == nil || *again.Slot != slot {
		t.Fatalf("Decode = %+v, %v; want %+v", again, err, r)
	}
	again.Time, again.Slot = r.Time, r.Slot
	if again != r {
		t.Errorf("Decode = %+v; want %+v", again, r)
	}
}

// A map's bytes do not depend on the order in which Go walks it.
func TestAMapIsWrittenInOneOrder(t *testing.T) {
	m := map[string]int{}
	for _, key := range strings.Split("b a c aa z y x w", " ") {
		m[key] = len(m)
	}
	want, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if got, err := Encode(m); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%x, %v; then %x", got, err, want)
		}
	}
}

// What Encode does not write is not read.
func TestDecodeRefuses(t *testing.T) {
	for name, data := range map[string][]byte{
		"a key twice":                {0xa2, 0x01, 0x02, 0x01, 0x03},
		"a map of unsaid length":     {0xbf, 0x01, 0x02, 0xff},
		"nothing":                    {},
		"a map that is cut":          {0xa1, 0x01},
		"something behind the value": {0xa0, 0x00},
	} {
		var m map[int]int
		if err := Decode(data, &m); err == nil {
			t.Errorf("%s: %v; want an error", name, m)
		}
	}
}

func TestIDsAreHex(t *testing.T) {
	id := ID("\x00\xffa")
	text, err := id.MarshalText()
	if err != nil || string(text) != "00ff61" {
		t.Errorf("MarshalText = %q, %v; want 00ff61", text, err)
	}
	var again ID
	if err := again.UnmarshalText(text); err != nil || again != id {
		t.Errorf("UnmarshalText = %q, %v; want %q", again, err, id)
	}
	for _, bad := range []string{"0", "0g", "00 ff"} {
		id := ID("as it was")
		if err := id.UnmarshalText([]byte(bad)); err == nil || !strings.Contains(err.Error(), bad) || id != "as it was" {
			t.Errorf("%q is read as %q, %v; want an error that names it", bad, id, err)
		}
	}
}

// A role's number is in each file: it stays.
func TestRolesHaveTheirNumbers(t *testing.T) {
	if got := []Role{AnyRole, Entry, Exit, Check}; !reflect.DeepEqual(got, []Role{0, 1, 2, 3}) {
		t.Errorf("roles are %v; want 0 to 3", got)
	}
}

func TestMustStopsAProgramThatIsWrong(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it goes on after an error")
		}
	}()
	must(1, errors.New("no such mode"))
}

// Passages are counted of one day.
func TestPassagesOfADay(t *testing.T) {
	p := LastPassage{Day: 20261123, Today: 3}
	if p.On(20261123) != 3 || p.On(20261124) != 0 || (LastPassage{}).On(0) != 0 {
		t.Errorf("%d on the day, %d on the next; want 3 and none", p.On(20261123), p.On(20261124))
	}
}
