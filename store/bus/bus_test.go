package bus

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// The subjects are a contract between versions: a gate and its station need not have the same one.
func TestTheNamesOnTheBus(t *testing.T) {
	for got, want := range map[string]string{
		JournalSubject("GZQ", "A07"):     "rg.GZQ.A07.journal",
		SpentSubject("GZQ", "A07"):       "rg.GZQ.A07.spent",
		TimeSubject("GZQ", "A07"):        "rg.GZQ.A07.time",
		ReceiptSubject("GZQ", "A07"):     "rg.GZQ.A07.receipt",
		BeatSubject("GZQ"):               "rg.GZQ.beat",
		TicketsSubject("GZQ"):            "rg.GZQ.tickets",
		NewsSubject("GZQ"):               "rg.GZQ.news",
		JournalSubjects("GZQ"):           "rg.GZQ.*.journal",
		JournalStream("GZQ"):             "rg_GZQ_journal",
		SpentStream("GZQ"):               "rg_GZQ_spent",
		ClaimsBucket("GZQ"):              "rg_GZQ_claims",
		ClaimSubject("GZQ", "p.00"):      "$KV.rg_GZQ_claims.p.00",
		GateOf("rg.GZQ.A07.spent"):       "A07",
		GateOf("rg.GZQ.beat"):            "",
		GateOf("other.GZQ.A07.spent"):    "",
		GateOf("rg.GZQ.A07.spent.extra"): "",
	} {
		if got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}

// A gate may not write under another's name, nor read what others are answered.
func TestAGateSpeaksForItselfOnly(t *testing.T) {
	p := Permissions("GZQ", "A07")
	for _, forbidden := range []string{JournalSubject("GZQ", "A08"), SpentSubject("GZQ", "A08"), BeatSubject("GZQ"), TicketsSubject("GZQ"), NewsSubject("GZQ"), "$JS.API.STREAM.DELETE.rg_GZQ_spent", "$JS.API.STREAM.PURGE.rg_GZQ_journal"} {
		if slices.ContainsFunc(p.Publish, func(may string) bool { return matches(may, forbidden) }) {
			t.Errorf("gate A07 may publish %s", forbidden)
		}
	}
	for _, needed := range []string{JournalSubject("GZQ", "A07"), ClaimSubject("GZQ", "s.00.12")} {
		if !slices.ContainsFunc(p.Publish, func(may string) bool { return matches(may, needed) }) {
			t.Errorf("gate A07 may not publish %s", needed)
		}
	}
	if slices.ContainsFunc(p.Subscribe, func(may string) bool { return matches(may, Inbox("GZQ", "A08")+".x") }) {
		t.Error("gate A07 may read A08's answers")
	}
}

// matches tells whether a subject fits a pattern of NATS.
func matches(pattern, subject string) bool {
	want, got := strings.Split(pattern, "."), strings.Split(subject, ".")
	for n, part := range want {
		switch {
		case part == ">":
			return len(got) > n
		case n >= len(got) || part != "*" && part != got[n]:
			return false
		}
	}
	return len(want) == len(got)
}

func TestAPlaceIsReadAsItWasWritten(t *testing.T) {
	want := Place{"A07", "e1", 12, 10, 3}
	got, err := ParsePlace("rg.GZQ.A07.journal", want.Header())
	if err != nil || got != want || got.Leaf() != 2 || got.Last() != 15 || got.At(1) != (Place{"A07", "e1", 13, 10, 0}) {
		t.Fatalf("%v is read as %v (%v)", want, got, err)
	}
	if h := want.At(0).Header(); h[HeaderMore] != nil {
		t.Errorf("the headers of one record: %v", h)
	}
	for name, change := range map[string]func(map[string][]string){
		"another gate's":    func(h map[string][]string) { h[HeaderGate] = []string{"A08"} },
		"no epoch":          func(h map[string][]string) { delete(h, HeaderEpoch) },
		"an epoch with .":   func(h map[string][]string) { h[HeaderEpoch] = []string{"a.b"} },
		"two numbers":       func(h map[string][]string) { h[HeaderSeq] = []string{"12", "13"} },
		"a number below 0":  func(h map[string][]string) { h[HeaderSeq] = []string{"-1"} },
		"a zero before":     func(h map[string][]string) { h[HeaderSeq] = []string{"012"} },
		"before the first":  func(h map[string][]string) { h[HeaderFirst] = []string{"13"} },
		"no record is 0":    func(h map[string][]string) { h[HeaderFirst] = []string{"0"} },
		"more than 63 bits": func(h map[string][]string) { h[HeaderSeq] = []string{"9223372036854775808"} },
		"too many":          func(h map[string][]string) { h[HeaderMore] = []string{"64"} },
		"no more":           func(h map[string][]string) { h[HeaderMore] = []string{"0"} },
		"more of nothing":   func(h map[string][]string) { h[HeaderMore] = nil },
		"more than numbers": func(h map[string][]string) { h[HeaderSeq] = []string{"9223372036854775807"} },
	} {
		h := want.Header()
		change(h)
		if p, err := ParsePlace("rg.GZQ.A07.journal", h); err == nil {
			t.Errorf("%s: read as %v", name, p)
		}
	}
}

var someSpent = Spent{
	Kind: Granted, Gate: "A07", Epoch: "e1", Seq: 3, Role: journal.Entry, Certificate: "0123456789abcdef", Holder: "\xff\x00h",
	IssuedAt: 1764000000, Slot: 4, Begins: 1764000240, Until: 1764000310, Static: true, Time: 1764000250, Ticket: "t1", Uses: 2, Walk: 3,
}

func TestASpentCodeIsReadAsItWasWritten(t *testing.T) {
	body, err := someSpent.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseSpent("rg.GZQ.A07.spent", body)
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], someSpent) {
		t.Fatalf("%v is read as %v (%v)", someSpent, got, err)
	}
	if len(body) > 160 {
		t.Errorf("%d bytes; want 160 at most, for a large station has 12,000 a minute", len(body))
	}
	if _, err := ParseSpent("rg.GZQ.A08.spent", body); err == nil {
		t.Error("a gate tells what another one did")
	}
	for n := range body {
		if _, err := ParseSpent("rg.GZQ.A07.spent", body[:n]); err == nil {
			t.Errorf("the first %d bytes are whole", n)
		}
	}
	for name, change := range map[string]func(*Spent){
		"kind":        func(s *Spent) { s.Kind = "opened" },
		"gate":        func(s *Spent) { s.Gate = "" },
		"seq":         func(s *Spent) { s.Seq = 0 },
		"role":        func(s *Spent) { s.Role = 9 },
		"certificate": func(s *Spent) { s.Certificate = journal.ID(strings.Repeat("x", MaxCertificate+1)) },
		"time":        func(s *Spent) { s.Time = -1 },
		"walk":        func(s *Spent) { s.Walk = maxWalk + 1 },
	} {
		s := someSpent
		change(&s)
		if _, err := s.Encode(); err == nil {
			t.Errorf("a bad %s is written", name)
		}
		body, _ := journal.Encode(s)
		if _, err := ParseSpent("rg.GZQ."+s.Gate+".spent", body); err == nil {
			t.Errorf("a bad %s is read", name)
		}
	}
}

