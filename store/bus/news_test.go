package bus

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

var someNews = News{
	Created: 1764000000123456789, After: 41, Last: 45, Time: 1764000001000000000, Pending: 3,
	Words: []Word{{Seq: 42, Subject: "rg.GZQ.A07.spent", Body: []byte{1, 2}}, {Seq: 45, Subject: "rg.GZQ.beat"}},
}

func TestNewsAreReadAsTheyWereWritten(t *testing.T) {
	body, err := someNews.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseNews(body)
	if err != nil || !reflect.DeepEqual(got.Words[0], someNews.Words[0]) || got.After != 41 || got.Last != 45 || got.Pending != 3 || got.Stream().UnixNano() != someNews.Created || got.At().UnixNano() != someNews.Time {
		t.Errorf("%+v is read as %+v (%v)", someNews, got, err)
	}
	for name, change := range map[string]func(*News){
		"nothing told":             func(n *News) { n.Last = n.After },
		"a word of before":         func(n *News) { n.Words = []Word{{Seq: 41, Subject: "rg.GZQ.beat"}} },
		"a word of later":          func(n *News) { n.Words = []Word{{Seq: 46, Subject: "rg.GZQ.beat"}} },
		"words out of order":       func(n *News) { n.Words = []Word{{Seq: 44, Subject: "rg.GZQ.beat"}, {Seq: 43, Subject: "rg.GZQ.beat"}} },
		"one twice":                func(n *News) { n.Words = []Word{{Seq: 44, Subject: "rg.GZQ.beat"}, {Seq: 44, Subject: "rg.GZQ.beat"}} },
		"a subject of another's":   func(n *News) { n.Words = []Word{{Seq: 44, Subject: "$JS.API"}} },
		"a subject without an end": func(n *News) { n.Words = []Word{{Seq: 44, Subject: "rg." + strings.Repeat("x", 200)}} },
		"no stream":                func(n *News) { n.Created = 0 },
		"no time":                  func(n *News) { n.Time = 0 },
	} {
		n := someNews
		change(&n)
		if _, err := n.Encode(); err == nil {
			t.Errorf("%s: it is written", name)
		}
	}
}

func FuzzParseNews(f *testing.F) {
	for _, n := range []News{someNews, {Created: 1, Last: 1, Time: 1}} {
		body, err := n.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
		f.Add(body[:len(body)-1])
	}
	f.Add([]byte{0xa0})
	f.Add(bytes.Repeat([]byte{0x81}, 100))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := ParseNews(body)
		if err != nil {
			return
		}
		again, err := n.Encode()
		if err != nil {
			t.Fatalf("%+v is read and not written: %v", n, err)
		}
		if m, err := ParseNews(again); err != nil || m.Last != n.Last || len(m.Words) != len(n.Words) {
			t.Fatalf("%+v is written and read as %+v (%v)", n, m, err)
		}
	})
}
