package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/creack/pty"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"railgate/verify"
	"railgate/verify/mint"
)

func newFeed(dir *string) *cobra.Command {
	var serial, frames string
	var every time.Duration
	var rounds int
	c := &cobra.Command{
		Use:   "feed --serial LINK --frames FOLDER",
		Short: "Show codes to a gate on a bench, good and bad, as scanners would",
		Long: `Feed is a crowd of passengers: it shows fresh, stale, replayed and forged codes to a gate
on a bench, by a serial line (it makes a pseudo-terminal and puts LINK to it) and by
pictures in a camera's folder. It prints NDJSON: what is shown, and what a gate
should say to it. SIGUSR1 lets them wait, SIGUSR2 lets them go on.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if serial == "" || frames == "" {
				return usageError{errors.New("feed: --serial and --frames are needed")}
			}
			f, err := mint.LoadKeyFile(*dir)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
			defer stop()
			return feed(ctx, f, serial, frames, every, rounds, waits(ctx), c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&serial, "serial", "", "make a serial line and put this `link` to it")
	c.Flags().StringVar(&frames, "frames", "", "the camera's `folder`")
	c.Flags().DurationVar(&every, "every", 3500*time.Millisecond, "how long between passengers")
	c.Flags().IntVar(&rounds, "rounds", 0, "stop after so many rounds of all kinds (0: never)")
	return c
}

// waits tells when the passengers are to wait (true) and to go on (false).
func waits(ctx context.Context) <-chan bool {
	signals, out := make(chan os.Signal, 4), make(chan bool)
	signal.Notify(signals, unix.SIGUSR1, unix.SIGUSR2)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				select {
				case out <- s == unix.SIGUSR1:
				case <-ctx.Done():
				}
			}
		}
	}()
	return out
}

// pause lets every go by, and then as long as the passengers are to wait; false: the
// end has come.
func pause(ctx context.Context, every time.Duration, waits <-chan bool, wait *bool) bool {
	for over := time.After(every); ; {
		select {
		case <-ctx.Done():
			return false
		case *wait = <-waits:
			over = time.After(every)
		case <-over:
			if !*wait {
				return true
			}
			over = nil
		}
	}
}

// shown is what feed prints of each code.
type shown struct {
	Time    time.Time `json:"t"`
	What    string    `json:"what"`    // in words
	Scanner string    `json:"scanner"` // serial, camera
	Want    string    `json:"want"`    // the reason that a gate should give
}

// crowd makes passengers' codes.
type crowd struct {
	keys     *mint.KeyFile
	stranger *mint.KeyFile // has other keys under the same kids
	last     string        // the code that was granted last
}

// act is one passenger.
type act struct {
	what   string
	want   verify.Reason
	camera bool
	text   func(*crowd) (string, error)
}

// acts are a round of passengers: every way to rotate, every algorithm, and what
// people try.
func acts() []act {
	return []act{
		{"a fresh code, made by the issuer (Ed25519)", verify.OK, false, fresh(verify.ByIssuer, verify.EdDSA, 0)},
		{"the same code again: a screenshot", "already_used", true, func(c *crowd) (string, error) { return c.last, nil }},
		{"a fresh code, made by the phone from its chain (SM2)", verify.OK, true, fresh(verify.ByChain, verify.SM2, 7)},
		{"a code that is two minutes old", verify.CodeExpired, false, aged(verify.ByIssuer, verify.EdDSA, 2*time.Minute)},
		{"a fresh code, signed by the phone (ES256)", verify.OK, false, fresh(verify.ByDevice, verify.ES256, 3)},
		{"a forged code", verify.BadSignature, true, forged},
		{"a paper certificate", verify.OK, true, fresh(verify.Static, verify.EdDSA, 0)},
		{"a code whose holder was verified 40 minutes ago", verify.LivenessExpired, false, unverified},
		{"a code for paying", verify.Malformed, true, func(*crowd) (string, error) { return "HTTPS://PAY.EXAMPLE/8W2F9XQ", nil }},
		{"a fresh code, made by the phone from its chain (Ed25519)", verify.OK, false, fresh(verify.ByChain, verify.EdDSA, 29)},
	}
}

// fresh is a code of a slot that has just begun.
func fresh(rotation verify.Rotation, alg verify.Algorithm, slot uint8) func(*crowd) (string, error) {
	return func(c *crowd) (string, error) {
		text, err := c.mint(c.keys, rotation, alg, slot, 0, 0)
		c.last = text
		return text, err
	}
}

func aged(rotation verify.Rotation, alg verify.Algorithm, age time.Duration) func(*crowd) (string, error) {
	return func(c *crowd) (string, error) { return c.mint(c.keys, rotation, alg, 0, age, 0) }
}

func unverified(c *crowd) (string, error) {
	return c.mint(c.keys, verify.ByIssuer, verify.EdDSA, 0, 0, 40*time.Minute)
}

func forged(c *crowd) (string, error) {
	return c.mint(c.stranger, verify.ByIssuer, verify.EdDSA, 0, 0, 0)
}

// mint makes a passenger's code as it was shown age ago, with a real-person check
// that was live before its signing.
func (c *crowd) mint(f *mint.KeyFile, rotation verify.Rotation, alg verify.Algorithm, slot uint8, age, live time.Duration) (string, error) {
	issued := time.Now().Add(-age - time.Duration(slot)*f.Period())
	o := mint.NewOrder(rotation, alg, issued)
	o.Live, o.Expires = issued.Add(-live), issued.Add(12*time.Hour)
	w, err := mint.NewWallet(f, o)
	if err != nil {
		return "", err
	}
	return w.Code(slot)
}

// newStranger is an issuer who signs with keys of their own under others' kids.
func newStranger(f *mint.KeyFile) (*mint.KeyFile, error) {
	s := &mint.KeyFile{Issuer: f.Issuer}
	for i, k := range f.Keys {
		alg, err := verify.ParseAlgorithm(k.Algorithm)
		if err != nil {
			return nil, err
		}
		if err := s.AddKey(alg, k.NotBefore, k.NotAfter, mint.Passengers()...); err != nil {
			return nil, err
		}
		s.Keys[i].KeyID, s.Keys[i].Classes = k.KeyID, k.Classes
	}
	return s, nil
}

func feed(ctx context.Context, f *mint.KeyFile, link, frames string, every time.Duration, rounds int, waits <-chan bool, out io.Writer) error {
	stranger, err := newStranger(f)
	if err != nil {
		return err
	}
	line, err := openLine(link)
	if err != nil {
		return err
	}
	defer line.close()
	c := &crowd{keys: f, stranger: stranger}
	wait := false
	enc := json.NewEncoder(out)
	for round := 0; rounds == 0 || round < rounds; round++ {
		for _, a := range acts() {
			if !pause(ctx, every, waits, &wait) {
				return nil
			}
			text, err := a.text(c)
			if err != nil {
				return err
			}
			s := shown{Time: time.Now(), What: a.what, Scanner: "serial", Want: string(a.want)}
			if a.camera {
				s.Scanner = "camera"
			}
			if err := enc.Encode(s); err != nil {
				return err
			}
			if a.camera {
				err = showPicture(ctx, frames, text, every/2)
			} else {
				err = line.send(text + "\r")
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// showPicture holds a code to the camera for a while.
func showPicture(ctx context.Context, dir, text string, d time.Duration) error {
	name := make([]byte, 4)
	if _, err := rand.Read(name); err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("phone-%x.png", name))
	if err := writeQR(path, text, 6); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return os.Remove(path)
}

// A line is a serial line that a gate can open by its link.
type line struct {
	scanner *os.File // our end
	port    *os.File // the gate's, kept open so that it stays in being
	link    string
}

func openLine(link string) (*line, error) {
	scanner, port, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("making a serial line: %w", err)
	}
	l := &line{scanner, port, link}
	err = os.Remove(link)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = os.Symlink(port.Name(), link)
	}
	if err != nil {
		return nil, errors.Join(err, l.scanner.Close(), l.port.Close())
	}
	return l, nil
}

func (l *line) send(text string) error {
	_, err := l.scanner.WriteString(text)
	return err
}

func (l *line) close() error {
	return errors.Join(os.Remove(l.link), l.scanner.Close(), l.port.Close())
}
