package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"time"

	"railgate/cmd/control"
)

// addStation has the bench's page show a station, and what may go wrong with it.
func (w *web) addStation(s *station) {
	w.station = s
	s.gates = func() { w.syncGates(context.Background()) }
}

// staff hands requests on to the station's page, signed in. The page may be framed here, and
// its cookie goes over plain HTTP, for this is one machine.
func (s *station) staff() http.Handler {
	return &httputil.ReverseProxy{
		FlushInterval: -1, // events go through at once
		Transport:     client.Transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(s.url())
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Cookie")
			r.Out.AddCookie(s.cookie())
		},
		ModifyResponse: func(r *http.Response) error {
			policy := r.Header.Get("Content-Security-Policy")
			r.Header.Set("Content-Security-Policy", strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors 'self'", 1))
			r.Header.Del("Set-Cookie")
			return nil
		},
		ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, err error) { answer(rw, err) },
	}
}

// syncGates has every gate ask its repositories now. What comes of it its status says.
func (w *web) syncGates(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readyIn)
	defer cancel()
	for _, g := range w.gates {
		g.client().Sync(ctx, nil)
	}
}

// fault does one of the four things that go wrong at a station, or mends it.
func (w *web) fault(rw http.ResponseWriter, r *http.Request) {
	on := r.FormValue("on") == "1"
	switch what := r.PathValue("what"); what {
	case "cut":
		w.station.cut(on)
	case "rollback":
		if answerFailed(rw, w.station.rollBack(on)) {
			return
		}
		w.syncGates(r.Context())
	case "card":
		answer(rw, w.restoreCard(r.Context(), w.gates[1]))
	case "lie":
		answer(rw, w.lie(r.Context(), w.gates[1], on))
	default:
		http.Error(rw, fmt.Sprintf("no fault %q", what), http.StatusNotFound)
	}
}

func answerFailed(rw http.ResponseWriter, err error) bool {
	answer(rw, err)
	return err != nil
}

// lieBy is how far ahead a gate's own clock is set, behind the station's back.
const lieBy = 26 * time.Hour

// lie sets a gate's clock ahead, or starts the gate with the right one.
func (w *web) lie(ctx context.Context, g *gate, on bool) error {
	if on {
		return g.client().Pretend(ctx, lieBy)
	}
	return w.restart(ctx, g, func() error { return nil })
}

// cardName is the folder of an old card: a gate's data as it once was.
const cardName = "old-card"

// cardFolders are what lies on a gate's card.
var cardFolders = []string{"data", "data.mark"}

// quietFor is how long a gate's files must not have changed to be copied as they lie there.
const quietFor = time.Second

// keepCard copies the second gate's data once it is quiet: a card that is put back later.
func (b *bench) keepCard(ctx context.Context) {
	for ctx.Err() == nil {
		if ok, err := b.gates[1].copyQuiet(ctx); ok || err != nil {
			return // without a card the button says so
		}
		select {
		case <-ctx.Done():
		case <-time.After(quietFor):
		}
	}
}

// copyQuiet copies a gate's data, if it has not changed for a while and does not change
// meanwhile.
func (g *gate) copyQuiet(ctx context.Context) (bool, error) {
	before, err := g.changed()
	if err != nil || time.Since(before) < quietFor {
		return false, err
	}
	to := g.path(cardName)
	if err := os.RemoveAll(to + ".new"); err != nil {
		return false, err
	}
	for _, name := range cardFolders {
		if err := copyData(g.path(name), filepath.Join(to+".new", name)); err != nil {
			return false, err
		}
	}
	if after, err := g.changed(); err != nil || !after.Equal(before) {
		return false, err
	}
	if err := errors.Join(os.RemoveAll(to), os.Rename(to+".new", to)); err != nil {
		return false, err
	}
	s, err := g.client().Status(ctx)
	if err != nil {
		return false, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.card = s.Store.Seq
	return true, nil
}

// changed is when a gate's files changed last.
func (g *gate) changed() (at time.Time, err error) {
	for _, name := range cardFolders {
		t, err := newest(g.path(name))
		if err != nil {
			return at, err
		}
		if t.After(at) {
			at = t
		}
	}
	return at, nil
}

// newest is when a folder's files changed last.
func newest(dir string) (at time.Time, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.ModTime().After(at) {
			at = info.ModTime()
		}
		return err
	})
	return at, err
}

// copyData copies the files of a gate's data folder.
func copyData(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o750)
		case !d.Type().IsRegular():
			return nil // the socket
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), data, 0o640)
	})
}

// restoreCard stops a gate, puts its old card in, and starts it. What the card does not have
// the station has: somebody walks before.
func (w *web) restoreCard(ctx context.Context, g *gate) error {
	if _, err := os.Stat(g.path(cardName)); err != nil {
		return errors.New("there is no old card yet: it is copied once the gate has been quiet for a second")
	}
	if err := w.leaveMore(ctx, g); err != nil {
		return err
	}
	return w.restart(ctx, g, func() error {
		for _, name := range cardFolders {
			if err := copyData(filepath.Join(g.path(cardName), name), g.path(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// leaveMore sees to it that the station has given a receipt for more than the old card holds:
// somebody walks, and the gate, whose network was cut for a moment, asks for one.
func (w *web) leaveMore(ctx context.Context, g *gate) error {
	g.mu.Lock()
	card := g.card
	g.mu.Unlock()
	enough := func(s *control.Status) bool { return s.Bus != nil && s.Bus.Receipt > card }
	if s, err := g.client().Status(ctx); err != nil || enough(s) {
		return err
	}
	if err := g.client().Sim(ctx, "walk", true); err != nil {
		return err
	}
	w.station.cut(true)
	w.station.cut(false)
	if g.wait(ctx, "gets no receipt", enough) != nil {
		return errors.New("the gate gets no receipt: mend the network first")
	}
	return nil
}

// restart stops a gate, does something, and starts it again.
func (b *bench) restart(ctx context.Context, g *gate, while func() error) error {
	g.mu.Lock()
	cmd := g.cmd
	g.cmd = nil
	g.mu.Unlock()
	if cmd == nil {
		return errors.New("the gate is being restarted already")
	}
	end(cmd)
	err := while()
	return errors.Join(err, b.launchGate(g), g.answers(ctx), g.client().Pretend(ctx, b.web.moved()))
}
