// Bench is a gate on a bench, without hardware: it starts railgated with a simulated
// turnstile, a serial line and a camera that looks at a folder, and an issuer whose
// passengers show it good and bad codes; and it prints each passage in a line, until
// Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
)

func main() {
	dir := flag.String("dir", "", "keep the bench's files in this `folder` (default: a temporary one)")
	rounds := flag.Int("rounds", 0, "stop after so many rounds of passengers (0: never)")
	flag.Parse()
	if err := run(*dir, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(dir string, rounds int) error {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	b, err := newBench(dir)
	if err != nil {
		return err
	}
	defer b.clean()
	if err := b.prepare(); err != nil {
		return err
	}
	feed, passengers, err := b.startFeed(rounds)
	if err != nil {
		return err
	}
	defer end(feed)
	daemon, err := b.startDaemon(ctx)
	if err != nil {
		return err
	}
	defer end(daemon)
	b.greet()
	return b.watch(ctx, passengers)
}

// bench is a folder with everything in it.
type bench struct {
	dir       string
	bin       string // where the programs are
	temporary bool
}

func newBench(dir string) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, bin: filepath.Dir(self)}
	if dir == "" {
		b.temporary = true
		b.dir, err = os.MkdirTemp("", "railgate-bench-")
		return b, err
	}
	b.dir, err = filepath.Abs(dir)
	return b, errors.Join(err, os.MkdirAll(dir, 0o750))
}

func (b *bench) clean() {
	if b.temporary {
		os.RemoveAll(b.dir) // it is in the temporary folder anyway
	}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

const config = `# A gate on a bench: no hardware, no station.
station = "BENCH"
gate    = "A07"
data    = %q
keys    = %q

[[scanner]]
name   = "serial"
driver = "serial"
port   = %q

[[scanner]]
name   = "camera"
driver = "camera"
frames = %q
fps    = 15

[turnstile]
driver        = "sim"
trace         = %q
passage_after = "800ms"

[clock]
require_sync = false
`

// prepare makes keys, folders and a configuration.
func (b *bench) prepare() error {
	if err := os.MkdirAll(b.path("frames"), 0o750); err != nil {
		return err
	}
	text := fmt.Sprintf(config, b.path("data"), b.path("issuer/keys.json"), b.path("scanner"), b.path("frames"), b.path("turnstile.ndjson"))
	if err := os.WriteFile(b.path("railgated.toml"), []byte(text), 0o640); err != nil {
		return err
	}
	out, err := exec.Command(filepath.Join(b.bin, "issuer"), "--dir", b.path("issuer"), "keys").CombinedOutput()
	if err != nil {
		return fmt.Errorf("issuer keys: %w: %s", err, out)
	}
	return nil
}

// start starts one of the programs beside this one. It gets no signal of the
// terminal: Ctrl-C ends the bench, and the bench ends it.
func (b *bench) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGTERM}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w (make build builds it)", filepath.Base(cmd.Path), err)
	}
	return nil
}

// end asks a program to stop and waits for it.
func end(cmd *exec.Cmd) {
	cmd.Process.Signal(unix.SIGTERM) // it may have ended already
	hung := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	defer hung.Stop()
	cmd.Wait() // its own log says how it ended
}

func (b *bench) startDaemon(ctx context.Context) (*exec.Cmd, error) {
	log, err := os.Create(b.path("railgated.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(b.bin, "railgated"), "--config", b.path("railgated.toml"))
	cmd.Stderr = log
	if err := b.start(cmd); err != nil {
		return nil, err
	}
	client := control.NewClient(b.path("data"))
	for range 200 {
		if s, err := client.Status(ctx); err == nil && s.Health == control.Healthy {
			return cmd, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	end(cmd)
	text, _ := os.ReadFile(b.path("railgated.log"))
	return nil, fmt.Errorf("railgated does not get ready:\n%s", text)
}
