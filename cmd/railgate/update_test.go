package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
	"railgate/driver/slots"
	"railgate/store/sync"
	"railgate/store/update"
)

func TestAReleaseFromAStickIsKeptOnceItProvedGood(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.release("1.5.0", "new")
	stick := filepath.Join(d.dir, "stick")
	if err := os.CopyFS(filepath.Join(stick, "nation"), os.DirFS(d.nation.Public())); err != nil {
		t.Fatal(err)
	}
	name := d.write("stick/arm64.raucb", "new")
	said, err := d.file(name, updateFlags{}, "y\n")
	if err != nil || !strings.Contains(said, "Release 1.5.0") {
		t.Fatalf("%q, %v", said, err)
	}
	if d.m.holds["B"] != "new" || d.m.did[len(d.m.did)-1] != "reboot" {
		t.Errorf("slot B holds %q, did %q; want the release, and a restart", d.m.holds["B"], d.m.did)
	}
	if _, err := os.Stat(filepath.Join(d.u.dir, bundleName)); err == nil {
		t.Error("the bundle's copy stays on the data partition")
	}
	if err := d.start("1.5.0"); err != nil {
		t.Fatal(err)
	}
	d.want("B", "1.5.0", 0)
	if d.m.usual != "B" || d.clock < update.ProofTime {
		t.Errorf("slot %s is started from now on, after %v; want B after five minutes", d.m.usual, d.clock)
	}
}

// The power went after the slot was written and before the restart: the next start makes up for it.
func TestAReleaseThatWasWrittenIsStartedAfterACut(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.m.fail["reboot"] = errors.New("the power is gone")
	d.release("1.5.0", "new")
	d.export("1.5.0", "new")
	if _, err := d.file(d.write("b.raucb", "new"), updateFlags{yes: true}, ""); err == nil {
		t.Fatal("a restart that fails is no error")
	}
	s := d.state() // as it was before the restart was recorded
	s.Trial.Phase = update.Written
	if err := update.Save(d.u.dir, s); err != nil {
		t.Fatal(err)
	}
	delete(d.m.fail, "reboot")
	d.m.flag, d.m.did = false, nil
	if err := d.start("1.4.0"); err != nil {
		t.Fatal(err)
	}
	if d.m.running != "A" || d.m.did[len(d.m.did)-1] != "reboot" {
		t.Fatalf("slot %s runs, did %q; want a restart", d.m.running, d.m.did)
	}
	if err := d.start("1.5.0"); err != nil {
		t.Fatal(err)
	}
	d.want("B", "1.5.0", 0)
}

func TestAPassageProvesARelease(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.onTrial("1.5.0")
	d.status.Counts.Records = map[string]uint64{"passage": 1}
	if err := d.start("1.5.0"); err != nil || d.clock > 0 {
		t.Errorf("%v after %v; want it kept at once", err, d.clock)
	}
	d.want("B", "1.5.0", 0)
}

// onTrial has a release installed, and the gate about to restart into it.
func (d *depot) onTrial(version string) {
	d.t.Helper()
	d.release(version, "bundle of "+version)
	d.export(version, "bundle of "+version)
	if _, err := d.file(d.write("b.raucb", "bundle of "+version), updateFlags{yes: true}, ""); err != nil {
		d.t.Fatal(err)
	}
}

func TestAReleaseThatDoesNotProveGoodIsLeftOnce(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]*control.Status{
		"a dead stack":     nil,
		"a missing device": {Started: time.Unix(1, 0), Devices: []control.Device{{Kind: "scanner", Name: "front"}}},
		"a closed lane":    {Started: time.Unix(1, 0), Causes: []control.Cause{{Cause: control.KeysetInvalid, Severity: control.OutOfService}}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDepot(t)
			d.onTrial("1.5.0")
			good := d.status
			d.status = broken
			if err := d.start("1.5.0"); err != nil {
				t.Fatal(err)
			}
			if d.clock < update.ProofEnds || d.clock > update.ProofEnds+time.Minute || d.m.did[len(d.m.did)-1] != "reboot" {
				t.Errorf("did %q after %v; want a restart once its time was over", d.m.did, d.clock)
			}
			d.status = good
			if err := d.start("1.4.0"); err != nil {
				t.Fatal(err)
			}
			d.want("A", "", 1)
			n := len(d.m.did)
			for range 3 {
				if err := d.start("1.4.0"); err != nil {
					t.Fatal(err)
				}
			}
			if strings.Contains(strings.Join(d.m.did[n:], " "), "reboot") {
				t.Errorf("restarts again: %q", d.m.did[n:])
			}
			d.publish(d.nation, "stations/GZQ/root.json", string(d.root(d.station)))
			d.publish(d.station, "assign.json", `{"default":"1.5.0"}`)
			os.RemoveAll(filepath.Join(d.dir, "data/update"))
			d.export("1.5.0", "bundle of 1.5.0")
			d.write("data/update/assign.json", `{"default":"1.5.0"}`)
			if err := d.u.installStaged(t.Context(), "1.5.0", order{}); !errors.Is(err, update.ErrFailed) {
				t.Errorf("by itself again: %v; want %v", err, update.ErrFailed)
			}
			if err := d.u.installStaged(t.Context(), "1.5.0", order{byHand: true}); err != nil {
				t.Errorf("by hand: %v", err)
			}
		})
	}
}

