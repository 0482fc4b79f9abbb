package main

import (
	"os"
	"strings"
	"testing"

	"railgate/store/identity"
)

// A gate's identity is read, never made, by the tool: a seed that root made, the service could not read.
func TestIdentity(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	if status, _, errOut := w.tool("identity"); status != exitFailed || !strings.Contains(errOut, "sync.station is empty") {
		t.Errorf("a gate without a station: status %d, %q", status, errOut)
	}
	w.write("gate.toml", "station = \"GZQ\"\ngate = \"A07\"\n"+strings.Replace(w.read("gate.toml"), "keys = ", "#", 1)+"\n[sync]\nnation = \"https://rail.example/nation\"\nstation = \"https://station.example\"\n")
	if status, _, errOut := w.tool("identity"); status != exitFailed || !strings.Contains(errOut, "start railgated") {
		t.Errorf("a gate that never ran: status %d, %q", status, errOut)
	}
	if _, err := os.Stat(w.path("data/" + identity.SeedFile)); err == nil {
		t.Error("the tool made a seed")
	}
	w.write("data/"+identity.SeedFile, strings.Repeat("s", 32))
	want := identity.FromSeed([32]byte([]byte(strings.Repeat("s", 32))))
	for _, flags := range [][]string{{"identity", "--json"}, {"identity"}} {
		status, out, errOut := w.tool(flags...)
		if len(flags) == 1 { // the last line is the code's text
			lines := strings.Split(strings.TrimSpace(out), "\n")
			out = lines[len(lines)-1]
		}
		p, err := identity.ParsePublic([]byte(out))
		if status != 0 || err != nil || p.Bus != want.Public(p.Station, p.Gate).Bus {
			t.Errorf("%v: status %d, %q: read as %+v, %v (%s)", flags, status, out, p, err, errOut)
		}
	}
}
