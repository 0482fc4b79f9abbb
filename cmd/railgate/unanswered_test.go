package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
)

// A gate that works, and whose control socket cannot be opened, is not to be ended: what is in the
// socket's place is removed, and the tools reach it again.
func TestDoctorOfAGateThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for _, systemd := range []string{"", "LoadState=loaded\nActiveState=inactive\nSubState=dead\nMainPID=0\n"} {
		w := newWard(t)
		w.state(systemd)
		w.mkdir("tools", 0o755)
		w.start()
		socket := "data/" + control.SocketName
		w.until("there is a folder in its place", func() bool { // railgated may have made another socket meanwhile
			os.Remove(w.path(socket))
			return os.MkdirAll(w.path(socket)+"/something", 0o755) == nil
		})
		var f finding
		w.until("control_socket is found", func() (ok bool) { f, ok = find(w.examine(), control.ControlSocket); return ok })
		if f.Fix != "rm -r "+w.path(socket) || !strings.Contains(f.Text, "railgated (pid ") {
			t.Errorf("%+v; want what is in the way removed", f)
		}
		for _, cause := range []string{control.DaemonStopped, control.StoreBusy, control.HTTPPortTaken} {
			if f, there := find(w.examine(), cause); there {
				t.Errorf("%+v; want nothing of the kind, for the gate works", f)
			}
		}
		if err := w.paste(f.Fix); err != nil {
			t.Fatal(err)
		}
		w.until("railgated answers", func() bool { _, there := find(w.examine(), control.ControlSocket); return !there && w.answers() })
	}
}

func (w *ward) answers() bool {
	_, err := control.NewClient(w.path("data")).Status(w.t.Context())
	return err == nil
}

// A railgated that hangs at its start is ended by systemd and started again: to wait is not all that is left.
func TestDoctorOfADaemonThatStartsAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.state("LoadState=loaded\nActiveState=activating\nSubState=start\nNRestarts=4\n")
	if f, _ := find(w.examine(), control.DaemonStarts); !strings.Contains(f.Text, "started again, 4 times") || !strings.Contains(f.Hands, "hangs at its start") {
		t.Errorf("%+v; want how often, and what to do", f)
	}
	w.state("LoadState=loaded\nActiveState=activating\nSubState=start\nNRestarts=0\n")
	if f, _ := find(w.examine(), control.DaemonStarts); strings.Contains(f.Text, "again") || strings.Contains(f.Hands, "hangs") {
		t.Errorf("at its first start: %+v; want it waited for", f)
	}
}

// A board with the lines that is missing is one cause, however many lines it has.
func TestDoctorOfABoardThatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.write("gate.toml", strings.Replace(strings.Replace(w.read("gate.toml"), `driver = "sim"`, "driver = \"gpio\"\nopen = \"nochip:1\"\npassage = \"nochip:2\"\nemergency = \"nochip:3\"", 1), "trace = ", "#", 1))
	var of []finding
	for _, f := range w.examine() {
		if f.Cause == control.GPIOChipMissing || f.Cause == control.ConfigInvalid {
			of = append(of, f)
		}
	}
	if len(of) != 1 || of[0].Cause != control.GPIOChipMissing || !strings.Contains(of[0].Text, `"nochip:1"`) || !strings.Contains(of[0].Text, "turnstile.passage, turnstile.emergency") {
		t.Errorf("%+v; want one finding that names the lines", of)
	}
}

// Whatever is wrong, a script that asks for JSON gets one document, and exit status 2.
func TestStatusIsJSONWhereNobodyCanTell(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.write("bad.toml", "bogus = 1\n")
	for _, config := range []string{w.path("none.toml"), w.path("bad.toml"), w.path("gate.toml")} {
		var out, errOut bytes.Buffer
		status := run([]string{"--config", config, "status", "--json"}, strings.NewReader(""), &out, &errOut)
		var s control.Status
		if err := json.Unmarshal(out.Bytes(), &s); err != nil || status != 2 || s.Health != control.OutOfService || len(s.Problems) != 1 {
			t.Errorf("%s: status %d, %v, %q, %q; want a document that says why", config, status, err, &out, &errOut)
		}
	}
}

// What somebody who is neither root nor the service's user may not read, the service may: nothing is wrong with the
// gate, and no command takes its rights away.
func TestDoctorOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.host.self = 4711
	p := &patient{gate: &gate{config: w.path("gate.toml")}, host: w.host, config: w.path("gate.toml"), unit: w.host.unit()}
	p.findUser()
	for _, cause := range []string{control.ConfigUnreadable, control.DataUnwritable, control.KeysetUnreadable} {
		for _, where := range []string{p.config, w.dir} {
			f := p.rights(cause, &refusal{where, unix.EACCES}, p.config, "read")
			if f.Cause != control.MayNotAsk || f.Level != control.Degraded || !strings.HasPrefix(f.Text, "you may not read "+p.config) || !strings.Contains(f.Fix, "sudo railgate") || strings.Contains(f.Fix, "chgrp") {
				t.Errorf("%s, for %s: %+v", cause, where, f)
			}
		}
	}
	if got := once([]finding{{Cause: control.MayNotAsk, Text: "a"}, {Text: "b"}, {Cause: control.MayNotAsk, Text: "c"}}); len(got) != 2 || got[0].Text != "a" || got[1].Text != "b" {
		t.Errorf("%+v; want the first alone", got)
	}
}