func TestWhatWasBrokenBeforeIsNotTheReleasesFault(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.status.Devices = []control.Device{{Kind: "scanner", Name: "front"}}
	d.onTrial("1.5.0")
	if err := d.start("1.5.0"); err != nil {
		t.Fatal(err)
	}
	d.want("B", "1.5.0", 0)
}

// The mark of what proved good may not land at once; and where it never does, the gate goes back.
func TestAMarkThatDoesNotLand(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.onTrial("1.5.0")
	d.m.fail["good B"] = errors.New("read-only file system")
	if err := d.start("1.5.0"); err != nil {
		t.Fatal(err)
	}
	if d.m.did[len(d.m.did)-1] != "reboot" {
		t.Errorf("did %q; want a restart at the end", d.m.did)
	}
	if err := d.start("1.4.0"); err != nil {
		t.Fatal(err)
	}
	d.want("A", "", 1)
	if s := d.state(); !strings.Contains(s.Failed[0].Why, "read-only") {
		t.Errorf("why: %s", s.Failed[0].Why)
	}
}

// A slot that is given up is marked bad with patience, for the bootloader starts it again otherwise; the gate restarts all the same.
func TestABadMarkThatDoesNotLandAtOnce(t *testing.T) {
	t.Parallel()
	for name, lands := range map[string]int{"late": 4, "never": 0} {
		t.Run(name, func(t *testing.T) {
			d := newDepot(t)
			d.onTrial("1.5.0")
			d.status = nil
			d.m.fail["bad rootfs.1"] = errors.New("no answer")
			tries, sleep := 0, d.u.sleep
			d.u.sleep = func(ctx context.Context, by time.Duration) error {
				if by == marksWait {
					if tries++; tries == lands {
						delete(d.m.fail, "bad rootfs.1")
					}
				}
				return sleep(ctx, by)
			}
			if err := d.start("1.5.0"); (err == nil) != (lands > 0) {
				t.Errorf("%v", err)
			}
			if d.m.did[len(d.m.did)-1] != "reboot" {
				t.Errorf("did %q; want a restart at the end", d.m.did)
			}
			if lands > 0 && tries != lands || lands == 0 && tries != int(marksFor/marksWait) {
				t.Errorf("%d more tries of a mark that lands at try %d", tries, lands)
			}
		})
	}
}