// A message may tell of several codes. Those before one that is wrong are read.
func TestSeveralSpentCodesInAMessage(t *testing.T) {
	var body []byte
	for n := range 3 {
		s := someSpent
		s.Seq = uint64(n + 1)
		one, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		body = append(body, one...)
	}
	const subject = "rg.GZQ.A07.spent"
	if got, err := ParseSpent(subject, body); err != nil || len(got) != 3 || got[2].Seq != 3 {
		t.Errorf("%v, %v; want three", got, err)
	}
	other := someSpent
	other.Gate = "A08"
	one, _ := other.Encode()
	for name, more := range map[string][]byte{"another gate's": one, "nonsense": {0xff}, "a part": one[:20]} {
		if got, err := ParseSpent(subject, append(bytes.Clone(body), more...)); err == nil || len(got) != 3 {
			t.Errorf("%s behind three: %d, %v; want the three, and an error", name, len(got), err)
		}
	}
	small, err := Spent{Kind: Passed, Gate: "A07", Epoch: "e", Seq: 1}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseSpent(subject, bytes.Repeat(small, MaxSpents+1)); err == nil || len(got) != MaxSpents {
		t.Errorf("%d codes are read of too many (%v)", len(got), err)
	}
	for name, body := range map[string][]byte{"none": nil, "too many bytes": make([]byte, MaxSpentBytes+1)} {
		if got, err := ParseSpent(subject, body); err == nil || len(got) > 0 {
			t.Errorf("%s: read as %v", name, got)
		}
	}
}

