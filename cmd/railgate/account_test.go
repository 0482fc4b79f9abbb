package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// newHost is a machine in a folder, with these files.
func newHost(t testing.TB, files map[string]string) *host {
	t.Helper()
	h := &host{root: t.TempDir(), self: os.Geteuid()}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(h.path(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(h.path(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func TestUnitSaysWhoseRightsItHas(t *testing.T) {
	h := newHost(t, map[string]string{
		"/usr/lib/systemd/system/railgated.service":                  "[Unit]\nUser=no\n[Service]\nUser=railgate\nGroup=railgate\nSupplementaryGroups=dialout gpio\n",
		"/etc/systemd/system/railgated.service.d/20-groups.conf":     "[Service]\nSupplementaryGroups=\nSupplementaryGroups=video\n",
		"/usr/lib/systemd/system/railgated.service.d/20-groups.conf": "[Service]\nUser=hidden\n",
		"/usr/lib/systemd/system/railgated.service.d/10-group.conf":  "[Service]\nGroup=gate\n",
	})
	u := h.unit()
	if u == nil || u.user != "railgate" || u.group != "gate" || !slices.Equal(u.groups, []string{"video"}) {
		t.Errorf("unit = %+v; want railgate:gate with video", u)
	}
	if u := newHost(t, nil).unit(); u != nil {
		t.Errorf("unit = %+v where there is none", u)
	}
	if u := newHost(t, map[string]string{"/etc/systemd/system/railgated.service": "[Service]\n"}).unit(); u.user != "root" {
		t.Errorf("user = %q; want root", u.user)
	}
}

func TestUnitSaysWhatItSees(t *testing.T) {
	real, err := os.ReadFile("../../systemd/railgated.service")
	if err != nil {
		t.Fatal(err)
	}
	u := newHost(t, map[string]string{
		"/etc/systemd/system/railgated.service":             string(real),
		"/etc/systemd/system/railgated.service.d/data.conf": "[Service]\nReadWritePaths=/srv/gate\n",
	}).unit()
	for path, want := range map[string]bool{"/etc/railgate/keys.json": false, "/home/pi/keys.json": true, "/root/keys.json": true, "/tmp/keys.json": true, "/rooted": false} {
		if got := u.hides(path); got != want {
			t.Errorf("%s is hidden: %v; want %v", path, got, want)
		}
	}
	for path, want := range map[string]bool{"/var/lib/railgate": true, "/var/lib/railgate2": false, "/srv/gate": true, "/srv/gate/data": true, "/srv": false} {
		if got := u.mayWrite(path); got != want {
			t.Errorf("%s may be written: %v; want %v", path, got, want)
		}
	}
}

func TestAccount(t *testing.T) {
	h := newHost(t, map[string]string{
		"/etc/passwd": "root:x:0:0::/root:/bin/sh\nbroken\nrailgate:x:990:991::/:/bin/false\n",
		"/etc/group":  "root:x:0:\nrailgate:x:991:\nbroken\ndialout:x:20:pi,railgate\nvideo:x:44:pi\ngpio:x:997:\n",
	})
	a, err := h.account("railgate", "", []string{"gpio"})
	if err != nil || a.uid != 990 || a.gid != 991 || !slices.Equal(a.groups, []int{991, 20, 997}) {
		t.Errorf("account = %+v, %v; want 990:991 with dialout and gpio", a, err)
	}
	if a, err := h.account("990", "video", nil); err != nil || a.name != "railgate" || a.gid != 44 {
		t.Errorf("account = %+v, %v; want railgate:video", a, err)
	}
	if _, err := h.account("ghost", "", nil); !errors.Is(err, errNoUser) {
		t.Errorf("ghost: %v; want %v", err, errNoUser)
	}
}

// Rights are those of the user's numbers: owner, group, and the folders on the way.
func TestAccess(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can look as another user")
	}
	s := newSite(t)
	user := &account{name: "somebody", uid: 4711, gid: 4712, groups: []int{4712, 4713}}
	for _, tt := range []struct {
		uid, gid, mode int
		way            uint32
		may            bool
	}{
		{0, 0, 0o600, rOK, false}, {0, 0, 0o604, rOK, true}, {0, 0, 0o604, wOK, false}, {4711, 0, 0o400, rOK, true}, {4711, 0, 0o400, wOK, false},
		{0, 4712, 0o640, rOK, true}, {0, 4713, 0o660, rOK | wOK, true}, {0, 4714, 0o660, rOK, false}, {4711, 0, 0o066, rOK, false},
	} {
		s.write("file", "")
		if err := errors.Join(os.Chown(s.path("file"), tt.uid, tt.gid), os.Chmod(s.path("file"), os.FileMode(tt.mode))); err != nil {
			t.Fatal(err)
		}
		if r, err := user.access(s.path("file"), tt.way); err != nil || (r == nil) != tt.may {
			t.Errorf("%d:%d %o for %d: %+v, %v; want allowed %v", tt.uid, tt.gid, tt.mode, tt.way, r, err, tt.may)
		}
		if err := os.Remove(s.path("file")); err != nil {
			t.Fatal("the doctor's own rights are gone: ", err)
		}
	}
	if err := errors.Join(os.MkdirAll(s.path("a/b"), 0o755), os.WriteFile(s.path("a/b/c"), nil, 0o644), os.Chmod(s.path("a"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if r, err := user.access(s.path("a/b/c"), rOK); err != nil || r == nil || r.where != s.path("a") {
		t.Errorf("%+v, %v; want to be stopped at %s", r, err, s.path("a"))
	}
}

func FuzzHostFiles(f *testing.F) {
	f.Add("[Service]\nUser=railgate\nSupplementaryGroups=a b", "railgate:x:990:991::/:/bin/false", "dialout:x:20:railgate")
	f.Add("User=\n[Service\n=", ":::", ":x::")
	f.Fuzz(func(t *testing.T, unitText, passwd, group string) {
		h := newHost(t, map[string]string{"/etc/passwd": passwd, "/etc/group": group, "/etc/systemd/system/railgated.service": unitText})
		u := h.unit()
		if a, err := h.account(u.user, u.group, u.groups); err == nil && len(a.groups) == 0 {
			t.Errorf("%+v has no group", a)
		}
	})
}
