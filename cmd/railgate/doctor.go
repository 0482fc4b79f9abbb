package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
)

// A finding is what one of the doctor's checks found: that something is well, or a cause
// of the table.
type finding struct {
	Check   string         `json:"check"`
	Level   control.Health `json:"level"` // healthy, degraded, out_of_service
	Text    string         `json:"text"`
	Fix     string         `json:"fix,omitempty"`
	Cause   string         `json:"cause,omitempty"`
	What    string         `json:"what,omitempty"`    // what the cause means
	Matters string         `json:"matters,omitempty"` // what comes of it
	Hands   string         `json:"hands,omitempty"`   // what to do where no command mends it
	Proof   string         `json:"proof,omitempty"`   // a command that shows that it is gone
	About   string         `json:"about,omitempty"`   // which of several: a scanner's name
	Since   time.Time      `json:"since,omitzero"`    // of a cause; zero: not known
	Unsure  bool           `json:"unsure,omitempty"`  // since is by a clock that is not trusted
}

func good(text string, args ...any) finding {
	return finding{Level: control.Healthy, Text: fmt.Sprintf(text, args...)}
}

// sick is a finding of a cause.
func sick(c control.Cause) finding {
	m, _ := control.MeaningOf(c.Cause)
	return finding{Level: c.Severity, Text: c.Why, Fix: c.Remedy, Cause: c.Cause, What: m.What, Matters: m.Matters, Hands: c.Hands, Proof: c.Proof, About: c.About, Since: c.Since, Unsure: c.Unsure}
}

// told is a finding as the daemon would tell it.
func (f *finding) told() control.Cause {
	return control.Cause{Cause: f.Cause, Severity: f.Level, Why: f.Text, Remedy: f.Fix, Hands: f.Hands, Proof: f.Proof, About: f.About, Since: f.Since, Unsure: f.Unsure}
}

// since takes from another finding of the same cause since when it is there, if that is earlier.
func (f *finding) since(other finding) {
	if f.Since.IsZero() || !other.Since.IsZero() && other.Since.Before(f.Since) {
		f.Since, f.Unsure = other.Since, other.Unsure
	}
}

func newDoctor(g *gate) *cobra.Command {
	var asJSON, card bool
	var user string
	test := scannerTest{open: openForTest}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the gate",
		Long: `Doctor looks at the configuration, the service, the keyset, the devices, the clock and the
disk, and says for each cause what is wrong, what comes of it, and the command to paste. It
works while railgated runs and while it does not. Run as root it looks with the rights of
the service's user. It changes nothing, except that it writes and removes a small file to
time the disk.

With --card it shows a test card instead, and says what a scanner makes of it: doctor --card NAME is scanner test NAME.

It exits as status does: with 0 when all is well, 1 when the lane works and something needs
a technician, 2 when the lane is out of service.`,
		Args: func(c *cobra.Command, args []string) error {
			if card {
				return cobra.MaximumNArgs(1)(c, args)
			}
			return cobra.NoArgs(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if card {
				test.asJSON = asJSON
				return test.of(c, g, args)
			}
			p := &patient{gate: g, host: thisHost(), as: user}
			if user != "" {
				if _, err := p.host.account(user, "", nil); err != nil {
					return usageError{fmt.Errorf("doctor: --user: %w", err)}
				}
			}
			findings := p.examine(c.Context())
			worst := p.health(findings)
			var err error
			if asJSON {
				err = doctorJSON(c.OutOrStdout(), worst, findings)
			} else {
				printFindings(c.OutOrStdout(), findings, p.now())
			}
			return cmp.Or(err, exitOf(worst))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&card, "card", false, "show the scanners' test card, and say what the one that is named makes of it: layout, characters, suffix")
	c.Flags().DurationVar(&test.wait, "wait", time.Minute, "how long --card waits for the scanner")
	c.Flags().StringVar(&user, "user", "", "look with the rights of this `user` (default: the service's)")
	return c
}

func doctorJSON(out io.Writer, worst control.Health, findings []finding) error {
	causes := []control.Cause{}
	for _, f := range findings {
		if f.Cause != "" {
			causes = append(causes, f.told())
		}
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false) // a remedy has && in it
	return enc.Encode(struct {
		Health   control.Health  `json:"health"`
		Causes   []control.Cause `json:"causes"`
		Findings []finding       `json:"findings"`
	}{worst, causes, findings})
}

// printFindings prints the causes first, and then what is well.
func printFindings(out io.Writer, findings []finding, now time.Time) {
	p := newPainter(out)
	for _, f := range findings {
		if f.Cause == "" {
			continue
		}
		fmt.Fprintf(out, "%s %s: %s\n", p.mark(f.Level), p.bold(f.Cause), visible(strings.TrimPrefix(f.Text, f.Cause+": ")))
		fmt.Fprintf(out, "  %s; %s\n", f.What, f.Matters)
		c := f.told()
		p.cure(out, "  ", &c, now)
	}
	for _, f := range findings {
		if f.Cause == "" {
			fmt.Fprintf(out, "%s %-10s %s\n", p.mark(f.Level), f.Check, visible(f.Text))
		}
	}
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