// Each bad input ends in one clear error, and no slot is touched.
func TestBadInputOfAnUpdate(t *testing.T) {
	sum := sha256.Sum256([]byte("new"))
	hash := hex.EncodeToString(sum[:])
	for _, tt := range []struct {
		name  string
		text  string
		flags updateFlags
		alter func(d *depot)
		want  string
	}{
		{"a byte is another", "nEw", updateFlags{yes: true}, nil, "the nation's list does not have it"},
		{"cut off", "ne", updateFlags{yes: true}, nil, "it lists 1.5.0 for"},
		{"empty", "", updateFlags{yes: true}, nil, "is empty"},
		{"no list here", "new", updateFlags{yes: true}, func(d *depot) { os.RemoveAll(filepath.Join(d.dir, "data/update/nation")) }, "no list of the nation's releases"},
		{"a list of another nation", "new", updateFlags{yes: true}, func(d *depot) { d.write("roots/nation.root.json", string(d.root(d.station))) }, "is refused"},
		{"a list that has ended", "new", updateFlags{yes: true}, func(d *depot) { d.u.now = func() time.Time { return time.Now().AddDate(1, 0, 0) } }, "expired"},
		{"no first root", "new", updateFlags{yes: true}, func(d *depot) { os.Remove(filepath.Join(d.dir, "roots/nation.root.json")) }, "first root"},
		{"a hash by hand, although there is a list", "new", updateFlags{yes: true, sum: hash}, nil, "leave --sha256 out"},
		{"no repository and no hash", "new", updateFlags{yes: true}, func(d *depot) { d.u.cfg.Sync.Nation = "" }, "--sha256"},
		{"no repository and no file", "new", updateFlags{yes: true}, func(d *depot) {
			d.u.cfg.Sync.Nation = ""
			os.Remove(filepath.Join(d.dir, "b.raucb"))
		}, "no such file"},
		{"no repository and another hash", "nEw", updateFlags{yes: true, sum: hash}, func(d *depot) { d.u.cfg.Sync.Nation = "" }, "not the bundle that was meant"},
		{"older", "new", updateFlags{yes: true}, func(d *depot) { d.u.image = "1.6.0" }, "older than 1.6.0"},
		{"no slots", "new", updateFlags{yes: true}, func(d *depot) { d.m.fail["state"] = slots.ErrNone }, "no two systems"},
		{"a board that cannot try a slot", "new", updateFlags{yes: true}, func(d *depot) { d.m.fail["ready"] = slots.ErrKernel }, "no slot is ever tried"},
		{"one on its way", "new", updateFlags{yes: true}, func(d *depot) {
			os.MkdirAll(d.u.dir, 0o755)
			update.Save(d.u.dir, update.State{Trial: &update.Trial{Release: "1.4.9", Slot: "B", Phase: update.Running}})
		}, "another release is on its way"},
		{"a record that cannot be read", "new", updateFlags{yes: true}, func(d *depot) {
			os.MkdirAll(d.u.dir, 0o755)
			os.WriteFile(filepath.Join(d.u.dir, update.StateName), []byte("{"), 0o600)
		}, "state.json"},
		{"nobody says yes", "new", updateFlags{}, nil, "exit status 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDepot(t)
			d.release("1.5.0", "new")
			d.export("1.5.0", "new")
			name := d.write("b.raucb", tt.text)
			if tt.alter != nil {
				tt.alter(d)
			}
			if _, err := d.file(name, tt.flags, ""); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v; want %q", err, tt.want)
			}
			if strings.Contains(strings.Join(d.m.did, " "), "install") {
				t.Errorf("did %q: a slot was written", d.m.did)
			}
		})
	}
}

func TestAnOlderReleaseThatIsMeant(t *testing.T) {
	d := newDepot(t)
	d.u.image = "1.6.0"
	d.release("1.5.0", "new")
	d.export("1.5.0", "new")
	name := d.write("b.raucb", "new")
	said, err := d.file(name, updateFlags{downgrade: true}, "y\n")
	if err != nil || !strings.Contains(said, "older release") {
		t.Fatalf("%q, %v", said, err)
	}
	if e := d.state().Events; len(e) == 0 || !strings.Contains(e[0].What, "older than 1.6.0: a person asked") {
		t.Errorf("noted: %+v", e)
	}
}

func TestALoneGateTakesAHashByHand(t *testing.T) {
	d := newDepot(t)
	d.u.cfg.Sync.Nation, d.u.cfg.Sync.Station = "", ""
	sum := sha256.Sum256([]byte("new"))
	said, err := d.file(d.write("b.raucb", "new"), updateFlags{sum: hex.EncodeToString(sum[:])}, "y\n")
	if err != nil || !strings.Contains(said, "Release 1.5.0") || !strings.Contains(said, "No nation's list") {
		t.Errorf("%q, %v", said, err)
	}
	if d.m.holds["B"] != "new" {
		t.Errorf("slot B holds %q", d.m.holds["B"])
	}
}

// A file that was another one when its version was asked, as on a stick that somebody else can write: what was agreed to is not what would be installed.
func TestAVersionIsAskedOfTheCopyToo(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.u.cfg.Sync.Nation, d.u.cfg.Sync.Station = "", ""
	d.m.copied = "1.3.0"
	sum := sha256.Sum256([]byte("new"))
	if _, err := d.file(d.write("b.raucb", "new"), updateFlags{sum: hex.EncodeToString(sum[:])}, "y\n"); !errors.Is(err, errSum) || !strings.Contains(err.Error(), "1.3.0") {
		t.Errorf("%v; want that the copy is 1.3.0", err)
	}
	if d.m.holds["B"] != "" || d.state().Trial != nil {
		t.Errorf("slot B holds %q, %+v; want nothing written", d.m.holds["B"], d.state())
	}
}

