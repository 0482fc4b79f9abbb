package slots

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Rauc is the slots by RAUC's command line.
type Rauc struct {
	Program string        // "": rauc
	Config  string        // "": /etc/rauc/system.conf
	Restart []string      // the command that restarts the machine; nil: systemctl reboot
	Boot    *Tryboot      // the Raspberry Pi's bootloader; nil: another one, which counts attempts
	Answers time.Duration // that RAUC and systemd take at most, but for an installation; 0: two minutes
}

const raucConfig = "/etc/rauc/system.conf"

// answers is how long a question or a mark takes at most, on a busy board too; and goes is how long a program that was ended may hold its output.
const (
	answers = 2 * time.Minute
	goes    = 5 * time.Second
)

func (r *Rauc) program() string {
	if r.Program == "" {
		return "rauc"
	}
	return r.Program
}

// State implements [Slots].
func (r *Rauc) State(ctx context.Context) (*State, error) {
	config := r.Config
	if config == "" {
		config = raucConfig
	}
	if _, err := os.Stat(config); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (no %s)", ErrNone, config)
	}
	out, err := r.run(ctx, "status", "--detailed", "--output-format=json")
	if err != nil {
		return nil, err
	}
	return parseStatus(out)
}

// raucStatus is what rauc status --output-format=json prints.
type raucStatus struct {
	Compatible string                `json:"compatible"`
	Booted     string                `json:"booted"`       // a bootname, or a device
	Primary    *string               `json:"boot_primary"` // a slot's name
	Slots      []map[string]raucSlot `json:"slots"`
}

type raucSlot struct {
	Device   string  `json:"device"`
	Bootname *string `json:"bootname"`
	State    string  `json:"state"` // booted, active, inactive
	Boot     *string `json:"boot_status"`
	Status   struct {
		Bundle struct {
			Version string `json:"version"`
		} `json:"bundle"`
	} `json:"slot_status"`
}

// parseStatus reads what RAUC says, in one line of JSON.
func parseStatus(data []byte) (*State, error) {
	var told raucStatus
	if err := json.Unmarshal(data, &told); err != nil {
		return nil, fmt.Errorf("what rauc status says: %w", err)
	}
	s := &State{Compatible: told.Compatible}
	for _, named := range told.Slots {
		for name, slot := range named {
			t := Slot{Name: name, Device: slot.Device, Booted: slot.State == "booted", Version: slot.Status.Bundle.Version}
			t.Good = slot.Boot != nil && *slot.Boot == "good"
			if slot.Bootname != nil {
				t.Bootname = *slot.Bootname
			}
			if told.Primary != nil && *told.Primary == name {
				s.Primary = t.Bootname
			}
			s.Slots = append(s.Slots, t)
		}
	}
	if len(s.Slots) == 0 {
		return nil, errors.New("what rauc status says: no slot")
	}
	return s, nil
}

// Ready implements [Slots].
func (r *Rauc) Ready() error {
	if r.Boot == nil {
		return nil
	}
	return r.Boot.Ready()
}

// Version implements [Slots].
func (r *Rauc) Version(ctx context.Context, bundle string) (string, error) {
	out, err := r.run(ctx, "info", "--output-format=json", bundle)
	if err != nil {
		return "", err
	}
	var told struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(out, &told); err != nil {
		return "", fmt.Errorf("what rauc info says: %w", err)
	}
	return told.Version, nil
}

// progressLine is a line of rauc install: " 40% Checking bundle".
var progressLine = regexp.MustCompile(`^\s*(\d{1,3})% (.+)$`)

// Install implements [Slots]. RAUC marks the other slot bad before it writes, so that a cut
// within it leaves the one that runs.
func (r *Rauc) Install(ctx context.Context, bundle string, progress func(percent int, doing string)) error {
	cmd := exec.CommandContext(ctx, r.program(), "install", bundle)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return missing(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		m := progressLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		if percent, err := strconv.Atoi(m[1]); err == nil && percent <= 100 && progress != nil {
			progress(percent, m[2])
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("rauc install: %w", because(err, said.Bytes()))
	}
	return nil
}

// MarkGood implements [Slots].
func (r *Rauc) MarkGood(ctx context.Context) error {
	_, err := r.run(ctx, "status", "mark-good", "booted")
	return err
}

// MarkBad implements [Slots].
func (r *Rauc) MarkBad(ctx context.Context, name string) error {
	_, err := r.run(ctx, "status", "mark-bad", name)
	return err
}

// Reboot implements [Slots].
func (r *Rauc) Reboot(ctx context.Context) error {
	command := r.Restart
	if command == nil {
		command = []string{"systemctl", "reboot"}
	}
	var unread error // of autoboot.txt: a release that is given up is left all the same
	if r.Boot != nil {
		argument, err := r.Boot.RebootArgument()
		unread = err
		if argument != "" {
			command = append(command[:len(command):len(command)], "--reboot-argument="+argument)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, r.answers())
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.WaitDelay = goes
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.Join(unread, fmt.Errorf("%s: %w", strings.Join(command, " "), because(late(ctx, err), out)))
	}
	return unread
}

func (r *Rauc) answers() time.Duration { return cmp.Or(r.Answers, answers) }

// late says of a program that was ended that it did not answer.
func late(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("no answer: %w", cause)
	}
	return err
}

func (r *Rauc) run(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.answers())
	defer cancel()
	cmd := exec.CommandContext(ctx, r.program(), args...)
	cmd.WaitDelay = goes
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("rauc %s: %w", strings.Join(args, " "), because(missing(late(ctx, err)), said.Bytes()))
	}
	return out, nil
}

// missing says of a program that is not there what that means.
func missing(err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (no rauc)", ErrNone)
	}
	return err
}

// because is a program's last words with its status.
func because(err error, said []byte) error {
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	last := strings.TrimPrefix(strings.TrimSpace(lines[len(lines)-1]), "LastError: ")
	for _, line := range lines {
		if why, ok := strings.CutPrefix(strings.TrimSpace(line), "LastError: "); ok {
			last = why
		}
	}
	if last == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, last)
}
