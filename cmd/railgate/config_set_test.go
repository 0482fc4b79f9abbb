package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/verify"
)

const ownWords = "[lane] # the south entry\ndirection = \"entry\"   # until the works end\n# per_day = 2         # not yet"

func TestConfigSetChangesOneKey(t *testing.T) {
	t.Parallel()
	s := newSite(t, ownWords)
	if err := os.Chmod(s.path("gate.toml"), 0o640); err != nil {
		t.Fatal(err)
	}
	old := s.read("gate.toml")
	status, out, errOut := s.tool("config", "set", "lane.per_day", "3")
	if status != 0 || !strings.Contains(out, "lane.per_day: not set → 3") || !strings.Contains(out, "not running") {
		t.Fatalf("status %d, %q, %q; want what was changed", status, out, errOut)
	}
	if got, want := s.read("gate.toml"), strings.Replace(old, "# per_day = 2         #", "per_day = 3         #", 1); got != want {
		t.Errorf("%q;\nwant %q", got, want)
	}
	if s.read("gate.toml.old") != old {
		t.Error("the old file is not kept as it was")
	}
	for _, name := range []string{"gate.toml", "gate.toml.old"} {
		if info, err := os.Stat(s.path(name)); err != nil || info.Mode() != 0o640 {
			t.Errorf("%s: %v, %v; want its mode kept", name, info.Mode(), err)
		}
	}
	if status, out, _ := s.tool("config", "set", "lane.per_day", "3"); status != 0 || !strings.Contains(out, "nothing was changed") || s.read("gate.toml.old") != old {
		t.Errorf("status %d, %q; want that it was so already, and the old file as it was", status, out)
	}
	if status, out, _ := s.tool("config", "unset", "lane.per_day"); status != 0 || !strings.Contains(out, "lane.per_day: 3 → not set") || !strings.Contains(s.read("gate.toml"), "# per_day = 3 ") {
		t.Errorf("status %d, %q; want it commented out", status, out)
	}
}

// Several keys that are right only together.
func TestConfigSetChangesSeveralKeysAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if status, out, _ := s.tool("config", "set", "scanner.eye.frames", s.path("else")); status != 0 || !strings.Contains(out, "not here now: scanner[0].frames") {
		t.Errorf("status %d, %q; want that the folder is not there", status, out)
	}
	status, out, errOut := s.tool("config", "set", "scanner.eye.driver=serial", "scanner.eye.port=/dev/ttyS9", "--unset", "scanner.eye.frames", "--json")
	var answer changedAnswer
	if err := json.Unmarshal([]byte(out), &answer); status != 0 || err != nil || len(answer.Changed) != 3 || answer.Restart != "no" || len(answer.Wrong) != 0 {
		t.Fatalf("status %d, %v, %s, %s", status, err, out, errOut)
	}
	c, err := configs.Load(s.path("gate.toml"))
	if err != nil || c.Scanners[0].Port != "/dev/ttyS9" || !strings.Contains(s.read("gate.toml"), "# frames = ") {
		t.Errorf("%v, %s; want a serial scanner", err, s.read("gate.toml"))
	}
}

// A mistake is named, with what was meant, and changes nothing.
func TestConfigSetRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, ownWords)
	old := s.read("gate.toml")
	for _, tt := range []struct {
		args   string
		status int
		words  string
	}{
		{"lane.direcion exit", exitUsage, "is it lane.direction?"},
		{"lane.direction exti", exitFailed, "is it exit?"},
		{"lane.direction", exitUsage, `want "entry", "exit" or "check"`},
		{"lane.per_day many", exitUsage, "0 to 1000"},
		{"lane.per_day 2000", exitFailed, "out of range"},
		{"lane.hours 25:00-26:00", exitFailed, "not a span of hours"},
		{"lane.tickets required", exitFailed, "sync.station"}, // right by itself
		{"scanner.eye.port /dev/x", exitFailed, "not for driver"},
		{"scanner.front.fps 10", exitUsage, "there are eye"},
		{"lane.per_day=1 lane.per_day=2", exitUsage, "twice"},
		{"lane.per_day=1 lane.hours", exitUsage, "KEY=VALUE"},
		{"", exitUsage, "name a key"},
		{"--unset turnstile.driver", exitFailed, "missing"},
	} {
		status, out, errOut := s.tool(append([]string{"config", "set"}, strings.Fields(tt.args)...)...)
		if status != tt.status || !strings.Contains(errOut, tt.words) || out != "" {
			t.Errorf("%s: status %d, %q, %q; want %d, %q", tt.args, status, out, errOut, tt.status, tt.words)
		}
	}
	if _, err := os.Stat(s.path("gate.toml.old")); s.read("gate.toml") != old || err == nil {
		t.Errorf("%s; want the file as it was, and no old one", s.read("gate.toml"))
	}
	s.write("gate.toml", "gate = \n")
	if status, _, errOut := s.tool("config", "set", "gate", "A07"); status != exitFailed || !strings.Contains(errOut, "KEY = VALUE") {
		t.Errorf("a file that is not TOML: status %d, %s", status, errOut)
	}
	s.remove("gate.toml")
	if status, _, errOut := s.tool("config", "set", "gate", "A07"); status != exitFailed || !strings.Contains(errOut, "begin with: cp") {
		t.Errorf("no file: status %d, %s", status, errOut)
	}
}