func TestAnAnswerIsReadAsItWasWritten(t *testing.T) {
	for _, want := range []Answer{
		{Status: Received, Note: []byte("note")}, {Status: Behind, Have: 7},
		{Status: RolledBack, Note: []byte("proof")}, {Status: Refused, Why: "gate is not enrolled"}, {Status: Later, Why: "the disk is full"},
	} {
		data, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseAnswer(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %v (%v)", data, got, err)
		}
	}
	for _, bad := range []string{``, `{}`, `{"status":"ok"}`, `{"status":"receipt"}`, `{"status":"behind","have":-1}`, `{"status":"behind","more":1}`, `{"status":"behind"}{}`, `{"status":"refused","why":"a\nb"}`} {
		if a, err := ParseAnswer([]byte(bad)); err == nil {
			t.Errorf("%s is read as %v", bad, a)
		}
	}
}

func testCosigner(t testing.TB, name string) *torchwood.CosignatureSigner {
	t.Helper()
	s, err := torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(len(name))}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testStation(t testing.TB) *Station {
	return &Station{
		Station: "GZQ", Zone: "Asia/Shanghai", Servers: []string{"tls://bus.gzq.example:4222", "tls://[::1]:4222"}, Pins: []string{Pin([]byte("spki"))},
		ReceiptKey: testCosigner(t, ReceiptKeyName("GZQ")).Verifier().String(), TimeKey: testCosigner(t, TimeKeyName("GZQ")).Verifier().String(),
		TicketKey: ticketKey(t, "GZQ"),
	}
}

