package news_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"railgate/store/bus"
	"railgate/store/link/linktest"
	"railgate/store/news"
)

// told is a station whose news are heard here.
func told(t *testing.T) (*linktest.Station, *nats.Subscription) {
	t.Helper()
	s := linktest.New(t)
	s.Dumb = true
	s.Start()
	s.Beats(false)
	sub, err := s.Hear(bus.NewsSubject(linktest.Name))
	if err != nil {
		t.Fatal(err)
	}
	reads := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- news.New(s.JetStream(), s.JetStream().Conn(), linktest.Name).Tell(ctx, func() { close(reads) })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	<-reads
	return s, sub
}

// Every message of the stream is told once, in order, and the news say of which they tell. Many
// at a time go as few.
func TestWhatIsStoredIsTold(t *testing.T) {
	s, sub := told(t)
	last := s.Stream(bus.SpentStream(linktest.Name)).CachedInfo().State.LastSeq
	const n = 2000
	for i := range n {
		s.Send(bus.SpentSubject(linktest.Name, "A07"), fmt.Append(nil, i))
	}
	messages := 0
	for words := 0; words < n; {
		m, err := sub.NextMsg(20 * time.Second)
		if err != nil {
			t.Fatalf("after %d words: %v", words, err)
		}
		news, err := bus.ParseNews(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if news.After != last {
			t.Fatalf("news of what is behind %d after those up to %d", news.After, last)
		}
		for _, w := range news.Words {
			if w.Subject == bus.BeatSubject(linktest.Name) {
				continue
			}
			if string(w.Body) != fmt.Sprint(words) {
				t.Fatalf("word %d is %q", words, w.Body)
			}
			words++
		}
		last = news.Last
		messages++
	}
	if messages > n/4 {
		t.Errorf("%d messages of news for %d of the stream; want few", messages, n)
	}
}

// What is longer than one message of news may be is told by itself.
func TestLongWordsAreToldApart(t *testing.T) {
	s, sub := told(t)
	long := make([]byte, bus.MaxNewsBytes/2+1)
	for range 4 {
		s.Send(bus.TicketsSubject(linktest.Name), long)
	}
	for words := 0; words < 4; {
		m, err := sub.NextMsg(20 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		news, err := bus.ParseNews(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		long := 0
		for _, w := range news.Words {
			if w.Subject == bus.TicketsSubject(linktest.Name) {
				long++
			}
		}
		if words += long; long > 1 {
			t.Errorf("%d long words in one message", long)
		}
	}
}

// A stream that is gone ends it: whoever called it looks again.
func TestALostStreamEndsTheTelling(t *testing.T) {
	s := linktest.New(t)
	s.Dumb = true
	s.Start()
	s.Beats(false)
	ended := make(chan error, 1)
	works := make(chan struct{})
	go func() {
		ended <- news.New(s.JetStream(), s.JetStream().Conn(), linktest.Name).Tell(t.Context(), func() { close(works) })
	}()
	<-works
	s.Delete(bus.SpentStream(linktest.Name))
	select {
	case err := <-ended:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(30 * time.Second):
		t.Error("it goes on without a stream")
	}
}

// What was stored while it did not tell is told once it does again, without a gap; of another
// stream it begins at its end.
func TestTheTellingGoesOn(t *testing.T) {
	s := linktest.New(t)
	s.Dumb = true
	s.Start()
	s.Beats(false)
	sub, err := s.Hear(bus.NewsSubject(linktest.Name))
	if err != nil {
		t.Fatal(err)
	}
	teller := news.New(s.JetStream(), s.JetStream().Conn(), linktest.Name)
	last := s.Stream(bus.SpentStream(linktest.Name)).CachedInfo().State.LastSeq
	began := uint64(0) // behind which message the telling began
	once := func(text string) (got bus.News) {
		t.Helper()
		began = 0
		s.Publish(bus.SpentSubject(linktest.Name, "A07"), []byte(text+" before"))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- teller.Tell(ctx, func() { s.Send(bus.SpentSubject(linktest.Name, "A07"), []byte(text)) })
		}()
		for len(got.Words) == 0 || string(got.Words[len(got.Words)-1].Body) != text {
			m, err := sub.NextMsg(20 * time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if got, err = bus.ParseNews(m.Data); err != nil {
				t.Fatal(err)
			}
			if got.After < last {
				t.Fatalf("news of what is behind %d; %d was told", got.After, last)
			}
			if began == 0 {
				began = got.After
			}
			last = got.Last
		}
		cancel()
		<-ended
		return got
	}
	once("first")
	told := last
	if once("second"); began != told || last != told+2 {
		t.Errorf("told up to %d, then behind %d up to %d; want both that were stored since", told, began, last)
	}
	s.Replace(bus.SpentStream(linktest.Name))
	last = 0
	if got := once("third"); got.Last != 2 || got.After != 1 {
		t.Errorf("of another stream: behind %d up to %d; want its second message", got.After, got.Last)
	}
}