func TestAnInstallationThatFails(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.m.fail["install"] = errors.New("rauc install: data block is corrupted")
	d.release("1.5.0", "new")
	d.export("1.5.0", "new")
	if _, err := d.file(d.write("b.raucb", "new"), updateFlags{yes: true}, ""); err == nil || !strings.Contains(err.Error(), "data block is corrupted") {
		t.Fatal(err)
	}
	if s := d.state(); s.Trial != nil || len(s.Failed) != 1 || !d.m.bad["B"] {
		t.Errorf("%+v, bad %v; want it recorded, and the slot bad", s, d.m.bad)
	}
	for _, what := range d.m.did {
		if what == "reboot" {
			t.Error("the gate restarts")
		}
	}
}

func TestAFullDataPartition(t *testing.T) {
	d := newDepot(t)
	if err := d.u.prepare(); err != nil {
		t.Fatal(err)
	}
	err := d.u.copyBundle(t.Context(), nil, d.write("x", ""), &release{version: "1.5.0", length: 1 << 60})
	if !errors.Is(err, sync.ErrNoRoom) {
		t.Errorf("%v; want %v", err, sync.ErrNoRoom)
	}
}

func TestAMachineWithoutSlotsStarts(t *testing.T) {
	d := newDepot(t)
	d.m.fail["state"] = fmt.Errorf("%w (no rauc)", slots.ErrNone)
	if err := d.u.boot(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.u.dir); err == nil {
		t.Error("something is recorded")
	}
}

// RAUC's service may be starting yet: the trial must not fail for that.
func TestRaucMayTakeItsTime(t *testing.T) {
	d := newDepot(t)
	d.m.fail["state"] = errors.New("rauc status: no answer")
	d.u.sleep = func(_ context.Context, by time.Duration) error {
		if d.clock += by; d.clock >= time.Minute {
			delete(d.m.fail, "state")
		}
		return nil
	}
	if err := d.u.boot(t.Context()); err != nil || len(d.m.did) != 1 || d.m.did[0] != "good A" {
		t.Errorf("%v, did %q; want the slot marked good", err, d.m.did)
	}
	d.m.fail["state"], d.clock = errors.New("rauc status: no answer"), -time.Hour
	if err := d.u.boot(t.Context()); err == nil {
		t.Error("without any answer: no error")
	}
}

func TestAWishIsTakenOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "update.json")
	if w, err := takeWish(name); w != nil || err != nil {
		t.Errorf("none: %+v, %v", w, err)
	}
	for _, text := range []string{`{"release":"1.5.0"}`, "garbage"} {
		os.WriteFile(name, []byte(text), 0o600)
		w, err := takeWish(name)
		if (err == nil) != (w != nil && w.Release == "1.5.0") {
			t.Errorf("%s: %+v, %v", text, w, err)
		}
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s: the wish is still there", text)
		}
	}
}

func FuzzTakeWish(f *testing.F) {
	for _, text := range []string{`{"release":"1.5.0"}`, `{}`, `null`, `[`, `{"release":"../../etc/shadow"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(t.TempDir(), "update.json")
		os.WriteFile(name, data, 0o600)
		takeWish(name)
		if _, err := os.Stat(name); err == nil {
			t.Error("the wish is still there")
		}
	})
}

func TestUpdateUsage(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"update", "update --from-station x", "update x --sha256 12", "update --from-station --from y", "update a b"} {
		if status, _, errOut := tool(t, "", strings.Fields(args)...); status != exitUsage || !strings.Contains(errOut, "update") {
			t.Errorf("%s: %d, %q; want %d", args, status, errOut, exitUsage)
		}
	}
}

func TestProgressInWordsAndJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &cobra.Command{}
	c.SetOut(&out)
	p := measured("copy", "1.5.0", 50<<20, 100<<20, 10*time.Second)
	if p.Percent != 50 || p.Left < 9.9 || p.Left > 10.1 || p.Speed != 5<<20 {
		t.Errorf("%+v; want half, 5 MB/s, 10 s left", p)
	}
	tell := teller(c, true)
	tell(p)
	var back notice
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != p {
		t.Errorf("%s: %v", out.String(), err)
	}
	out.Reset()
	words := teller(c, false)
	words(notice{Step: "find", Says: "reading x"})
	words(p)
	words(notice{Step: "restart", Release: "1.5.0", Says: "now"})
	if got := out.String(); !strings.Contains(got, "reading x") || !strings.Contains(got, "restart 1.5.0: now") {
		t.Errorf("%q", got)
	}
}
