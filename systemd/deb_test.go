package systemd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A debian is a small Debian of its own. Its systemctl writes down what it is asked, for no systemd runs in it.
type debian struct {
	root, debs string
}

// fakeSystemctl stands in for systemctl: the gate is active while /tmp/active is there, and a stop notes whether the tool
// that releases the relay is there too.
const fakeSystemctl = `#!/bin/sh
echo "$*" >>/tmp/systemctl
case "$*" in
*is-active*) [ -e /tmp/active ] ;;
"stop "*railgated.service*) [ ! -x /usr/bin/railgate ] || echo "outputs-safe is there" >>/tmp/systemctl ;;
esac
`

func newDebian(t *testing.T, debs string) *debian {
	t.Helper()
	d := &debian{root: t.TempDir(), debs: debs}
	if out, err := exec.Command("tar", "xf", filepath.Join(debs, "debian/root.tar"), "-C", d.root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Rename(d.path("/usr/bin/systemctl"), d.path("/usr/bin/systemctl.real")); err != nil {
		t.Fatal(err)
	}
	d.write(t, "/usr/bin/systemctl", fakeSystemctl, 0o755)
	if err := os.MkdirAll(d.path("/run/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *debian) path(name string) string { return filepath.Join(d.root, name) }

func (d *debian) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(d.path(name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func (d *debian) there(name string) bool {
	_, err := os.Lstat(d.path(name))
	return err == nil
}

// run runs a shell's script in it, without a network. When the script ends, so does all that it started.
func (d *debian) run(script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-c",
		`mount -t proc proc "$0/proc" && exec chroot "$0" sh -c "$1"`, d.root, script)
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	out, err := c.CombinedOutput()
	return string(out), err
}

// must is run, where an error ends the test.
func (d *debian) must(t *testing.T, script string) string {
	t.Helper()
	out, err := d.run(script)
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// asked is what systemctl was asked since it was last looked at.
func (d *debian) asked(t *testing.T) string {
	t.Helper()
	log, _ := os.ReadFile(d.path("/tmp/systemctl"))
	if err := os.RemoveAll(d.path("/tmp/systemctl")); err != nil {
		t.Fatal(err)
	}
	return string(log)
}

// deb is a package of this machine, put into its /tmp.
func (d *debian) deb(t *testing.T, name string) string {
	t.Helper()
	arch := architecture(t)
	found, err := filepath.Glob(filepath.Join(d.debs, name+"_*_"+arch+".deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q, %v; want one package", name, found, err)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, "/tmp/"+name+".deb", string(data), 0o644)
	return "/tmp/" + name + ".deb"
}

// architecture is this machine's, as Debian calls it.
func architecture(t *testing.T) string {
	t.Helper()
	arch, err := exec.Command("dpkg", "--print-architecture").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(arch))
}

// newer is a package as a later version of itself, with another default configuration if that is said.
func (d *debian) newer(t *testing.T, deb, version, conffile string) string {
	t.Helper()
	more := ""
	if conffile != "" {
		more = fmt.Sprintf("echo '%s' >>etc/railgate/railgated.toml &&", conffile)
	}
	d.must(t, fmt.Sprintf("rm -rf /tmp/x && dpkg-deb -R %s /tmp/x && cd /tmp/x && sed -i 's/^Version: .*/Version: %s/' DEBIAN/control && %s dpkg-deb -Znone -b /tmp/x /tmp/%s.deb", deb, version, more, version))
	return "/tmp/" + version + ".deb"
}

const benchGate = `keys = "/etc/railgate/keys.json"
[[scanner]]
driver = "camera"
frames = "/var/lib/frames"
[turnstile]
driver = "sim"
[clock]
require_sync = false
`

// The packages in a Debian: installed, configured, upgraded, removed, purged, in this order, as a technician does it.
func TestPackages(t *testing.T) {
	debs := os.Getenv("RAILGATE_DEBS")
	if debs == "" {
		t.Skip("skipped: make deb-test makes the packages and a Debian for it")
	}
	d := newDebian(t, debs)
	gate, station := d.deb(t, "railgate"), d.deb(t, "railgate-station")
	d.install(t, gate, station)
	t.Run("manuals", d.manuals)
	t.Run("units", d.units)
	d.configure(t)
	d.upgrade(t, gate)
	t.Run("another default configuration", func(t *testing.T) { d.otherDefault(t, gate) })
	t.Run("refused by the new version", func(t *testing.T) { d.refused(t, gate) })
	d.remove(t)
	d.purge(t, gate)
	t.Run("station", func(t *testing.T) { d.purgeStation(t, station) })
}

func (d *debian) install(t *testing.T, gate, station string) {
	out := d.must(t, "dpkg -i "+gate+" "+station+" </dev/null")
	if strings.Contains(out, "symlink") {
		t.Errorf("an installation enables something:\n%s", out)
	}
	if log := d.asked(t); !strings.Contains(log, "daemon-reload") || strings.Contains(log, "railgate") {
		t.Errorf("systemctl was asked %q; want a daemon-reload, and nothing of a gate that nobody configured", log)
	}
	stat := d.must(t, "stat -c '%A %U:%G %n' /etc/railgate /etc/railgate/railgated.toml /etc/railgate-station /run/lock/railgate /usr/bin/railgated /usr/bin/railgate /usr/bin/station; id -nG railgate; id -nG railgate-kiosk; id -nG railgate-station")
	want := `drwxr-x--- root:railgate /etc/railgate
-rw-r----- root:railgate /etc/railgate/railgated.toml
drwxr-x--- root:railgate-station /etc/railgate-station
drwxrwx--- railgate:railgate /run/lock/railgate
-rwxr-xr-x root:root /usr/bin/railgated
-rwxr-xr-x root:root /usr/bin/railgate
-rwxr-xr-x root:root /usr/bin/station
railgate dialout video gpio
railgate-kiosk video render
railgate-station
`
	if stat != want {
		t.Errorf("got\n%s\nwant\n%s", stat, want)
	}
	for _, name := range installed {
		if name[0] != '/' {
			name = "/usr/" + name
		}
		if zipped := name + ".gz"; strings.Contains(name, "/man/") {
			name = zipped
		}
		if !d.there(name) {
			t.Errorf("%s is not there", name)
		}
	}
	if out := d.must(t, "dpkg -V railgate railgate-station; for p in railgated railgate station; do $p --version || exit 1; done"); len(strings.Fields(out)) < 6 || strings.Contains(out, "??5") {
		t.Errorf("dpkg -V and the versions: %s", out)
	}
	if out, err := d.run("railgated --check"); err == nil || !strings.Contains(out, "there is no [[scanner]]") {
		t.Errorf("a gate that nobody configured: %v, %s; want it refused for what is missing", err, out)
	}
}

func (d *debian) manuals(t *testing.T) {
	for page, words := range map[string]string{
		"5 railgated.toml": "[turnstile]", "8 railgated": "SIGHUP", "1 railgate": "doctor", "1 railgate-doctor": "Look for what is wrong", "1 station": "TUF",
	} {
		if out, err := d.run("man " + page); err != nil || !strings.Contains(out, words) {
			t.Errorf("man %s: %v, %.300s; want it, with %q", page, err, out, words)
		}
	}
}

// Everything that a unit names is there, but what the screen needs, which is only suggested.
func (d *debian) units(t *testing.T) {
	out, err := d.run("cd /usr/lib/systemd/system && systemd-analyze verify --man=yes railgate*")
	rest := regexp.MustCompile(`(?m)^railgate-kiosk\.service: Command /usr/bin/(curl|cage) is not executable: .*\n`).ReplaceAllString(out, "")
	if strings.TrimSpace(rest) != "" {
		t.Errorf("systemd-analyze verify: %v\n%s", err, rest)
	}
}

// configure has a gate run for a while, as the service's user, so that there is a journal.
func (d *debian) configure(t *testing.T) {
	keys := t.TempDir()
	if out, err := exec.Command("../bin/issuer", "keys", "--dir", keys).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	keyset, err := os.ReadFile(filepath.Join(keys, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, "/etc/railgate/keys.json", string(keyset), 0o640)
	d.write(t, "/etc/railgate/railgated.toml", benchGate, 0o640)
	d.must(t, `mkdir /var/lib/frames && systemd-tmpfiles --create railgate.conf && SYSTEMD_OFFLINE=1 systemctl.real enable railgated.service &&
		install -d -m 750 -o railgate -g railgate /var/lib/railgate /var/lib/railgate-mark`)
	out := d.must(t, `railgated --check || exit 1
		STATE_DIRECTORY=/var/lib/railgate:/var/lib/railgate-mark setpriv --reuid railgate --regid railgate --init-groups railgated &
		for i in $(seq 300); do railgate status && break; sleep 0.1; done
		kill $! && wait $!`)
	if !d.there("/var/lib/railgate/gate.db") {
		t.Fatalf("a gate ran, and there is no journal:\n%s", out)
	}
	d.write(t, "/tmp/active", "", 0o644)
	d.asked(t)
}

// kept are what a technician has put there, which only a purge may take.
func (d *debian) kept(t *testing.T, when string) {
	t.Helper()
	text, err := os.ReadFile(d.path("/etc/railgate/railgated.toml"))
	if stat := d.must(t, "stat -c '%a %U:%G' /etc/railgate/railgated.toml"); err != nil || string(text) != benchGate || stat != "640 root:railgate\n" {
		t.Errorf("%s: configuration %q, %s; want it kept", when, text, stat)
	}
	for _, name := range []string{"/var/lib/railgate/gate.db", "/etc/railgate/keys.json", "/etc/systemd/system/multi-user.target.wants/railgated.service"} {
		if !d.there(name) {
			t.Errorf("%s: %s is not there", when, name)
		}
	}
}

func (d *debian) upgrade(t *testing.T, gate string) {
	d.must(t, "dpkg -i "+d.newer(t, gate, "90", "")+" </dev/null") // a question would fail it
	d.kept(t, "upgraded")
	if log := d.asked(t); !strings.Contains(log, "try-restart railgated.service") || strings.Contains(log, "stop ") {
		t.Errorf("systemctl was asked %q; want a restart, after everything is in its place", log)
	}
}

func (d *debian) otherDefault(t *testing.T, gate string) {
	d.must(t, "dpkg --force-confold -i "+d.newer(t, gate, "91", "# more")+" </dev/null")
	d.kept(t, "upgraded to another default")
	if data, err := os.ReadFile(d.path("/etc/railgate/railgated.toml.dpkg-dist")); err != nil || !bytes.HasSuffix(data, []byte("# more\n")) {
		t.Errorf("the new default: %q, %v; want it beside the technician's", data, err)
	}
	d.asked(t)
}

// A version that does not start with what the gate has does not end the one that runs.
func (d *debian) refused(t *testing.T, gate string) {
	bad := benchGate + "later = true\n"
	d.write(t, "/etc/railgate/railgated.toml", bad, 0o640)
	out := d.must(t, "dpkg -i "+d.newer(t, gate, "92", "# more")+" </dev/null")
	if !strings.Contains(out, "clock.later: unknown key") || !strings.Contains(out, "the version before goes on") {
		t.Errorf("%s\nwant what is wrong, and that the gate goes on", out)
	}
	if log := d.asked(t); strings.Contains(log, "try-restart railgated.service") {
		t.Errorf("systemctl was asked %q; want no restart", log)
	}
	d.write(t, "/etc/railgate/railgated.toml", benchGate, 0o640)
	if err := os.Remove(d.path("/tmp/active")); err != nil {
		t.Fatal(err)
	}
	out = d.must(t, "dpkg -i "+d.newer(t, gate, "93", "# more")+" </dev/null")
	if log := d.asked(t); strings.Contains(log, "restart railgated.service") || strings.Contains(out, "railgated.toml:") {
		t.Errorf("a gate that does not run: systemctl was asked %q, dpkg said %s; want it left alone", log, out)
	}
}

func (d *debian) remove(t *testing.T) {
	d.must(t, "dpkg -r railgate")
	log := d.asked(t)
	if _, after, ok := strings.Cut(log, "stop railgate-kiosk.service railgated.service\n"); !ok || !strings.HasPrefix(after, "outputs-safe is there\n") {
		t.Errorf("systemctl was asked %q; want a stop while railgate outputs-safe can still be run", log)
	}
	for _, name := range []string{"/usr/bin/railgated", "/usr/lib/systemd/system/railgated.service", "/usr/share/doc/railgate"} {
		if d.there(name) {
			t.Errorf("removed: %s is still there", name)
		}
	}
	d.kept(t, "removed")
}

func (d *debian) purge(t *testing.T, gate string) {
	out := d.must(t, "dpkg -P railgate")
	if !d.there("/var/lib/railgate/gate.db") || !strings.Contains(out, "to delete it: rm -r /var/lib/railgate /var/lib/railgate-mark") {
		t.Errorf("purged: want the journal kept, and how to delete it:\n%s", out)
	}
	if !d.there("/etc/railgate/keys.json") || !strings.Contains(out, "/etc/railgate is kept") {
		t.Errorf("purged: want the technician's own files kept, and that said:\n%s", out)
	}
	for _, name := range []string{"/etc/railgate/railgated.toml", "/etc/systemd/system/multi-user.target.wants/railgated.service", "/run/lock/railgate"} {
		if d.there(name) {
			t.Errorf("purged: %s is still there", name)
		}
	}
	d.must(t, "rm -r /etc/railgate /var/lib/railgate/gate.db && dpkg -i "+gate+" && dpkg -P railgate")
	if left := d.must(t, "ls -d /etc/railgate /var/lib/railgate /var/lib/railgate-mark 2>/dev/null; find /etc/systemd /var/lib/systemd -name 'railgate*' ! -name 'railgate-station*'"); left != "" {
		t.Errorf("purged, without a journal: %s is still there", left)
	}
}

func (d *debian) purgeStation(t *testing.T, station string) {
	d.must(t, "install -d -o railgate-station /var/lib/railgate-station && touch /var/lib/railgate-station/root-1.age")
	if out := d.must(t, "dpkg -P railgate-station"); !d.there("/var/lib/railgate-station/root-1.age") || !strings.Contains(out, "rm -r /var/lib/railgate-station") {
		t.Errorf("purged: want the station's keys kept, and how to delete them:\n%s", out)
	}
	d.must(t, "rm /var/lib/railgate-station/root-1.age && dpkg -i "+station+" && dpkg -P railgate-station")
	if left := d.must(t, "ls -d /etc/railgate-station /var/lib/railgate-station 2>/dev/null; find /etc/systemd /var/lib/systemd -name 'railgate*'"); left != "" {
		t.Errorf("purged, and nothing of it is needed: %s is still there", left)
	}
}
