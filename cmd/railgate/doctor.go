package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver/clock"
	"railgate/driver/turnstile"
	"railgate/store"
)

// A finding is what one of the doctor's checks found.
type finding struct {
	Check string         `json:"check"`
	Level control.Health `json:"level"` // healthy, degraded, out_of_service
	Text  string         `json:"text"`
	Fix   string         `json:"fix,omitempty"`
}

func good(text string, args ...any) finding {
	return finding{Level: control.Healthy, Text: fmt.Sprintf(text, args...)}
}

func warn(fix, text string, args ...any) finding {
	return finding{Level: control.Degraded, Text: fmt.Sprintf(text, args...), Fix: fix}
}

func bad(fix, text string, args ...any) finding {
	return finding{Level: control.OutOfService, Text: fmt.Sprintf(text, args...), Fix: fix}
}

func newDoctor(g *gate) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the gate",
		Long: `Doctor looks at the configuration, the devices, the daemon, the clock, the disk and the
keys, and says what to do. It changes nothing but for a small file that it writes and
removes to time the disk. It exits with 0 when all is well, 1 when the gate works and
something wants mending, 2 when the lane is out of service.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			findings := examine(c.Context(), g)
			worst := control.Healthy
			for _, f := range findings {
				worst = worse(worst, f.Level)
			}
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				err := enc.Encode(struct {
					Health   control.Health `json:"health"`
					Findings []finding      `json:"findings"`
				}{worst, findings})
				return cmp.Or(err, exitOf(worst))
			}
			p := newPainter(c.OutOrStdout())
			for _, f := range findings {
				fmt.Fprintf(c.OutOrStdout(), "%s %-10s %s\n", p.mark(f.Level), f.Check, f.Text)
				if f.Fix != "" {
					fmt.Fprintf(c.OutOrStdout(), "  %-10s %s %s\n", "", p.dim("→"), f.Fix)
				}
			}
			return exitOf(worst)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (p painter) mark(h control.Health) string {
	switch h {
	case control.Healthy:
		return p.green("✓")
	case control.Degraded:
		return p.yellow("!")
	}
	return p.red("✗")
}

func worse(a, b control.Health) control.Health {
	order := []control.Health{control.Healthy, control.Degraded, control.OutOfService}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// patient is what the checks look at.
type patient struct {
	gate   *gate
	data   string
	cfg    *configs.Config // nil: there is none, or it is wrong
	status *control.Status // nil: the daemon does not answer
}

func examine(ctx context.Context, g *gate) []finding {
	p := &patient{gate: g}
	var findings []finding
	add := func(check string, found ...finding) {
		for _, f := range found {
			f.Check = check
			findings = append(findings, f)
		}
	}
	add("config", p.config()...)
	if p.data == "" {
		return findings
	}
	add("daemon", p.daemon(ctx)...)
	add("clock", p.clock()...)
	add("disk", p.disk()...)
	add("store", p.store()...)
	add("keyset", p.keyset()...)
	add("outputs", p.outputs()...)
	return findings
}

// config checks the configuration and the devices that it names.
func (p *patient) config() []finding {
	path := p.gate.config
	if path == "" {
		path = configs.DefaultPath
	}
	cfg, err := configs.Load(path)
	if errors.Is(err, os.ErrNotExist) && p.gate.data != "" {
		p.data = p.gate.data
		return []finding{warn("give --config as well, to have the devices checked", "not looked at: only --data was given")}
	}
	if err != nil {
		return problems(err, "then run railgated --check")
	}
	p.cfg, p.data = cfg, cmp.Or(p.gate.data, cfg.Data)
	if err := cfg.CheckDevices(); err != nil {
		return problems(err, "plug it in, or change the configuration")
	}
	return []finding{good("%s and every device that it names", path)}
}

// problems makes a finding of each line of an error.
func problems(err error, fix string) (found []finding) {
	for line := range strings.Lines(err.Error()) {
		found = append(found, bad(fix, "%s", strings.TrimSpace(line)))
	}
	return found
}

func (p *patient) daemon(ctx context.Context) []finding {
	s, err := control.NewClient(p.data).Status(ctx)
	if err != nil {
		return []finding{bad("systemctl start railgated; journalctl -u railgated says why it ended", "%v", err)}
	}
	p.status = s
	if len(s.Problems) == 0 {
		return []finding{good("lane %s, version %s, since %s", s.Mode, s.Version, s.Started.Local().Format(time.DateTime))}
	}
	var found []finding
	for _, problem := range s.Problems {
		found = append(found, finding{Level: s.Health, Text: problem, Fix: "railgate watch follows it"})
	}
	return found
}

// clock checks whether the system knows the time, and will after a power cut.
func (p *patient) clock() []finding {
	var found []finding
	switch {
	case p.status != nil && p.status.Clock.Trusted:
		found = append(found, good("%s", p.status.Clock.Source))
	case p.status != nil:
		found = append(found, bad("timedatectl shows the time daemon; see that its server can be reached. If it is chrony, railgated.service wants railgated-chrony.conf", "%s", p.status.Clock.Why))
	case clock.ReadSystem().Synced:
		found = append(found, good("synchronised"))
	default:
		found = append(found, warn("timedatectl set-ntp true", "the system's clock is not synchronised"))
	}
	if p.cfg != nil && !p.cfg.Clock.RequireSync {
		return found // a bench
	}
	if _, err := os.Stat("/dev/rtc0"); err != nil {
		found = append(found, warn("fit one: until the network is back after a power cut, this gate stays closed", "this board has no battery clock (/dev/rtc0)"))
	}
	return found
}

const (
	freeWanted  = 512 << 20
	freeNeeded  = 1 << 20 // with less the store does not begin to work
	fsyncWrites = 20
	fsyncSlow   = 100 * time.Millisecond
)

// disk checks the room and how long a write takes to be durable.
func (p *patient) disk() []finding {
	var fs unix.Statfs_t
	if err := unix.Statfs(p.data, &fs); err != nil {
		return []finding{bad("start railgated once: it makes the folder", "%s: %v", p.data, err)}
	}
	var found []finding
	free := int64(fs.Bavail) * int64(fs.Bsize)
	if free < freeNeeded {
		found = append(found, bad("remove what does not belong there, or lower journal.max_bytes", "only %s are free in %s", bytesOf(free), p.data))
	} else if free < freeWanted {
		found = append(found, warn("remove what does not belong there, or lower journal.max_bytes", "only %s are free in %s", bytesOf(free), p.data))
	} else {
		found = append(found, good("%s are free in %s", bytesOf(free), p.data))
	}
	if size := os.Getpagesize(); size != 4096 {
		found = append(found, good("the kernel's pages have %d bytes; the store uses 4096 all the same", size))
	}
	times, err := timeSyncs(p.data)
	if errors.Is(err, unix.ENOSPC) {
		return found // which has been said
	}
	if err != nil {
		return append(found, bad("is the card worn out, or mounted read-only? dmesg says", "writing to %s: %v", p.data, err))
	}
	median, slow := times[len(times)/2], times[len(times)*9/10]
	text := fmt.Sprintf("a durable write takes %v, one in ten over %v", median.Round(10*time.Microsecond), slow.Round(10*time.Microsecond))
	if slow > fsyncSlow {
		return append(found, warn("use an industrial card (pSLC) or eMMC: each passage waits for it", "%s", text))
	}
	return append(found, good("%s", text))
}

// timeSyncs times small durable writes, shortest first.
func timeSyncs(dir string) ([]time.Duration, error) {
	f, err := os.CreateTemp(dir, "doctor-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	var times []time.Duration
	for i := range fsyncWrites {
		began := time.Now()
		if _, err := f.WriteAt(page, int64(i%4)*4096); err != nil {
			return nil, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return nil, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times, nil
}

// store looks for files that were set aside, and reads the one that a daemon which
// does not run has left.
func (p *patient) store() []finding {
	var found []finding
	aside, _ := filepath.Glob(filepath.Join(p.data, "gate.db.damaged-*")) // the pattern is good
	for _, path := range aside {
		found = append(found, warn("railgate journal export --json --file "+path+" saves its records; then remove it, and think of a new card", "a damaged store was set aside: %s", path))
	}
	if p.status != nil {
		return append(found, good("%d records, %d codes remembered", p.status.Store.Seq, p.status.Store.Spent))
	}
	r, err := store.OpenReader(p.data)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return append(found, good("none yet"))
	case err != nil:
		return append(found, bad("railgated sets a damaged store aside when it starts", "%v", err))
	}
	defer r.Close()
	return append(found, good("can be read"))
}

func (p *patient) keyset() []finding {
	if p.status == nil {
		return nil // a keyset that cannot be read is a problem of the configuration
	}
	k := p.status.Keyset
	if !k.Loaded {
		return []finding{bad("put the issuer's keys.json where keys = says", "none")}
	}
	return []finding{good("version %d, %d keys, the last ends %s", k.Version, k.Keys, k.Expires.Local().Format(time.DateTime))}
}

// outputs checks what will happen to the relay when the daemon dies.
func (p *patient) outputs() []finding {
	if p.cfg == nil || p.cfg.Turnstile.Driver != "gpio" {
		return nil
	}
	var found []finding
	if path, err := p.gate.outputsFile(); err != nil {
		found = append(found, warn("start railgated once", "%v", err))
	} else if _, err := turnstile.LoadOutputs(path); err != nil {
		found = append(found, bad("restart railgated", "outputs-safe cannot read its file: %v", err))
	} else {
		found = append(found, good("outputs-safe knows them (%s)", path))
	}
	for _, module := range []string{"pinctrl_bcm2835", "pinctrl_rp1"} {
		value, err := os.ReadFile("/sys/module/" + module + "/parameters/persist_gpio_outputs")
		if err == nil && strings.TrimSpace(string(value)) == "Y" {
			found = append(found, warn("add dtparam=strict_gpiod to config.txt", "this board keeps the relay's level when railgated dies (%s.persist_gpio_outputs)", module))
		}
	}
	return found
}