// Of a file that is wrong in two places, one can be mended; the other is told.
func TestConfigSetMendsAFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, "[lane]\ndirection = \"enrty\"\npassback = \"sotf\"")
	status, out, errOut := s.tool("config", "set", "lane.direction", "entry")
	if status != 0 || !strings.Contains(out, "still wrong, as before") || !strings.Contains(out, "sotf") || strings.Contains(out, "enrty\" is not") {
		t.Errorf("status %d, %q, %q; want one mended, and the other told", status, out, errOut)
	}
	if status, out, errOut := s.tool("config", "set", "lane.passback", "soft"); status != 0 || strings.Contains(out, "still wrong") {
		t.Errorf("status %d, %q, %q; want both mended", status, out, errOut)
	}
}

// What somebody else has written meanwhile stays.
func TestAConfigurationThatIsChangedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	f, err := readConfigFile(s.path("gate.toml"))
	if err != nil {
		t.Fatal(err)
	}
	theirs := s.read("gate.toml") + "# theirs\n"
	s.write("gate.toml", theirs)
	if err := f.replace([]byte("# ours\n")); !errors.Is(err, errMeanwhile) || s.read("gate.toml") != theirs {
		t.Errorf("%v, %q; want theirs, untouched", err, s.read("gate.toml"))
	}
	first, err := readConfigFile(s.path("gate.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.lock(); err != nil {
		t.Fatal(err)
	}
	second, err := readConfigFile(s.path("gate.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := second.replace([]byte("# second\n")); err == nil || !strings.Contains(err.Error(), "another railgate") {
		t.Errorf("%v; want one at a time", err)
	}
	// A program that starts at this moment has a copy of all open files, until it is another program.
	copied, err := unix.Dup(int(first.taken.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(copied)
	first.unlock()
	if err := second.replace([]byte("# second\n")); err != nil || s.read("gate.toml") != "# second\n" {
		t.Errorf("%v; want it written once the other is done", err)
	}
}

func TestAConfigurationThatIsALink(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := errors.Join(os.Rename(s.path("gate.toml"), s.path("real.toml")), os.Symlink("real.toml", s.path("gate.toml"))); err != nil {
		t.Fatal(err)
	}
	status, _, errOut := s.tool("config", "set", "gate", "A07")
	if link, err := os.Readlink(s.path("gate.toml")); status != 0 || err != nil || link != "real.toml" || !strings.Contains(s.read("real.toml"), "gate = \"A07\"") {
		t.Errorf("status %d, %s, %v; want the file behind the link changed", status, errOut, err)
	}
}

// A key that the station's policy sets is written, and the person is told that nothing comes of it.
func TestConfigSetOfAKeyThatTheStationSets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	serveControl(t, s.path("data"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(control.Config{Path: s.path("gate.toml"), Settings: []configs.Setting{
			{Key: "lane.direction", Value: "exit", From: "station policy 7"}, {Key: "lane.passback", Value: "off", From: "default"}}})
	}))
	status, out, errOut := s.tool("config", "set", "lane.direction", "check")
	if status != 0 || !strings.Contains(out, "station policy 7 sets it") || !strings.Contains(out, "until it is restarted: systemctl restart railgated") {
		t.Errorf("status %d, %q, %q; want who sets it, and that a restart is needed", status, out, errOut)
	}
	if status, out, _ := s.tool("config", "set", "lane.direction", "exit", "--json"); status != 0 || !strings.Contains(out, `"overridden_by":"station policy 7"`) || !strings.Contains(out, `"restart":"needed"`) {
		t.Errorf("status %d, %q; want the same for a script", status, out)
	}
}

// A gate that is provisioned is what it was provisioned as, whatever its file says.
func TestConfigSetOfAKeyThatWasProvisioned(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("gate.toml", strings.Replace(s.read("gate.toml"), "keys = ", "# keys = ", 1)+"[provision]\nwait = true\n[lane]\ndirection = \"entry\"\n")
	s.write("data/"+configs.ProvisionedName, string(configs.FormatSettings(&verify.Settings{Station: "GZQ", Gate: "A07", Direction: "entry", Nation: "https://rail.example/nation", NationRoot: make([]byte, 32)})))
	status, out, errOut := s.tool("config", "set", "lane.direction", "exit")
	if status != 0 || !strings.Contains(out, s.path("data/"+configs.ProvisionedName)+":") || !strings.Contains(out, "nothing comes of it") {
		t.Errorf("status %d, %q, %q; want what sets it over the file", status, out, errOut)
	}
}

// systemctl restarts the gate where it is told to; here is one that takes notes.
func TestConfigSetRestarts(t *testing.T) {
	s := newSite(t)
	s.write("systemctl", "#!/bin/sh\necho \"$@\" >> "+s.path("calls")+"\n")
	if err := os.Chmod(s.path("systemctl"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", s.dir+":"+os.Getenv("PATH"))
	status, out, errOut := s.tool("config", "set", "gate", "A07", "--restart")
	if status != 0 || !strings.Contains(out, "restarted") || s.read("calls") != "restart railgated\n" {
		t.Errorf("status %d, %q, %q; want one restart", status, out, errOut)
	}
	s.write("systemctl", "#!/bin/sh\nexit 1\n")
	if status, _, errOut := s.tool("config", "set", "gate", "A08", "--restart"); status != exitFailed || !strings.Contains(errOut, "written, and railgated was not restarted") {
		t.Errorf("status %d, %q; want that the file is written all the same", status, errOut)
	}
}

// On a terminal set asks before it restarts the gate.
func TestConfigSetAsksOnATerminal(t *testing.T) {
	t.Parallel()
	v := newVisit(t)
	v.systemctl("start")
	running := func() (s *control.Status) {
		v.until("railgated answers", func() (ok bool) {
			var err error
			s, err = control.NewClient(v.path("data")).Status(t.Context())
			return err == nil
		})
		return s
	}
	first := running()
	v.runs("config", "set", "lane.open_for", "7s", "--config", v.path("gate.toml"))
	v.confirm("Restart railgated now?", false)
	v.sees("goes on with the old configuration until it is restarted: systemctl restart railgated")
	if status := v.leaves(); status != 0 || running().PID != first.PID {
		t.Errorf("status %d; want the old railgated", status)
	}
	v.runs("config", "set", "lane.open_for", "8s", "--config", v.path("gate.toml"))
	v.confirm("Restart railgated now?", true)
	v.sees("railgated is restarted")
	if status := v.leaves(); status != 0 || running().PID == first.PID {
		t.Errorf("status %d; want another railgated", status)
	}
}

func TestConfigDiff(t *testing.T) {
	t.Parallel()
	s := newSite(t, "[lane]\nper_day = 3\npassback = \"soft\"")
	same := s.read("gate.toml")
	s.write("same.toml", "# other words\n"+strings.Replace(same, "per_day = 3\npassback = \"soft\"", "passback=\"soft\"\n\nper_day=0x3", 1))
	s.write("other.toml", strings.Replace(same, "per_day = 3", "per_day = 4", 1))
	s.write("bad.toml", "gate = ")
	for _, tt := range []struct {
		args   []string
		status int
		has    string
		hasNot string
	}{
		{nil, 1, "lane.per_day", "lane.passback"},
		{[]string{s.path("same.toml")}, 0, "", "lane"},
		{[]string{s.path("other.toml")}, 1, "lane.per_day  4  → 3", "turnstile"},
		{[]string{s.path("bad.toml")}, 2, "", ""},
		{[]string{s.path("none.toml")}, 2, "", ""},
		{[]string{"--running"}, 2, "", ""},
		{[]string{"--running", "x"}, 64, "", ""},
	} {
		status, out, errOut := s.tool(append([]string{"config", "diff"}, tt.args...)...)
		if status != tt.status || !strings.Contains(out, tt.has) || tt.hasNot != "" && strings.Contains(out, tt.hasNot) || tt.status > 1 && errOut == "" {
			t.Errorf("%v: status %d, %q, %q; want %d, %q and not %q", tt.args, status, out, errOut, tt.status, tt.has, tt.hasNot)
		}
	}
}

// A file that was changed since railgated read it differs from the running gate, but for what the station sets.
func TestConfigDiffWithTheRunningGate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	if status, out, errOut := s.tool("config", "diff", "--running"); status != 0 || out != "" {
		t.Errorf("status %d, %q, %q; want no difference", status, out, errOut)
	}
	if status, out, errOut := s.tool("config", "set", "lane.open_for", "7s"); status != 0 || !strings.Contains(out, "until it is restarted") {
		t.Errorf("status %d, %q, %q; want that a restart is needed", status, out, errOut)
	}
	status, out, _ := s.tool("config", "diff", "--running", "--json")
	var answer struct{ Differences []difference }
	if err := json.Unmarshal([]byte(out), &answer); status != 1 || err != nil || len(answer.Differences) != 1 || answer.Differences[0].Key != "lane.open_for" || answer.Differences[0].New != "7s" || answer.Differences[0].Old != "5s" {
		t.Errorf("status %d, %v, %s; want the one key", status, err, out)
	}
	theirs := []configs.Setting{{Key: "a", Value: 1, From: "station policy 3"}, {Key: "b", Value: 1.0}, {Key: "d", Value: 4}}
	mine := []configs.Setting{{Key: "a", Value: 2}, {Key: "b", Value: 1}, {Key: "c", Value: 3}}
	if all := compare(theirs, mine, true); len(all) != 2 || all[0].Key != "c" || all[1].Key != "d" || all[1].New != nil {
		t.Errorf("%+v; want c, which is new, and d, which is gone", all)
	}
}

func TestConfigCheck(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if status, out, errOut := s.tool("config", "check"); status != 0 || !strings.HasSuffix(out, "gate.toml: good\n") {
		t.Errorf("status %d, %q, %q; want that it is good", status, out, errOut)
	}
	s.write("bad.toml", "gate = \"A\"\n[lane]\n  passback = \"sotf\"\n  nonsense = 1\n"+s.read("gate.toml"))
	status, out, errOut := s.tool("config", "check", s.path("bad.toml"))
	if status != 1 || out != "" || !strings.Contains(errOut, "bad.toml:3: lane.passback: ") || !strings.Contains(errOut, "bad.toml:4: lane.nonsense: ") {
		t.Errorf("status %d, %q, %q; want a line for each", status, out, errOut)
	}
	status, out, _ = s.tool("config", "check", "--json", s.path("bad.toml"))
	var answer struct{ Problems []problem }
	if err := json.Unmarshal([]byte(out), &answer); status != 1 || err != nil || len(answer.Problems) < 2 || answer.Problems[0].Line != 3 || answer.Problems[0].Column != 14 || answer.Problems[1].Column != 3 {
		t.Errorf("status %d, %v, %s; want the value's and the key's columns", status, err, out)
	}
	if err := os.Remove(s.path("frames")); err != nil {
		t.Fatal(err)
	}
	if status, _, errOut := s.tool("config", "check"); status != 1 || !strings.Contains(errOut, "make the folder") {
		t.Errorf("status %d, %q; want that a device is missing", status, errOut)
	}
	if status, _, errOut := s.tool("config", "check", s.path("gate.toml")); status != 0 {
		t.Errorf("status %d, %q; want the text alone checked", status, errOut)
	}
}

func TestTheCommandThatWasMeant(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{"stauts": "did you mean status?", "config sett": "did you mean set?", "config chek": "did you mean check?", "service fre": "is it free?", "service free --wyh x": "is it --why?", "status --jsno": "is it --json?", "status --weather": "unknown flag: --weather\n", "weather": "railgate --help lists", "config weather": "railgate config --help lists"} {
		if status, _, errOut := tool(t, "", strings.Fields(line)...); status != exitUsage || !strings.Contains(errOut, want) {
			t.Errorf("%s: status %d, %q; want %q", line, status, errOut, want)
		}
	}
}

func TestConfigSetIsCompleted(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{"config set lane.d": "lane.direction", "config set lane.passback ": "hard", "config unset turnstile.": "turnstile.pulse"} {
		if _, out, _ := tool(t, "", append([]string{"__complete"}, strings.Split(line, " ")...)...); !strings.Contains(out, want+"\n") {
			t.Errorf("%s: %q; want %s proposed", line, out, want)
		}
	}
}

// A file that is wrong already is named, with its line; the key that was to be set has nothing to do with it.
func TestConfigSetOfAFileThatIsNoTOML(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("gate.toml", s.read("gate.toml")+"gate = \"A\"\ngate = \"B\"\n")
	old := s.read("gate.toml")
	status, _, errOut := s.tool("config", "set", "lane.per_day", "3")
	if want := "railgate: " + s.path("gate.toml") + ":"; status != exitFailed || !strings.HasPrefix(errOut, want) || strings.Contains(errOut, "per_day") || !strings.Contains(errOut, "nothing was changed") || s.read("gate.toml") != old {
		t.Errorf("status %d, %q; want %q, a line and what is wrong there", status, errOut, want)
	}
}
