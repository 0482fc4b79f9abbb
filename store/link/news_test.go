package link

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/store/bus"
	"railgate/store/journal"
	"railgate/store/link/linktest"
)

// A station that tells no news is an older one, or its program is gone: its gates read the
// stream by themselves.
func TestAStationWithoutNewsIsHeardAllTheSame(t *testing.T) {
	t.Parallel()
	s := linktest.New(t, publicOf("A07"), publicOf("B02"))
	s.Dumb = true
	s.Start()
	a, b := newGate(t, "A07", t.TempDir()).Start(s.File()), newGate(t, "B02", t.TempDir()).Start(s.File())
	a.untilInTouch()
	b.untilInTouch()
	a.grant("one", begins())
	until(t, "the code spent at B", func() bool { return b.Spent(someUse("one", begins()-1)) })
	if n := len(readers(t, s)); n != 2 {
		t.Errorf("%d readers of the stream; want one for each gate", n)
	}
}

// Once a gate hears the news it has no reader of its own: that is what a station of 200 gates
// lives by.
func TestAGateThatHearsNewsReadsNoStream(t *testing.T) {
	t.Parallel()
	s, a, b := pair(t)
	until(t, "no reader but the station's own", func() bool { return len(readers(t, s)) == 1 })
	a.grant("one", begins())
	until(t, "the code spent at B", func() bool { return b.Spent(someUse("one", begins()-1)) })
	if n := len(readers(t, s)); n != 1 {
		t.Errorf("%d readers of the stream; want the station's own", n)
	}
	s.Stop()
	until(t, "B out of touch", func() bool { return !b.InTouch() })
	s.Start()
	a.untilInTouch()
	b.untilInTouch()
	until(t, "no reader but the station's own, once more", func() bool { return len(readers(t, s)) == 1 })
}

