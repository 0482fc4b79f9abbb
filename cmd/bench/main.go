// Bench is two gates and their station on a bench, without hardware: it starts railgated
// with a simulated turnstile and a camera that looks at a folder, twice, the station's
// program, and an issuer whose passengers show good and bad codes. It serves a page with
// the passenger's phone, the gates, a conductor's phone, the police window and the station,
// and prints each passage in a line, until Ctrl-C.
package main

import (
	"bufio"
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
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// options are what the bench is told.
type options struct {
	dir    string // "": a temporary one
	listen string
	rounds int  // of the crowd; 0: no end
	crowd  bool // passengers of the issuer's, beside those of the page

	station bool // a station with two gates; else one gate alone
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "", "keep the bench's files in this `folder` (default: a temporary one)")
	flag.StringVar(&o.listen, "listen", "127.0.0.1:8000", "the page's `address`")
	flag.IntVar(&o.rounds, "rounds", 0, "stop after so many rounds of passengers (0: never)")
	flag.BoolVar(&o.crowd, "crowd", true, "let passengers of the issuer's show codes while nobody has the page open")
	flag.BoolVar(&o.station, "station", true, "start a station: keys by its repository, a second gate, its page")
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

	mu         sync.Mutex  // guards programs
	programs   []*exec.Cmd // that were started
	gates      []*gate     // A07, and with a station A08
	station    *station    // nil: one gate alone
	cables     []*cable
	passengers chan passenger // the crowd's; nil: there is none
	web        *web
	url        *url.URL // of the page
	phone      string   // URL of the passenger's page, below it; "": at the issuer's own address
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
	b.phone = "http://" + page.Addr().String() + "/phone/"
	b.say("keys and a configuration, in %s", b.dir)
	if err := b.prepare(o); err != nil {
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
	b.web = newWeb(b.gates, issuer)
	b.web.phone, b.web.restart = b.phone, b.restart
	b.web.kept, b.web.staff = b.path(timeFile), b.staffCode
	if o.station {
		b.say("the station: repositories, message server, ledger, page")
		if err := b.startStation(ctx); err != nil {
			return err
		}
	}
	for _, g := range b.gates {
		b.say("gate %s: railgated with a simulated turnstile", g.name)
	}
	if err := b.startGates(ctx); err != nil {
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
	if o.station {
		go b.keepCard(ctx)
		go b.watchSecond(ctx)
	}
	b.url = b.web.serve(ctx, page)
	return nil
}

// say tells what is being started.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, "starting "+format+"\n", args...) }

// timeFile has how far the time was moved.
const timeFile = "time"

// stop ends everything, the last one first.
func (b *bench) stop() {
	b.mu.Lock()
	programs := b.programs
	b.programs = nil
	b.mu.Unlock()
	for _, cmd := range slices.Backward(programs) {
		end(cmd)
	}
	for _, c := range b.cables {
		c.close()
	}
	b.cables = nil
}

func (b *bench) clean() {
	if b.temporary {
		os.RemoveAll(b.dir) // it is in the temporary folder anyway
	}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// launch starts one of the programs beside this one. It gets no signal of the
// terminal: Ctrl-C ends the bench, and the bench ends it.
func (b *bench) launch(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGTERM}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w (make build builds it)", filepath.Base(cmd.Path), err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
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
	if asBench && b.phone != "" {
		cmd.Args = append(cmd.Args, "--page", b.phone) // the check leads back to it
	}
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
