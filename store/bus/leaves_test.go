package bus

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func leafOf(body string) Leaf { return Leaf{Hash: tlog.RecordHash([]byte(body)), Body: []byte(body)} }

func bareOf(body string) Leaf { return Leaf{Hash: tlog.RecordHash([]byte(body)), Bare: true} }

// leavesOf makes a message of leaves and reads it.
func leavesOf(t *testing.T, leaves []Leaf) []Leaf {
	t.Helper()
	p := Place{Gate: "A07", Epoch: "e1", Seq: 7, First: 1, More: len(leaves) - 1}
	h := p.Header()
	body, err := EncodeLeaves(h, leaves)
	if err != nil || len(body) > MaxRecord {
		t.Fatalf("a body of %d bytes, %v", len(body), err)
	}
	p, err = ParsePlace("rg.GZQ.A07.journal", h)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseLeaves(p, h, body)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A message has one record or several, and of those whose bodies made room their hashes.
func TestLeavesAreReadAsTheyWereWritten(t *testing.T) {
	for name, leaves := range map[string][]Leaf{
		"one":          {leafOf("body")},
		"one, no CBOR": {leafOf("\xff\x00")},
		"one, empty":   {leafOf("")},
		"several":      {leafOf("body"), leafOf(""), leafOf("\xff\x00"), leafOf(strings.Repeat("x", 10_000))},
		"a hash":       {bareOf("body")},
		"hashes":       {bareOf("body"), bareOf("another")},
	} {
		if n := Fit(leaves); n != len(leaves) {
			t.Errorf("%s: %d of %d go together", name, n, len(leaves))
		}
		if got := leavesOf(t, leaves); !reflect.DeepEqual(got, leaves) {
			t.Errorf("%s: %v is read as %v", name, leaves, got)
		}
	}
}

// What goes together has the bounds of a message, and is of one kind.
func TestWhatFitsIntoAMessage(t *testing.T) {
	many := func(n int, l Leaf) (all []Leaf) {
		for range n {
			all = append(all, l)
		}
		return all
	}
	half := strings.Repeat("x", MaxRecord/2)
	for _, tt := range []struct {
		name   string
		leaves []Leaf
		want   int
	}{
		{"nothing", nil, 0},
		{"as many as may be", many(MaxRecords, leafOf("body")), MaxRecords},
		{"one more", many(MaxRecords+1, leafOf("body")), MaxRecords},
		{"hashes", many(MaxRecords+1, bareOf("body")), MaxRecords},
		{"as large as may be", []Leaf{leafOf(half), leafOf(half[9:])}, 2},
		{"too large", []Leaf{leafOf(half), leafOf(half)}, 1},
		{"one that is too large by itself", many(2, leafOf(half+half)), 1},
		{"a hash behind bodies", []Leaf{leafOf("a"), leafOf("b"), bareOf("c")}, 2},
		{"a body behind a hash", []Leaf{bareOf("a"), leafOf("b")}, 1},
	} {
		if got := Fit(tt.leaves); got != tt.want {
			t.Errorf("%s: %d; want %d", tt.name, got, tt.want)
		} else if got > 0 {
			leavesOf(t, tt.leaves[:got])
		}
	}
}

func TestLeavesThatAreNone(t *testing.T) {
	good := hex.EncodeToString(make([]byte, 32))
	several, err := EncodeLeaves(nil, []Leaf{leafOf("a"), leafOf("b")})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		more   int
		hashes []string // nil: no header
		body   []byte
	}{
		"a body and a hash":   {0, []string{good}, []byte("body")},
		"no hash":             {0, []string{}, nil},
		"two hashes for one":  {0, []string{good, good}, nil},
		"one hash for two":    {1, []string{good}, nil},
		"a short hash":        {0, []string{good[2:]}, nil},
		"a long one":          {0, []string{good + "00"}, nil},
		"capitals":            {0, []string{strings.ToUpper("ab" + good[2:])}, nil},
		"no hex":              {1, []string{good, "x" + good[1:]}, nil},
		"two records for one": {2, nil, several},
		"one record for two":  {1, nil, []byte("\x81\x41a")},
		"a cut body":          {1, nil, several[:len(several)-1]},
		"more than a body":    {1, nil, append(bytes.Clone(several), 0)},
		"no list":             {1, nil, []byte("body")},
		"nothing":             {1, nil, nil},
	} {
		h := map[string][]string{}
		if tt.hashes != nil {
			h[HeaderLeaf] = tt.hashes
		}
		if got, err := ParseLeaves(Place{More: tt.more}, h, tt.body); err == nil {
			t.Errorf("%s: read as %v", name, got)
		}
	}
}

func TestWhoTakesSeveralRecordsSaysSo(t *testing.T) {
	if !TakesSeveral(Several()) || TakesSeveral(nil) || TakesSeveral(map[string]string{"railgate.records": "one"}) {
		t.Error("a stream of before is sent several, or one of now is not")
	}
}

func FuzzParseLeaves(f *testing.F) {
	hash := hex.EncodeToString(make([]byte, 32))
	several, err := EncodeLeaves(nil, []Leaf{leafOf("a"), leafOf("b")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, "", []byte("body"))
	f.Add(1, "", several)
	f.Add(0, hash, []byte(nil))
	f.Add(1, hash+" "+hash, []byte(nil))
	f.Add(math.MaxInt, "", []byte("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, more int, hashes string, body []byte) {
		h := map[string][]string{}
		if hashes != "" {
			h[HeaderLeaf] = strings.Split(hashes, " ")
		}
		got, err := ParseLeaves(Place{More: more}, h, body)
		if err != nil {
			return
		}
		if len(got) != more+1 {
			t.Fatalf("%d records; want %d", len(got), more+1)
		}
		again := map[string][]string{}
		text, err := EncodeLeaves(again, got)
		if err != nil {
			t.Fatal(err)
		}
		list, err := ParseLeaves(Place{More: more}, again, text)
		if err != nil || fmt.Sprint(list) != fmt.Sprint(got) {
			t.Errorf("%v is written and read as %v (%v)", got, list, err)
		}
	})
}
