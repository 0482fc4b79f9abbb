package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/store/journal"
)

// record is one of a kind that a test does not care for.
func record(seq uint64, at time.Time) journal.Record {
	return journal.Record{Seq: seq, Time: at, Kind: journal.Forced}
}

// sieved are the numbers of the records that a query asks for.
func sieved(t *testing.T, q query, records ...journal.Record) string {
	t.Helper()
	if err := q.check(); err != nil {
		t.Fatal(err)
	}
	var got []string
	s := newSieve(&q, func(r *journal.Record) error { got = append(got, fmt.Sprint(r.Seq)); return nil })
	for i := range records {
		if err := s.take(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(got, " ")
}

func TestQueryByKindReasonAndCertificate(t *testing.T) {
	t.Parallel()
	records := []journal.Record{
		{Seq: 1, Kind: journal.Started},
		{Seq: 2, Kind: journal.Decision, Decision: journal.Denied, Reason: "already_used", Certificate: "\x3f\xa9\x01"},
		{Seq: 3, Kind: journal.Decision, Decision: journal.Granted, Reason: "ok", Certificate: "\x3f\xa0"},
		{Seq: 4, Kind: journal.Passage, Certificate: "\x3f\xa0", Grant: 3},
	}
	for _, tt := range []struct {
		query query
		want  string
	}{
		{query{}, "1 2 3 4"},
		{query{kinds: []string{"decision"}}, "2 3"},
		{query{kinds: []string{"started", "passage"}}, "1 4"},
		{query{reasons: []string{"already_used", "passback"}}, "2"},
		{query{certificates: []string{"3FA0"}}, "3 4"},
		{query{certificates: []string{"3fa"}}, "2 3 4"},
		{query{certificates: []string{"3fa901", "00"}, reasons: []string{"ok"}}, ""},
	} {
		if got := sieved(t, tt.query, records...); got != tt.want {
			t.Errorf("%+v: %q; want %q", tt.query, got, tt.want)
		}
	}
}

// After a power cut a gate may believe that it is 1970: what happened then is among what
// happened before and after it.
func TestRecordsOfAnUntrustedTimeGoByThoseAroundThem(t *testing.T) {
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	unsure := func(seq uint64) journal.Record {
		r := record(seq, time.Unix(7, 0))
		r.Unsure = true
		return r
	}
	records := []journal.Record{unsure(1), record(2, at(0)), unsure(3), unsure(4), record(5, at(10)), record(6, at(20)), unsure(7), record(8, at(30)), unsure(9)}
	for _, tt := range []struct {
		name         string
		since, until time.Time
		want         string
	}{
		{"all", at(-1), at(99), "1 2 3 4 5 6 7 8 9"},
		{"the first trusted", at(-1), at(5), "1 2 3 4"},
		{"between", at(9), at(11), "3 4 5"},
		{"exact ends", at(10), at(20), "3 4 5 6 7"},
		{"from the last trusted", at(30), time.Time{}, "7 8 9"},
		{"after the last trusted", at(31), time.Time{}, "9"},
		{"before all", time.Time{}, at(-1), ""},
	} {
		if got := sieved(t, query{since: tt.since, until: tt.until}, records...); got != tt.want {
			t.Errorf("%s: %q; want %q", tt.name, got, tt.want)
		}
	}
	if got := sieved(t, query{since: at(0)}, unsure(1), unsure(2)); got != "1 2" {
		t.Errorf("no trusted record: %q; want all", got)
	}
}

func TestQueryRefuses(t *testing.T) {
	for _, q := range []query{
		{since: noon, until: noon.Add(-1)}, {certificates: []string{""}}, {certificates: []string{"3fa", "xyz"}}, {certificates: []string{"3 "}},
	} {
		if err := q.check(); err == nil {
			t.Errorf("%+v is taken; want an error", q)
		}
	}
}

// Where nothing is found the journal says what there is to ask for.
func TestNothingFoundNamesWhatThereIs(t *testing.T) {
	q := query{reasons: []string{"alredyused"}}
	s := newSieve(&q, func(*journal.Record) error { return nil })
	if got := s.nothing(time.UTC); got != "the journal has no records" {
		t.Errorf("empty: %q", got)
	}
	for _, reason := range []string{"passback", "already_used", "", "passback"} {
		s.take(&journal.Record{Kind: journal.Decision, Reason: reason, Time: noon})
	}
	if got := s.nothing(time.UTC); !strings.HasSuffix(got, "is it already_used? the reasons here are already_used, passback") {
		t.Errorf("a wrong reason: %q", got)
	}
	q.kinds = []string{"nonsense"}
	if got := s.nothing(time.UTC); !strings.HasSuffix(got, "the kinds here are decision") {
		t.Errorf("a wrong kind: %q", got)
	}
	q = query{since: noon.Add(time.Hour)}
	if got, want := s.nothing(time.UTC), "the newest is of "+noon.UTC().Format(recordTime); !strings.HasSuffix(got, want) {
		t.Errorf("of tomorrow: %q; want %q", got, want)
	}
	q = query{until: noon.Add(-time.Hour)}
	if got, want := s.nothing(time.UTC), "the oldest is of "+noon.UTC().Format(recordTime); !strings.HasSuffix(got, want) {
		t.Errorf("of last year: %q; want %q", got, want)
	}
}

func TestTailKeepsTheLast(t *testing.T) {
	for _, most := range []int{0, 1, 3, 10} {
		k := tail{most: most}
		var all []uint64
		for seq := range uint64(10) {
			r := record(seq, noon)
			k.add(&r)
			all = append(all, seq)
			var got []uint64
			for _, r := range k.last() {
				got = append(got, r.Seq)
			}
			if want := all[max(0, len(all)-most)*min(most, 1):]; !slices.Equal(got, want) {
				t.Fatalf("the last %d: %v; want %v", most, got, want)
			}
		}
	}
}
