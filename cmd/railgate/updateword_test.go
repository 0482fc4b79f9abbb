package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"railgate/cmd/station/repository"
)

func TestTheStationsReleaseIsInstalledFromWhatTheDaemonStaged(t *testing.T) {
	d := newDepot(t)
	d.release("1.5.0", "new")
	d.publish(d.nation, "stations/GZQ/root.json", string(d.root(d.station)))
	d.publish(d.station, "assign.json", `{"gates":{"A07":"1.5.0"}}`)
	d.export("1.5.0", "new")
	d.write("data/update/assign.json", `{"gates":{"A07":"1.5.0"}}`)
	if err := d.u.installStaged(t.Context(), "1.5.0", order{}); err != nil {
		t.Fatal(err)
	}
	if d.m.holds["B"] != "new" {
		t.Errorf("slot B holds %q", d.m.holds["B"])
	}
}

// The daemon has no rights, and its word is worth nothing: each row is something that a daemon in
// other hands could leave for root.
func TestRootDoesNotTakeTheDaemonsWord(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(d *depot) string // what was asked for
		want string
	}{
		{"another bundle under the release's name", func(d *depot) string { d.write("data/update/1.5.0.raucb", "own"); return "1.5.0" }, "not the bundle that was meant"},
		{"one byte more", func(d *depot) string { d.write("data/update/1.5.0.raucb", "new!"); return "1.5.0" }, "not the bundle that was meant"},
		{"another release than the station's", func(d *depot) string { return "1.6.0" }, "the station gives 1.5.0"},
		{"an assignment of its own", func(d *depot) string { d.write("data/update/assign.json", `{"default":"1.6.0"}`); return "1.6.0" }, "not the file that was signed"},
		{"a list of its own", func(d *depot) string {
			own := newDepot(d.t)
			own.release("1.5.0", "own")
			os.RemoveAll(filepath.Join(d.dir, "data/update/nation"))
			os.CopyFS(filepath.Join(d.dir, "data/update/nation"), os.DirFS(own.nation.Public()))
			return "1.5.0"
		}, "is refused"},
		{"a root of its own for the station", func(d *depot) string { d.write("data/update/station.root.json", "{}"); return "1.5.0" }, "not the file that was signed"},
		{"a link to what only root may read", func(d *depot) string {
			os.Remove(filepath.Join(d.dir, "data/update/1.5.0.raucb"))
			os.Symlink(d.write("secret", "new"), filepath.Join(d.dir, "data/update/1.5.0.raucb"))
			return "1.5.0"
		}, "escapes"},
		{"a pipe that nobody writes to", func(d *depot) string {
			path := filepath.Join(d.dir, "data/update/1.5.0.raucb")
			if err := errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)); err != nil {
				d.t.Fatal(err)
			}
			return "1.5.0"
		}, "is not a file"},
		{"an older list", func(d *depot) string {
			if _, err := d.u.assigned(d.t.Context()); err != nil { // root has seen the newest
				d.t.Fatal(err)
			}
			os.RemoveAll(filepath.Join(d.dir, "data/update/nation"))
			os.Rename(filepath.Join(d.dir, "earlier"), filepath.Join(d.dir, "data/update/nation"))
			return "1.5.0"
		}, "is refused"},
		{"an older list of the station's", func(d *depot) string {
			staged, earlier := filepath.Join(d.dir, "data/update/station"), filepath.Join(d.dir, "earlier-station")
			d.publish(d.station, "assign.json", `{"default":"1.6.0"}`)
			d.write("data/update/assign.json", `{"default":"1.6.0"}`)
			if err := errors.Join(os.Rename(staged, earlier), os.CopyFS(staged, os.DirFS(d.station.Public()))); err != nil {
				d.t.Fatal(err)
			}
			if r, err := d.u.assigned(d.t.Context()); err != nil || r.version != "1.6.0" { // root has seen the newest
				d.t.Fatal(r, err)
			}
			d.write("data/update/assign.json", `{"default":"1.5.0"}`)
			if err := errors.Join(os.RemoveAll(staged), os.Rename(earlier, staged)); err != nil {
				d.t.Fatal(err)
			}
			return "1.5.0"
		}, "is refused"},
		{"a release that is older than what runs", func(d *depot) string { d.u.image = "1.5.1"; return "1.5.0" }, "older than 1.5.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDepot(t)
			d.release("1.5.0", "new")
			d.publish(d.nation, "stations/GZQ/root.json", string(d.root(d.station)))
			if err := os.CopyFS(filepath.Join(d.dir, "earlier"), os.DirFS(d.nation.Public())); err != nil {
				t.Fatal(err)
			}
			d.release("1.6.0", "newer")
			d.publish(d.nation, "stations/GZQ/root.json", string(d.root(d.station)))
			d.publish(d.station, "assign.json", `{"default":"1.5.0"}`)
			os.RemoveAll(filepath.Join(d.dir, "data/update"))
			d.export("1.5.0", "new")
			d.write("data/update/assign.json", `{"default":"1.5.0"}`)
			d.write("data/update/1.6.0.raucb", "newer")
			asked := tt.do(d)
			if err := d.u.grant(t.Context(), &wish{Release: asked}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v; want %q", err, tt.want)
			}
			if e := d.state().Events; len(e) != 1 || !strings.Contains(e[0].What, "was not installed: ") || !strings.Contains(e[0].What, tt.want) {
				t.Errorf("noted %+v; want why it was not installed", e)
			}
			if len(d.m.holds) != 1 || strings.Contains(strings.Join(d.m.did, " "), "install") {
				t.Errorf("did %q: a slot was written", d.m.did)
			}
		})
	}
}

