package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"railgate/store/identity"
	"railgate/verify"
	"railgate/verify/mint"
)

// A realGate is the program railgated, with simulated devices: one gate among the others,
// whose memory and processor time are looked at.
type realGate struct {
	program, config string
	log             *os.File
	process         *exec.Cmd
}

const realName = "REAL"

func newRealGate(ctx context.Context, programs, dir string, s *station) (*realGate, error) {
	own := filepath.Join(dir, "real")
	for _, d := range []string{"data", "roots", "frames"} {
		if err := os.MkdirAll(filepath.Join(own, d), 0o700); err != nil {
			return nil, err
		}
	}
	keys := mint.NewKeyFile("bench")
	if err := keys.AddKey(verify.EdDSA, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour), verify.Temporary); err != nil {
		return nil, err
	}
	data, err := keys.KeysetJSON()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(own, "keys.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, err
	}
	if err := s.publishKeys(ctx, file); err != nil {
		return nil, err
	}
	root, err := os.ReadFile(filepath.Join(s.dir, "nation", "public", "1.root.json"))
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`station = %q
gate = %q
data = %q
keys = ""
[[scanner]]
name = "eye"
driver = "camera"
frames = %q
[turnstile]
driver = "sim"
[panel]
driver = "sim"
[clock]
require_sync = false
[sync]
nation = "https://%s/nation"
station = "https://%s/station"
roots = %q
`, stationName, realName, filepath.Join(own, "data"), filepath.Join(own, "frames"), s.web, s.web, filepath.Join(own, "roots"))
	g := &realGate{program: filepath.Join(programs, "railgated"), config: filepath.Join(own, "railgated.toml")}
	if err := os.WriteFile(filepath.Join(own, "roots", "nation.root.json"), root, 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(g.config, []byte(config), 0o600); err != nil {
		return nil, err
	}
	id, err := identity.Load(filepath.Join(own, "data"))
	if err != nil {
		return nil, err
	}
	if g.log, err = os.Create(filepath.Join(own, "log")); err != nil {
		return nil, err
	}
	return g, s.enroll(ctx, id.Public(stationName, realName))
}

func (g *realGate) start() error {
	g.process = exec.Command(g.program, "--config", g.config)
	g.process.Stdout, g.process.Stderr = g.log, g.log
	g.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return g.process.Start()
}

func (g *realGate) pid() int { return g.process.Process.Pid }

func (g *realGate) stop() {
	if g.process != nil {
		g.process.Process.Signal(syscall.SIGTERM)
		g.process.Wait()
	}
}
