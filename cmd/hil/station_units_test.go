package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stationFolder is where the station's units have everything.
const stationFolder = "/var/lib/railgate-station"

// shippedStation are the files of the folder systemd that are the station's, by where they go.
var shippedStation = map[string]string{
	"usr/lib/systemd/system/railgate-station.service":           "railgate-station.service",
	"usr/lib/systemd/system/railgate-station-timestamp.service": "railgate-station-timestamp.service",
	"usr/lib/systemd/system/railgate-station-timestamp.timer":   "railgate-station-timestamp.timer",
	"usr/lib/sysusers.d/railgate-station.conf":                  "sysusers.d/railgate-station.conf",
	"usr/lib/tmpfiles.d/railgate-station.conf":                  "tmpfiles.d/railgate-station.conf",
}

// A server is a machine that is to be a station: Debian's systemd, the station's units, and its
// program. Its ports are forwarded to this machine.
type server struct {
	*machine
	web, bus string // host:port, here
}

// soon has the timer not wait, which it does so that not all stations sign in one minute.
const soon = "[Timer]\nRandomizedDelaySec=0\nAccuracySec=1s\n"

func newServer(t testing.TB) *server {
	t.Helper()
	home, own := folder(t), t.TempDir()
	v := &server{web: "127.0.0.1:" + freePort(t), bus: "127.0.0.1:" + freePort(t)}
	s := setup{
		files: map[string]string{}, plain: map[string]string{}, memory: 512, modules: []string{"virtio_blk", "crc32c_generic", "ext4", "virtio_net"},
		disk:  "snapshot=on,file=" + filepath.Join(home, "root.ext4"),
		words: []string{"root=/dev/vda", "systemd.wants=hil.service", "systemd.show_status=0", "rw", "net.ifnames=0"},
		flags: []string{"-netdev", fmt.Sprintf("user,id=net,hostfwd=tcp:%s-:8443,hostfwd=tcp:%s-:4222", v.web, v.bus), "-device", "virtio-net-pci,netdev=net,id=cable,romfile="},
	}
	for name, text := range map[string]string{
		"etc/systemd/system/hil.service":                                         agentUnit,
		"etc/systemd/system/railgate-station-timestamp.timer.d/soon.conf":        soon,
		"etc/systemd/system/railgate-station-timestamp.service.d/unhurried.conf": "[Service]\nTimeoutStartSec=5min\n", // as slow as an emulated processor may be
	} {
		path := filepath.Join(own, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s.plain["overlay/"+name] = path
	}
	for name, from := range shippedStation {
		s.plain["overlay/"+name] = filepath.Join("../../systemd", from)
	}
	for _, name := range strings.Fields(needless) {
		s.plain["overlay/etc/systemd/"+name] = os.DevNull
	}
	for _, name := range []string{"station", "hil"} {
		s.files["overlay/usr/bin/"+name] = filepath.Join(home, "bin", name)
	}
	v.machine = newMachine(t, s)
	v.online()
	t.Cleanup(v.tell)
	return v
}

// tell shows what a failed test leaves.
func (v *server) tell() {
	if !v.t.Failed() {
		return
	}
	var r Result
	err := v.try("Run", Command{Args: []string{"/bin/journalctl", "-b", "--no-pager", "-n", "100"}}, &r)
	v.t.Logf("%v %s\n%s", err, r.End, r.Output)
}

func (v *server) property(unit, name string) string {
	v.t.Helper()
	return strings.TrimSpace(v.run("/bin/systemctl", "show", "-P", name, unit))
}

// station runs one of the station's commands as its user, as docs/station.md says.
func (v *server) station(args ...string) string {
	v.t.Helper()
	return v.run(append([]string{"/usr/bin/setpriv", "--reuid=railgate-station", "--regid=railgate-station", "--clear-groups", "/usr/bin/station",
		"--dir", stationFolder, "--passphrase-file", "/run/passphrase", "--work-factor", "10"}, args...)...)
}

// get asks the station by HTTPS, from this machine.
func (v *server) get(path string) (status int, body string, err error) {
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	answer, err := client.Get("https://" + v.web + path)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data), err
}

