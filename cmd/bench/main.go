// Bench is a gate on a bench, without hardware: it starts railgated with a simulated
// turnstile, a serial line and a camera that looks at a folder, and an issuer whose
// passengers show it good and bad codes. It serves a page with the passenger's phone and
// the gate side by side, and prints each passage in a line, until Ctrl-C.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
)

// options are what the bench is told.
type options struct {
	dir    string // "": a temporary one
	listen string
	rounds int  // of the crowd; 0: no end
	crowd  bool // passengers of the issuer's, beside those of the page
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "", "keep the bench's files in this `folder` (default: a temporary one)")
	flag.StringVar(&o.listen, "listen", "127.0.0.1:8000", "the page's `address`")
	flag.IntVar(&o.rounds, "rounds", 0, "stop after so many rounds of passengers (0: never)")
	flag.BoolVar(&o.crowd, "crowd", true, "let passengers of the issuer's show codes while nobody has the page open")
	flag.Parse()
	if err := run(&o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o *options) error {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	b, err := newBench(o.dir)
	if err != nil {
		return err
	}
	defer b.clean()
	defer b.stop()
	if err := b.start(ctx, o); err != nil {
		return err
	}
	b.greet()
	return b.watch(ctx)
}

// bench is a folder with everything in it.
type bench struct {
	dir       string
	bin       string        // where the programs are
	walk      time.Duration // how long a passenger walks to the sensor; 0: walkFor
	temporary bool

	programs   []*exec.Cmd    // that run
	passengers chan passenger // the crowd's; nil: there is none
	web        *web
	url        *url.URL // of the page
	out        io.Writer
}

func newBench(dir string) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, bin: filepath.Dir(self), out: os.Stdout}
	if dir == "" {
		b.temporary = true
		b.dir, err = os.MkdirTemp("", "railgate-bench-")
		return b, err
	}
	b.dir, err = filepath.Abs(dir)
	return b, errors.Join(err, os.MkdirAll(dir, 0o750))
}

// start starts everything: the crowd, the issuer, the gate, the page. It says what it
// does, a line each.
func (b *bench) start(ctx context.Context, o *options) error {
	page, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("the page's address: %w; choose another: make run BENCH='-listen 127.0.0.1:8001'", err)
	}
	context.AfterFunc(ctx, func() { page.Close() })
	gate, err := freeAddress()
	if err != nil {
		return err
	}
	b.say("keys and a configuration, in %s", b.dir)
	if err := b.prepare(gate, o.crowd); err != nil {
		return err
	}
	var crowd *exec.Cmd
	if o.crowd {
		b.say("a crowd of passengers, for while nobody has the page open")
		if crowd, err = b.startCrowd(o.rounds); err != nil {
			return err
		}
	}
	b.say("the issuer, with the passenger's page")
	issuer, _, err := b.startIssuer("127.0.0.1:0", true)
	if err != nil {
		return err
	}
	b.say("the gate: railgated with a simulated turnstile")
	b.web = newWeb(control.NewClient(b.path("data")), b.path("frames"), issuer, &url.URL{Scheme: "http", Host: gate})
	b.web.kept, b.web.staff = b.path("time"), b.staffCode
	if err := b.startDaemon(ctx); err != nil {
		return err
	}
	if crowd != nil {
		// The crowd makes way for whoever opens the page, and comes back when it is
		// closed, unless the time was moved: their codes are of the world's.
		b.web.visited = func() { crowd.Process.Signal(unix.SIGUSR1) } // it may have ended
		b.web.left = func() {
			if b.web.pretended == 0 {
				crowd.Process.Signal(unix.SIGUSR2)
			}
		}
	}
	b.url = b.web.serve(ctx, page)
	return nil
}

// say tells what is being started.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, "starting "+format+"\n", args...) }

// stop ends everything, the last one first.
func (b *bench) stop() {
	for _, cmd := range slices.Backward(b.programs) {
		end(cmd)
	}
	b.programs = nil
}

