package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/store/durable"
	"railgate/store/update"
)

func newUpdateStaged(g *gate) *cobra.Command {
	return &cobra.Command{
		Use:    "update-staged",
		Short:  "Install what railgated has staged and asks for (railgate-update.service)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			u, err := newUpdater(g, teller(c, false))
			if err != nil {
				return err
			}
			wish, err := takeWish(wishFile)
			if err != nil || wish == nil {
				return err
			}
			return u.grant(c.Context(), wish)
		},
	}
}

// wishFile is where railgated, which may not write a slot, says that it wants a release installed.
const wishFile = "/run/railgate/update.json"

// A wish is what it says. It is no more than a wish: what is installed is what the station
// gives by its signed list, and what was tried before is the law's to say.
type wish struct {
	Release string `json:"release"`
}

// grant installs what is wished for. Why it does not is recorded: nobody looks at this program, and the
// daemon tells what is recorded.
func (u *updater) grant(ctx context.Context, w *wish) error {
	u.wished = true
	if err := u.prepare(); err != nil {
		return err
	}
	before, err := update.Load(u.dir)
	if err != nil {
		return err
	}
	err = u.installStaged(ctx, w.Release, order{})
	if err == nil {
		return nil
	}
	after, loaded := update.Load(u.dir)
	if loaded == nil && after.Seq == before.Seq {
		name := w.Release
		if !update.GoodVersion(name) {
			name = "what railgated asked for"
		}
		_, noted := u.do(ctx, update.Refused{Release: name, Why: err.Error()})
		err = errors.Join(err, noted)
	}
	return err
}

// takeWish reads the wish and takes it away, so that it is granted or refused once; nil: there is none.
func takeWish(file string) (*wish, error) {
	data, err := durable.ReadFile(file, 4<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if removed := os.Remove(file); err != nil || removed != nil {
		return nil, errors.Join(err, removed)
	}
	w := new(wish)
	if err := json.Unmarshal(data, w); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return w, nil
}

// installStaged installs the release that the station gives, from what railgated has staged.
// wanted is the one that was asked for; "": whichever it is.
func (u *updater) installStaged(ctx context.Context, wanted string, o order) error {
	if err := u.prepare(); err != nil {
		return err
	}
	r, err := u.assigned(ctx)
	if err != nil {
		return err
	}
	if wanted != "" && wanted != r.version {
		return fmt.Errorf("release %s was asked for, and the station gives %s", wanted, r.version)
	}
	// The folder is the daemon's: no link out of it is followed.
	root, err := os.OpenRoot(filepath.Join(u.cfg.Data, stagedFolder))
	if err != nil {
		return err
	}
	defer root.Close()
	from, err := root.OpenFile(r.version+".raucb", os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe in its place must not make root wait
	if err != nil {
		return fmt.Errorf("release %s is not staged yet: %w", r.version, err)
	}
	defer from.Close()
	if info, err := from.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(fmt.Errorf("%s is not a file", from.Name()), err)
	}
	return u.install(ctx, from, r, o)
}

// fromStation has railgated bring what the station gives. Root installs it then; for somebody
// else railgated asks the part that runs as root to.
func (f *updateFlags) fromStation(c *cobra.Command, g *gate) error {
	client, err := g.client()
	if err != nil {
		return err
	}
	tell, root := teller(c, f.json), os.Geteuid() == 0
	if f.downgrade && !root {
		return errNotRoot
	}
	answer, err := client.Update(c.Context(), !root)
	if err == nil {
		err = awaitStaged(c.Context(), client.Status, answer, tell)
	}
	if err != nil || !root {
		return err
	}
	u, err := newUpdater(g, tell)
	if err != nil {
		return err
	}
	r, err := u.assigned(c.Context())
	if err != nil {
		return err
	}
	if err := f.ask(c, u, r); err != nil {
		return err
	}
	return u.installStaged(c.Context(), "", order{byHand: true, downgrade: f.downgrade})
}

// silence is how long railgated may not answer while it brings a release: a busy board is late, and a restart takes a moment.
const silence = time.Minute

// awaitStaged waits until the release is staged.
func awaitStaged(ctx context.Context, status func(context.Context) (*control.Status, error), u control.Update, tell func(notice)) error {
	began, first := time.Now(), u.Bytes
	for answered := began; ; {
		switch {
		case u.Trial != "":
			return fmt.Errorf("update: %w: %s, %s", update.ErrUnderWay, u.Trial, u.Phase)
		case u.Error != "":
			return fmt.Errorf("update: %s", u.Error)
		case u.Assigned != "" && u.Staged == u.Assigned:
			tell(notice{Step: "stage", Release: u.Assigned, Bytes: u.Total, Total: u.Total, Percent: 100})
			return nil
		case u.Assigned != "" && u.Assigned == u.Running:
			return fmt.Errorf("update: release %s: %w", u.Running, update.ErrRuns)
		}
		if u.Total > 0 {
			n := measured("stage", u.Assigned, u.Bytes-first, u.Total-first, time.Since(began))
			n.Bytes, n.Total = u.Bytes, u.Total
			tell(n)
		}
		if err := sleepFor(ctx, time.Second); err != nil {
			return err
		}
		s, err := status(ctx)
		if err != nil && ctx.Err() == nil && time.Since(answered) < silence {
			continue
		}
		if err != nil {
			return err
		}
		answered = time.Now()
		if s.Update == nil {
			return errors.New("update: this gate has no station")
		}
		if u = *s.Update; u.Assigned == "" && u.Error == "" && time.Since(began) > time.Minute {
			return errors.New("update: the station gives this gate no release")
		}
	}
}
