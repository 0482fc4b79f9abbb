package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver/slots"
	"railgate/store/update"
)

var errPowerCut = errors.New("power cut")

// A cutting machine is a twin whose power may go before and after everything that is done to it.
type cutting struct {
	*twin
	cut func()
}

func (m *cutting) State(ctx context.Context) (*slots.State, error) { m.cut(); return m.twin.State(ctx) }

func (m *cutting) Install(_ context.Context, bundle string, progress func(int, string)) error {
	data, err := os.ReadFile(bundle)
	if err != nil {
		return err
	}
	other := map[string]string{"A": "B", "B": "A"}[m.running]
	m.bad[other], m.tried = true, ""
	m.cut()
	m.holds[other] = "a part"
	progress(50, "Copying image")
	m.cut()
	m.holds[other] = string(data)
	m.cut()
	m.bad[other], m.tried = false, other
	m.cut()
	return nil
}

func (m *cutting) MarkGood(ctx context.Context) error {
	m.cut()
	err := m.twin.MarkGood(ctx)
	m.cut()
	return err
}

func (m *cutting) MarkBad(ctx context.Context, name string) error {
	m.cut()
	err := m.twin.MarkBad(ctx, name)
	m.cut()
	return err
}

func (m *cutting) Reboot(ctx context.Context) error {
	m.cut()
	m.twin.Reboot(ctx)
	panic(errPowerCut)
}

// The program, and not the law alone: whatever the instant at which its power goes, the gate
// starts a slot that was written whole, goes back at most once from a release, and does not
// install by itself what failed.
func TestThePowerIsCutInTheMidstOfAnUpdate(t *testing.T) {
	t.Parallel()
	files := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(files, "gate")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := newTwin()
		m.holds = map[string]string{"A": "1.3", "B": "1.3"}
		cut := func() {
			if rapid.IntRange(0, 14).Draw(t, "cut") == 0 {
				panic(errPowerCut)
			}
		}
		left := map[string]int{}
		was := "1.3"
		restarts := map[string]int{}
		for range 10 {
			m.boot()
			runs := m.holds[m.running]
			if runs == "a part" {
				t.Fatal("a slot is started that was not written whole")
			}
			if s, _ := update.Load(dir); runs != was && was != "1.3" && (s.Trial != nil && s.Trial.Release == was || failedHere(s, was)) {
				if left[was]++; left[was] > 1 {
					t.Fatalf("went back from %s twice", was)
				}
			}
			was = runs
			now := time.Duration(0)
			good := rapid.Bool().Draw(t, "good")
			u := &updater{
				cfg: &configs.Config{}, dir: dir, slots: &cutting{m, cut}, now: time.Now, image: runs, uptime: func() time.Duration { return now },
				sleep: func(_ context.Context, by time.Duration) error { now += by; return nil },
				tell:  func(notice) { cut() },
				status: func(context.Context) (*control.Status, error) {
					if !good {
						return nil, control.ErrNotRunning
					}
					return &control.Status{Started: time.Unix(1, 0), Counts: control.Counts{Records: map[string]uint64{"passage": 1}}}, nil
				},
			}
			flagged := m.flag
			live(t, u, files)
			if m.flag && !flagged {
				if s, _ := update.Load(dir); s.Trial != nil {
					if restarts[s.Trial.Release]++; restarts[s.Trial.Release] > 2 {
						t.Fatalf("restarted %d times for %s", restarts[s.Trial.Release], s.Trial.Release)
					}
				}
			}
		}
	})
}

func failedHere(s update.State, release string) bool {
	for _, f := range s.Failed {
		if f.Release == release {
			return true
		}
	}
	return false
}

// live is one life of the machine: its start, and then a release that is wished for by itself.
func live(t *rapid.T, u *updater, files string) {
	defer func() {
		if p := recover(); p != nil && p != errPowerCut {
			panic(p)
		}
	}()
	if err := u.boot(context.Background()); err != nil {
		t.Fatalf("boot: %v", err)
	}
	version := fmt.Sprintf("1.%d", rapid.IntRange(4, 6).Draw(t, "release"))
	name := filepath.Join(files, version)
	if err := os.WriteFile(name, []byte(version), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(version))
	from, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	before, _ := update.Load(u.dir)
	err = u.install(context.Background(), from, &release{version: version, length: int64(len(version)), sum: hex.EncodeToString(sum[:])}, order{})
	if err == nil && failedHere(before, version) {
		t.Fatalf("%s failed, and is installed again by itself", version)
	}
}