func (b *bench) clean() {
	if b.temporary {
		os.RemoveAll(b.dir) // it is in the temporary folder anyway
	}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// walkFor is how long a passenger walks from the opening to the sensor behind it. The
// gate is green meanwhile, and page/bench.css shows the walk for as long.
const walkFor = 2 * time.Second

const config = `# A gate on a bench: no hardware, no station.
station = "BENCH"
gate    = "A07"
data    = %q
keys    = %q

[lane]
classes = [1, 2, 3] # 3, staff: the page shows a staff code

[[scanner]]
name   = "camera"
driver = "camera"
frames = %q
fps    = 30

[turnstile]
driver        = "sim"
trace         = %q
passage_after = %q

[clock]
require_sync = false

[http]
listen = %q
`

const serialConfig = `
[[scanner]]
name   = "serial"
driver = "serial"
port   = %q
`

// freeAddress is one that nothing listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// prepare makes keys, folders and a configuration.
func (b *bench) prepare(gate string, crowd bool) error {
	if err := os.MkdirAll(b.path("frames"), 0o750); err != nil {
		return err
	}
	text := fmt.Sprintf(config, b.path("data"), b.path("issuer/keys.json"), b.path("frames"), b.path("turnstile.ndjson"), cmp.Or(b.walk, walkFor).String(), gate)
	if crowd {
		text += fmt.Sprintf(serialConfig, b.path("scanner"))
	}
	if err := os.WriteFile(b.path("railgated.toml"), []byte(text), 0o640); err != nil {
		return err
	}
	out, err := b.command("issuer", "--dir", b.path("issuer"), "keys", "--staff").CombinedOutput()
	if err != nil {
		return fmt.Errorf("issuer keys: %w: %s", err, out)
	}
	return nil
}

// staffCode is the picture of a new staff code, signed by the phone that shows it, with the
// key that signs nothing else.
func (b *bench) staffCode(at time.Time) ([]byte, error) {
	picture := b.path("staff.png")
	out, err := b.command("issuer", "--dir", b.path("issuer"), "code", "--class", "3", "--at", at.Format(time.RFC3339), "--qr", picture).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("issuer code: %w: %s", err, out)
	}
	return os.ReadFile(picture)
}

// launch starts one of the programs beside this one. It gets no signal of the
// terminal: Ctrl-C ends the bench, and the bench ends it.
func (b *bench) launch(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGTERM}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w (make build builds it)", filepath.Base(cmd.Path), err)
	}
	b.programs = append(b.programs, cmd)
	return nil
}

func (b *bench) command(name string, args ...string) *exec.Cmd {
	return exec.Command(filepath.Join(b.bin, name), args...)
}

// startIssuer starts the passenger's page, and learns its address.
func (b *bench) startIssuer(listen string, asBench bool) (*url.URL, *exec.Cmd, error) {
	log, err := os.OpenFile(b.path("issuer.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	cmd := b.command("issuer", "serve", "--data", b.path("issuer"), "--listen", listen, "--bench="+strconv.FormatBool(asBench))
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := b.launch(cmd); err != nil {
		return nil, nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		text, _ := os.ReadFile(b.path("issuer.log"))
		return nil, nil, fmt.Errorf("the issuer does not start:\n%s", text)
	}
	address, err := url.Parse(strings.TrimSpace(line))
	return address, cmd, err
}

// end asks a program to stop and waits for it.
func end(cmd *exec.Cmd) {
	cmd.Process.Signal(unix.SIGTERM) // it may have ended already
	hung := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	defer hung.Stop()
	cmd.Wait() // its own log says how it ended
}

func (b *bench) startDaemon(ctx context.Context) error {
	log, err := os.Create(b.path("railgated.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := b.command("railgated", "--config", b.path("railgated.toml"))
	cmd.Stderr = log
	if err := b.launch(cmd); err != nil {
		return err
	}
	client, moved := control.NewClient(b.path("data")), false
	for range 400 {
		s, err := client.Status(ctx)
		if err == nil && !moved {
			moved = true
			if err := b.web.pretendAgain(ctx); err != nil {
				return err
			}
			continue
		}
		if err == nil && s.Health == control.Healthy {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	text, _ := os.ReadFile(b.path("railgated.log"))
	return fmt.Errorf("railgated does not get ready:\n%s", text)
}
