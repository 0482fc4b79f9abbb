package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// newsEvery is how often a page is told of changes, at most.
	newsEvery = 500 * time.Millisecond
	// beatEvery is how often it is told something, whether or not anything has changed: a
	// gate goes silent without an event.
	beatEvery = 2 * time.Second
)

// shown is a gate with what is made of it at the instant of the overview.
type shown struct {
	Gate
	State State  `json:"state"`
	Why   string `json:"why"`
}

// view is an overview as the page gets it.
type view struct {
	Overview
	Inside int     `json:"inside"`
	Gates  []shown `json:"gates"` // in place of the overview's
}

func newView(o *Overview) *view {
	v := &view{Overview: *o, Inside: o.People.Inside(), Gates: []shown{}}
	v.Ends, v.Problems, v.Minutes = some(o.Ends), some(o.Problems), some(o.Minutes)
	for i := range o.Gates {
		state, why := o.Gates[i].State(o.Time)
		v.Gates = append(v.Gates, shown{o.Gates[i], state, why})
	}
	return v
}

// some is a list that is none of nothing: in JSON a list, not null.
func some[T any](list []T) []T { return append([]T{}, list...) }

// latest is the newest view, shared by whoever looks.
type latest struct {
	mu      sync.Mutex // guards the fields below
	view    *view
	changed <-chan struct{} // closed once the view may be out of date
	taken   time.Time       // by the process's clock
}

// overview is a view that is no older than newsEvery, and when it may be out of date. The
// source is asked once for all pages.
func (p *Page) overview(ctx context.Context) (*view, <-chan struct{}, error) {
	l := &p.latest
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.view != nil && time.Since(l.taken) < newsEvery {
		return l.view, l.changed, nil
	}
	taken, changed := time.Now(), p.source.Changed()
	o, err := p.source.Overview(ctx)
	if err != nil {
		return nil, nil, err
	}
	l.view, l.changed, l.taken = newView(o), changed, taken
	return l.view, l.changed, nil
}

// news is a message of the stream: what is not as the message before had it.
type news struct {
	Page    string   `json:"page"` // the version of the page's files
	Head    *view    `json:"head"` // without gates and minutes
	Gates   []shown  `json:"gates"`
	Gone    []string `json:"gone"` // gates that are there no more
	Minutes []Minute `json:"minutes"`
}

// told is what a page knows already, as JSON.
type told struct {
	gates, minutes map[string][]byte
}

// news is what a page does not know yet of a view. It knows it afterwards.
func (t *told) news(v *view) (*news, error) {
	head := *v
	head.Gates, head.Minutes = nil, nil
	n := &news{Page: version(), Head: &head, Gates: []shown{}, Gone: []string{}, Minutes: []Minute{}}
	now := &told{gates: map[string][]byte{}, minutes: map[string][]byte{}}
	for _, g := range v.Gates {
		new, err := isNew(t.gates, now.gates, g.Name, g)
		if err != nil {
			return nil, err
		}
		if new {
			n.Gates = append(n.Gates, g)
		}
	}
	for _, m := range v.Minutes {
		new, err := isNew(t.minutes, now.minutes, m.Begins.UTC().Format(time.RFC3339), m)
		if err != nil {
			return nil, err
		}
		if new {
			n.Minutes = append(n.Minutes, m)
		}
	}
	for name := range t.gates {
		if now.gates[name] == nil {
			n.Gone = append(n.Gone, name)
		}
	}
	*t = *now
	return n, nil
}

// isNew puts a value into what is known now, and tells whether it was another before.
func isNew(before, now map[string][]byte, key string, v any) (bool, error) {
	data, err := json.Marshal(v)
	now[key] = data
	return !bytes.Equal(before[key], data), err
}

// getEvents sends the overview and then its changes, until the browser leaves or its
// session ends.
func (p *Page) getEvents(rw http.ResponseWriter, r *http.Request) {
	select {
	case p.streams <- struct{}{}:
		defer func() { <-p.streams }()
	default:
		tooMany(rw)
		return
	}
	rw.Header().Set("Content-Type", "text/event-stream")
	rw.Header().Set("X-Accel-Buffering", "no") // nginx: events go through at once
	out := http.NewResponseController(rw)
	out.SetWriteDeadline(time.Time{}) // a recorder has none
	known := &told{}
	for {
		if p.may(r) != nil {
			fmt.Fprint(rw, "event: signedout\ndata: {}\n\n") // a browser that is gone need not know
			out.Flush()
			return
		}
		changed, err := p.tell(r.Context(), rw, known)
		if err != nil || out.Flush() != nil || !wait(r.Context(), changed) {
			return
		}
	}
}

// tell writes one message, and returns when there may be another. A source that fails is
// said: the page is not live then.
func (p *Page) tell(ctx context.Context, rw http.ResponseWriter, known *told) (<-chan struct{}, error) {
	v, changed, err := p.overview(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		p.o.Log.Error("no overview", "err", err)
		_, err = fmt.Fprint(rw, "event: broken\ndata: {}\n\n")
		return nil, err
	}
	n, err := known.news(v)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(rw, "data: %s\n\n", data)
	return changed, err
}

// wait waits for a change, newsEvery at least and beatEvery at most; false: the end.
func wait(ctx context.Context, changed <-chan struct{}) bool {
	least, most := time.NewTimer(newsEvery), time.NewTimer(beatEvery)
	defer least.Stop()
	defer most.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-least.C:
	}
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-most.C:
	}
	return true
}