func ticketKey(t testing.TB, station string) string {
	t.Helper()
	_, key, err := note.GenerateKey(rand.Reader, TicketKeyName(station))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A station of before has no key for additions to the day's tickets, and is one all the same.
func TestAStationWithoutAKeyForTickets(t *testing.T) {
	s := testStation(t)
	if v, err := s.Tickets(); err != nil || v.Name() != "railgate.GZQ.tickets" {
		t.Errorf("its key: %v, %v", v, err)
	}
	s.TicketKey = ""
	data, err := s.Encode()
	if err != nil || strings.Contains(string(data), "ticket_key") {
		t.Fatalf("%s (%v)", data, err)
	}
	got, err := ParseStation(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := got.Tickets(); !errors.Is(err, ErrNoTicketKey) {
		t.Errorf("%v; want %v", err, ErrNoTicketKey)
	}
}

func TestAStationIsReadAsItWasWritten(t *testing.T) {
	want := testStation(t)
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseStation(data)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s is read as %v (%v)", data, got, err)
	}
	if !got.Pinned([]byte("spki")) || got.Pinned([]byte("another")) {
		t.Error("the pins hold another key than the station's")
	}
	for name, change := range map[string]func(*Station){
		"name":               func(s *Station) { s.Station = "a.b" },
		"zone":               func(s *Station) { s.Zone = "../etc/passwd" },
		"zone Local":         func(s *Station) { s.Zone = "Local" },
		"plain server":       func(s *Station) { s.Servers = []string{"nats://a:4222"} },
		"server with a user": func(s *Station) { s.Servers = []string{"tls://u:p@a:4222"} },
		"server with a path": func(s *Station) { s.Servers = []string{"tls://a:4222/x"} },
		"server, no port":    func(s *Station) { s.Servers = []string{"tls://a"} },
		"no pins":            func(s *Station) { s.Pins = nil },
		"pin":                func(s *Station) { s.Pins = []string{"sha256//AAAA"} },
		"swapped keys":       func(s *Station) { s.TimeKey, s.ReceiptKey = s.ReceiptKey, s.TimeKey },
		"ticket key":         func(s *Station) { s.TicketKey = s.TimeKey },
		"another's tickets":  func(s *Station) { s.TicketKey = ticketKey(t, "XYZ") },
		"no time key":        func(s *Station) { s.TimeKey = "" },
		"another's key":      func(s *Station) { s.TimeKey = testCosigner(t, TimeKeyName("XYZ")).Verifier().String() },
		"a signature's key":  func(s *Station) { s.TimeKey = strings.Replace(s.TimeKey, "+B", "+A", 1) },
	} {
		s := *want
		change(&s)
		if _, err := s.Encode(); err == nil {
			t.Errorf("a bad %s is written", name)
		}
		data, _ := json.Marshal(s)
		if got, err := ParseStation(data); err == nil {
			t.Errorf("a bad %s is read as %v", name, got)
		}
	}
	if _, err := ParseStation(bytes.Replace(data, []byte("{"), []byte(`{"more":1,`), 1)); err == nil {
		t.Error("an unknown member is taken")
	}
}

func TestCosignaturesAreTheStations(t *testing.T) {
	s := testStation(t)
	receipts, err := s.Receipts()
	if err != nil {
		t.Fatal(err)
	}
	times, err := s.Time()
	if err != nil {
		t.Fatal(err)
	}
	const origin = "railgate.GZQ.A07.e1"
	tree := tlog.Tree{N: 3, Hash: tlog.RecordHash([]byte("x"))}
	head, err := journal.SignHead(origin, tree, testCosigner(t, ReceiptKeyName("GZQ")))
	if err != nil {
		t.Fatal(err)
	}
	if got, n, err := journal.OpenHead(head, origin, receipts); err != nil || got != tree {
		t.Errorf("the station's cosignature: %v, %v; want %v", got, err, tree)
	} else if at, err := torchwood.CosignatureTimestamp(n.Sigs[0]); err != nil || at == 0 {
		t.Errorf("its time: %d, %v", at, err)
	}
	if _, _, err := journal.OpenHead(head, origin, times); err == nil {
		t.Error("the key of receipts tells the time")
	}
	var _ note.Verifier = receipts
}

func FuzzParseSpent(f *testing.F) {
	body, _ := someSpent.Encode()
	f.Add(body)
	f.Add(append(bytes.Clone(body), body...))
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, body []byte) {
		all, _ := ParseSpent("rg.GZQ.A07.spent", body)
		var again []byte
		for _, s := range all {
			one, err := s.Encode()
			if err != nil {
				t.Fatalf("%v is read and not written: %v", s, err)
			}
			again = append(again, one...)
		}
		if len(all) == 0 || len(again) > MaxSpentBytes {
			return
		}
		if got, err := ParseSpent("rg.GZQ.A07.spent", again); err != nil || !reflect.DeepEqual(got, all) {
			t.Errorf("%v is written as %x and read as %v (%v)", all, again, got, err)
		}
	})
}

func FuzzParsePlace(f *testing.F) {
	f.Add("A07", "e1", "12", "10", "")
	f.Add("A07", "e1", "12", "10", "3")
	f.Add("", "", "", "", "")
	f.Fuzz(func(t *testing.T, gate, epoch, seq, first, more string) {
		h := map[string][]string{HeaderGate: {gate}, HeaderEpoch: {epoch}, HeaderSeq: {seq}, HeaderFirst: {first}}
		if more != "" {
			h[HeaderMore] = []string{more}
		}
		p, err := ParsePlace(JournalSubject("GZQ", gate), h)
		if err == nil && (!reflect.DeepEqual(p.Header(), h) || p.Leaf() < 0) {
			t.Errorf("%v is read as %v", h, p)
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(`{"status":"receipt","note":"bm90ZQ==","have":0}`))
	f.Add([]byte(`{"status":"behind","have":7}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseAnswer(data)
		if err != nil {
			return
		}
		if _, err := a.Encode(); err != nil {
			t.Errorf("%v is read and not written: %v", a, err)
		}
	})
}

func FuzzParseStation(f *testing.F) {
	data, _ := testStation(f).Encode()
	f.Add(data)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseStation(data)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatalf("%v is read and not written: %v", s, err)
		}
		if got, err := ParseStation(again); err != nil || got.Station != s.Station {
			t.Errorf("%s: read as %v (%v)", again, got, err)
		}
	})
}