// serves waits until the station says that all of it works, and its bus greets.
func (v *server) serves() {
	v.t.Helper()
	v.within(bootPatience, "the station serves", func() bool {
		status, body, err := v.get("/healthz")
		return err == nil && status == http.StatusOK && body == "ok\n"
	})
	conn, err := net.DialTimeout("tcp", v.bus, patience)
	if err != nil {
		v.t.Fatal(err)
	}
	defer conn.Close()
	greeting := make([]byte, 5)
	conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(conn, greeting); err != nil || string(greeting) != "INFO " {
		v.t.Fatalf("the bus greets with %q, %v", greeting, err)
	}
}

// timestamp is the version of a repository's timestamp, as it is served.
func (v *server) timestamp(repository string) int {
	v.t.Helper()
	_, body, err := v.get("/" + repository + "/timestamp.json")
	var metadata struct{ Signed struct{ Version int } }
	if err == nil {
		err = json.Unmarshal([]byte(body), &metadata)
	}
	if err != nil || metadata.Signed.Version == 0 {
		v.t.Fatalf("%s/timestamp.json: %v\n%s", repository, err, body)
	}
	return metadata.Signed.Version
}

// The station's own units, started by systemd itself: the user by sysusers, the service in its
// sandbox, the timer that signs timestamps.
func TestTheStationUnderSystemd(t *testing.T) {
	v := newServer(t)
	step := func(name string, part func(t *testing.T)) {
		whole := v.t
		defer func() { v.t = whole }()
		if !t.Run(name, func(t *testing.T) { v.t = t; part(t) }) {
			t.FailNow()
		}
	}
	const service, timer, signs = "railgate-station.service", "railgate-station-timestamp.timer", "railgate-station-timestamp.service"
	step("before there is a station", func(t *testing.T) {
		v.until("systemd has its users", func() bool { return strings.Contains(v.read("/etc/passwd"), "railgate-station:") })
		v.run("/bin/systemctl", "start", service, signs)
		for _, unit := range []string{service, signs} {
			if state, met := v.property(unit, "ActiveState"), v.property(unit, "ConditionResult"); state != "inactive" || met != "no" {
				t.Errorf("%s without a station: %s, its condition %s; want it inactive, and no failure", unit, state, met)
			}
		}
	})
	step("made, and served", func(t *testing.T) {
		v.run("/usr/bin/install", "-d", "-o", "railgate-station", "-g", "railgate-station", "-m", "750", stationFolder)
		v.write("/run/passphrase", "correct horse battery\n", 0o644)
		v.station("init", "--station", "GZQ", "--server", "tls://station.example:4222")
		v.station("passphrase")
		v.run("/bin/systemctl", "enable", "--now", service, timer)
		v.serves()
		if user := v.run("/usr/bin/stat", "-c", "%U %a", stationFolder+"/station/ledger.db"); user != "railgate-station 600\n" {
			t.Errorf("the ledger is %s; want it the station's alone", user)
		}
	})
	step("killed", func(t *testing.T) {
		before := v.property(service, "MainPID")
		v.run("/bin/systemctl", "kill", "-s", "KILL", service)
		v.until("another one runs", func() bool { pid := v.property(service, "MainPID"); return pid != before && pid != "0" })
		v.serves()
	})
	step("the timer signs", func(t *testing.T) {
		nation, station := v.timestamp("nation"), v.timestamp("station")
		v.ask("Time", time.Now().Add(7*time.Hour), new(struct{})) // OnCalendar is every six
		v.until("newer timestamps", func() bool { return v.timestamp("nation") > nation && v.timestamp("station") > station })
		v.until("it is done", func() bool { return v.property(signs, "ActiveState") == "inactive" })
		if result := v.property(signs, "Result"); result != "success" {
			t.Errorf("signing ended with %s", result)
		}
	})
	step("stopped", func(t *testing.T) {
		v.run("/bin/systemctl", "stop", service)
		if result, code := v.property(service, "Result"), v.property(service, "ExecMainStatus"); result != "success" || code != "0" {
			t.Errorf("stopped: %s, exit status %s; want success and 0", result, code)
		}
	})
}