// On a gate that was provisioned by a code, what says which nation it belongs to is the daemon's: root
// goes by what it recorded when the gate was provisioned, and by nothing that the daemon says later.
func TestTheDaemonNamesNoNation(t *testing.T) {
	fingerprint := func(r *repository.Repository, d *depot) string {
		sum := sha256.Sum256(d.root(r))
		return hex.EncodeToString(sum[:])
	}
	for _, tt := range []struct {
		name   string
		pinned func(d *depot) string
		want   string // "": installed
	}{
		{"nothing is recorded", func(*depot) string { return "" }, errNoPin.Error()},
		{"another nation is recorded", func(*depot) string { return strings.Repeat("ab", 32) }, "another fingerprint"},
		{"this nation is recorded", func(d *depot) string { return fingerprint(d.nation, d) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDepot(t)
			d.release("1.5.0", "new")
			d.publish(d.nation, "stations/GZQ/root.json", string(d.root(d.station)))
			d.publish(d.station, "assign.json", `{"default":"1.5.0"}`)
			d.export("1.5.0", "new")
			d.write("data/update/assign.json", `{"default":"1.5.0"}`)
			if err := os.Remove(d.u.cfg.Sync.Root("nation")); err != nil {
				t.Fatal(err)
			}
			d.u.cfg.Sync.NationRoot = fingerprint(d.nation, d)
			if err := pinNation(d.u.dir, tt.pinned(d)); err != nil {
				t.Fatal(err)
			}
			err := d.u.grant(t.Context(), &wish{Release: "1.5.0"})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v; want %q", err, tt.want)
			}
			if installed := strings.Contains(strings.Join(d.m.did, " "), "install"); installed != (tt.want == "") {
				t.Errorf("did %q", d.m.did)
			}
		})
	}
}

// What root has recorded once is not replaced.
func TestTheNationIsRecordedOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "updates")
	for _, f := range []string{"", "first", "second"} {
		if err := pinNation(dir, f); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, pinName)); err != nil || string(got) != "first" {
		t.Errorf("%q, %v; want the first", got, err)
	}
}