// readers are the consumers of the stream of spent codes.
func readers(t *testing.T, s *linktest.Station) (names []string) {
	t.Helper()
	list := s.Stream(bus.SpentStream(linktest.Name)).ConsumerNames(t.Context())
	for name := range list.Name() {
		names = append(names, name)
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// heard is a follower that has heard up to message 10 of a stream, and nothing of a server.
func heard(t *testing.T) *follower {
	g := newGate(t, "A07", t.TempDir())
	t.Cleanup(func() { g.store.Close(); g.others.close() })
	f := &follower{link: g.Link, session: new(session), created: time.Unix(0, 1764000000_000000001), known: 10, at: 10, news: make(chan *nats.Msg, newsWaiting), quiet: newsSilence}
	g.Link.session = f.session
	return f
}

// tell is news of messages from one on, up to another.
func (f *follower) tell(t *testing.T, after, last uint64, words ...bus.Word) (bool, error) {
	t.Helper()
	body, err := bus.News{Created: f.created.UnixNano(), After: after, Last: last, Time: time.Now().UnixNano(), Words: words}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return f.told(&nats.Msg{Data: body})
}

func word(t *testing.T, seq uint64, cti string) bus.Word {
	t.Helper()
	body, err := bus.Spent{Kind: bus.Granted, Gate: "B02", Epoch: "e", Seq: seq, Role: journal.Entry, Certificate: journal.ID(cti), IssuedAt: 1, Begins: 1, Until: time.Now().Unix() + 60}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return bus.Word{Seq: seq, Subject: bus.SpentSubject(linktest.Name, "B02"), Body: body}
}

func (f *follower) knows(cti string) bool {
	return f.link.Spent(journal.Use{Role: journal.Entry, Certificate: journal.ID(cti), IssuedAt: 1, Begins: 1})
}

// News that do not go on where the gate is are not taken: the stream is read first. News that
// come again, or late, change nothing.
func TestNewsAreTakenInOrder(t *testing.T) {
	t.Parallel()
	f := heard(t)
	for i, step := range []struct {
		name        string
		after, last uint64
		on          bool
		at          uint64
	}{
		{"the next", 10, 12, true, 12},
		{"again", 10, 12, true, 12},
		{"one is missing", 13, 14, false, 12},
		{"the missing one, and more", 11, 15, true, 15},
		{"late", 13, 14, true, 15},
	} {
		cti := fmt.Sprint("c", i)
		on, err := f.tell(t, step.after, step.last, word(t, step.last, cti))
		if err != nil || on != step.on || f.at != step.at {
			t.Fatalf("%s: %v, at %d (%v); want %v, at %d", step.name, on, f.at, err, step.on, step.at)
		}
		if at := f.link.others.position().Seq; on && at < step.last {
			t.Errorf("%s: the place that is kept is %d", step.name, at)
		}
		if want := step.name == "the next" || step.name == "the missing one, and more"; f.knows(cti) != want {
			t.Errorf("%s: its code is known: %v; want %v", step.name, !want, want)
		}
	}
	f.created = f.created.Add(1)
	if _, err := f.told(&nats.Msg{Data: []byte("x")}); err == nil {
		t.Error("nonsense is taken for news")
	}
	body, _ := bus.News{Created: 1, After: 15, Last: 16, Time: 1}.Encode()
	if _, err := f.told(&nats.Msg{Data: body}); err == nil {
		t.Error("news of another stream are taken")
	}
}

// Only a heartbeat that was published since the connection began counts, and one that little
// follows.
func TestAHeartbeatInTheNews(t *testing.T) {
	t.Parallel()
	f := heard(t)
	beat := func(seq uint64) bus.Word { return bus.Word{Seq: seq, Subject: bus.BeatSubject(linktest.Name)} }
	f.known = 12
	f.tell(t, 10, 12, beat(12))
	if f.link.InTouch() {
		t.Error("in touch by a heartbeat of before the connection")
	}
	body, err := bus.News{Created: f.created.UnixNano(), After: 12, Last: 13, Time: 1, Pending: farBehind, Words: []bus.Word{beat(13)}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if on, err := f.told(&nats.Msg{Data: body}); !on || err != nil || f.link.InTouch() {
		t.Errorf("in touch while much of the stream follows: %v, %v", on, err)
	}
	if f.tell(t, 13, 14, beat(14)); !f.link.InTouch() {
		t.Error("not in touch by a heartbeat of now")
	}
}

// A slowStream answers what it has when it is let.
type slowStream struct {
	jetstream.Stream
	asked   chan struct{}
	answers chan *jetstream.StreamInfo
}

func (s *slowStream) Info(ctx context.Context, _ ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	s.asked <- struct{}{}
	select {
	case info := <-s.answers:
		return info, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A gate that asks what the stream has goes on hearing news while a slow station answers: they
// would be lost, and it would read the stream by itself. News that come meanwhile are the answer.
func TestNewsAreHeardWhileTheStreamIsAsked(t *testing.T) {
	t.Parallel()
	f := heard(t)
	s := &slowStream{asked: make(chan struct{}), answers: make(chan *jetstream.StreamInfo)}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	f.session.ctx, f.stream, f.quiet = ctx, s, time.Millisecond
	done := make(chan error, 1)
	go func() { done <- f.listen() }()
	<-s.asked
	const many = 3 * newsWaiting
	for n := range uint64(many) {
		body, err := bus.News{Created: f.created.UnixNano(), After: 10 + n, Last: 11 + n, Time: time.Now().UnixNano()}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		select {
		case f.news <- &nats.Msg{Data: body}:
		case <-ctx.Done():
			t.Fatalf("%d news are heard while the stream is asked; want all %d", n, many)
		}
	}
	until(t, "the last news heard", func() bool { return f.link.others.position().Seq == 10+many })
	has := func(last uint64) *jetstream.StreamInfo {
		return &jetstream.StreamInfo{Created: f.created, State: jetstream.StreamState{LastSeq: last}}
	}
	for _, last := range []uint64{11 + many, 10 + many} { // the first is of before the news, the second is where the gate is
		s.answers <- has(last)
		select {
		case <-s.asked: // again, since nothing comes
		case err := <-done:
			t.Fatalf("it has ended (%v), where the stream has no more than message %d", err, last)
		}
	}
	s.answers <- has(11 + many)
	if err := <-done; err != nil || ctx.Err() != nil {
		t.Errorf("%v; want the stream read, for it has more", err)
	}
}

// A gate that missed news reads them in the stream, though the station goes on telling.
func TestMissedNewsAreReadInTheStream(t *testing.T) {
	t.Parallel()
	s, a, b := pair(t)
	at := begins()
	gap, err := bus.News{Created: s.Stream(bus.SpentStream(linktest.Name)).CachedInfo().Created.UnixNano(), After: 1 << 40, Last: 1<<40 + 1, Time: 1}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		s.Send(bus.NewsSubject(linktest.Name), gap) // to B and A, something is missing before it
		cti := fmt.Sprint("code", n)
		a.grant(cti, at)
		until(t, "the code spent at B", func() bool { return b.Spent(someUse(cti, at)) })
	}
	a.untilInTouch()
	b.untilInTouch()
}

// BenchmarkNews is what a gate of a large station does with what comes in 20 ms at the peak.
func BenchmarkNews(b *testing.B) {
	o := newOthers(Options{})
	f := &follower{link: &Link{opt: Options{Station: linktest.Name, Gate: "A07", Clock: new(testClock)}, others: o}, session: new(session), created: time.Unix(0, 1), at: 1, news: nil}
	const words = 8
	at := uint64(1)
	for b.Loop() {
		b.StopTimer()
		n := bus.News{Created: 1, After: at, Last: at + words, Time: time.Now().UnixNano()}
		for i := range uint64(words) {
			body, err := bus.Spent{Kind: bus.Granted, Gate: "B02", Epoch: "e", Seq: at + i, Role: journal.Entry, Certificate: journal.ID(fmt.Sprintf("%016d", at+i)), IssuedAt: 1, Begins: 1, Until: time.Now().Unix() + 60}.Encode()
			if err != nil {
				b.Fatal(err)
			}
			n.Words = append(n.Words, bus.Word{Seq: at + 1 + i, Subject: bus.SpentSubject(linktest.Name, "B02"), Body: body})
		}
		body, err := n.Encode()
		if err != nil {
			b.Fatal(err)
		}
		at = n.Last
		b.StartTimer()
		if on, err := f.told(&nats.Msg{Data: body}); !on || err != nil {
			b.Fatal(on, err)
		}
	}
}
