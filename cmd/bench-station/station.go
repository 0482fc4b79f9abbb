package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"railgate/cmd/loopback"
	"railgate/store/bus"
	"railgate/store/identity"
)

const stationName = "BENCH"

// A station is the program station, in a process of its own.
type station struct {
	programs, dir string
	web, bus      string // addresses
	info          *bus.Station
	process       *exec.Cmd
	ended         chan error
	log           *os.File
}

func newStation(ctx context.Context, programs, dir string) (*station, error) {
	s := &station{programs: programs, dir: filepath.Join(dir, "station")}
	var err error
	if s.web, err = loopback.Free(); err != nil {
		return nil, err
	}
	if s.bus, err = loopback.Free(); err != nil {
		return nil, err
	}
	if s.log, err = os.Create(filepath.Join(dir, "station.log")); err != nil {
		return nil, err
	}
	passphrase := filepath.Join(dir, "passphrase")
	if err := os.WriteFile(passphrase, []byte("a bench has no secrets\n"), 0o600); err != nil {
		return nil, err
	}
	if err := s.do(ctx, nil, "init", "--dir", s.dir, "--station", stationName, "--server", "tls://"+s.bus, "--passphrase-file", passphrase); err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(s.dir, "station", "public", "targets", "*station.json"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("%d files station.json; want one (%v)", len(found), err)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		return nil, err
	}
	s.info, err = bus.ParseStation(data)
	return s, err
}

// do runs a command of the station.
func (s *station) do(ctx context.Context, in []byte, args ...string) error {
	c := exec.CommandContext(ctx, filepath.Join(s.programs, "station"), args...)
	c.Stdin = bytes.NewReader(in)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("station %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

// publishKeys publishes a keyset to the nation, for the real railgated.
func (s *station) publishKeys(ctx context.Context, file string) error {
	return s.do(ctx, nil, "publish", "--dir", filepath.Join(s.dir, "nation"), "--passphrase-file", filepath.Join(filepath.Dir(s.dir), "passphrase"), "keyset", file)
}

func (s *station) enroll(ctx context.Context, p identity.Public) error {
	text, err := p.Text()
	if err != nil {
		return err
	}
	return s.do(ctx, nil, "enroll", "--dir", s.dir, text)
}

const startWithin = time.Minute

// start starts it and waits until its bus listens.
func (s *station) start(ctx context.Context) error {
	s.process = exec.Command(filepath.Join(s.programs, "station"), "serve", "--dir", s.dir, "--listen", s.web, "--bus", s.bus)
	s.process.Stdout, s.process.Stderr = s.log, s.log
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := s.process.Start(); err != nil {
		return err
	}
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.process.Wait() }()
	for end := time.Now().Add(startWithin); ; {
		if c, err := net.Dial("tcp", s.bus); err == nil {
			return c.Close()
		}
		select {
		case err := <-s.ended:
			return fmt.Errorf("station serve: %w; see %s", err, s.log.Name())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			return errors.New("station serve does not listen; see " + s.log.Name())
		}
	}
}

// stop ends it as a power cut of its machine would.
func (s *station) stop() {
	if s.process != nil {
		s.process.Process.Kill()
		<-s.ended
		s.process = nil
	}
}

// sizes are the bytes on its disk: of the streams, and of the ledger.
func (s *station) sizes() (streams, ledger int64) {
	filepath.WalkDir(filepath.Join(s.dir, "station"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		info, err := d.Info()
		switch rel, _ := filepath.Rel(s.dir, path); {
		case err != nil:
		case strings.Contains(rel, "bus"+string(filepath.Separator)):
			streams += info.Size()
		case strings.HasPrefix(d.Name(), "ledger.db"):
			ledger += info.Size()
		}
		return nil
	})
	return streams, ledger
}

// carriedByLoopback is how many bytes the loopback has carried.
func carriedByLoopback() int64 {
	f, err := os.Open("/proc/net/dev")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var n int64
		if rest, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "lo:"); ok {
			fmt.Sscan(rest, &n)
			return n
		}
	}
	return 0
}
