package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
)

func newStatus(g *gate) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Say how the gate is",
		Long:  "Status asks the daemon how the gate is. It exits with 0 when the gate is healthy, 1 when it is degraded, 2 when it is out of service or its daemon does not answer.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := g.client()
			if err != nil { // a configuration that cannot be read names no gate: nobody can tell
				return notAnswering(c, asJSON, err)
			}
			s, err := client.Status(c.Context())
			if err != nil {
				return notAnswering(c, asJSON, err)
			}
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				err = enc.Encode(s)
			} else {
				err = printStatus(c.OutOrStdout(), s)
			}
			return cmp.Or(err, exitOf(s.Health))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// notAnswering reports a gate whose daemon does not answer: it is out of service.
func notAnswering(c *cobra.Command, asJSON bool, cause error) error {
	if asJSON {
		s := control.Status{Health: control.OutOfService, Mode: string(control.OutOfService), Problems: []string{cause.Error()}, Causes: []control.Cause{}}
		if err := json.NewEncoder(c.OutOrStdout()).Encode(s); err != nil {
			return err
		}
		return exitOf(s.Health)
	}
	return cause
}

// printStation says what the gate has of its repositories, and of the day's tickets.
func printStation(w io.Writer, s *control.Status) {
	reached := func(at time.Time) string {
		if at.IsZero() {
			return "never reached"
		}
		return "reached " + age(at)
	}
	if y := s.Sync; y != nil {
		fmt.Fprintf(w, "nation\t%s, version %d\t%s\n", y.State, y.Version, reached(y.Last))
		if t := y.Station; t != nil {
			policy, release := "none", "none"
			if t.Policy > 0 {
				policy = fmt.Sprintf("version %d", t.Policy)
			}
			if t.Release != "" {
				release = t.Release
			}
			fmt.Fprintf(w, "station\t%s, version %d\t%s; policy: %s; release: %s\n", t.State, t.Version, reached(t.Last), policy, release)
		}
	}
	if k := s.Tickets; k != nil && (k.Needed || len(k.Days) > 0) {
		needed := "not asked for"
		if k.Needed {
			needed = "asked for"
		}
		var days []string
		for _, d := range k.Days {
			day := fmt.Sprintf("%d: %d", d.Day, d.Tickets)
			if d.Added > 0 {
				day += fmt.Sprintf(" and %d sold since", d.Added)
			}
			if d.Back > 0 {
				day += fmt.Sprintf(" and %d taken back", d.Back)
			}
			days = append(days, day)
		}
		if k.Loading > 0 {
			days = append(days, fmt.Sprintf("%d is loading", k.Loading))
		}
		fmt.Fprintf(w, "tickets\t%s\t%s\n", needed, strings.Join(days, ", "))
	}
}

func printStatus(out io.Writer, s *control.Status) error {
	p, zone := newPainter(out), zoneOf(s.Zone) // the journal's: times are compared
	title := fmt.Sprintf("%s %s (%s)", s.Station, s.Gate, s.Direction)
	fmt.Fprintf(out, "%s  %s, lane %s\n", p.bold(visible(strings.TrimSpace(title))), p.health(s.Health), s.Mode)
	if s.Service != "" && s.ServiceUntil != nil {
		fmt.Fprintf(out, "  %s %s\n", p.yellow("service:"), serviceWords(s.Service, s.ServiceUntil.In(zone), s.Clock.Time))
	}
	printProblems(out, p, s)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if s.Light {
		b := control.BlinkFor(s.Causes)
		fmt.Fprintf(w, "light\t%s\t\n", b.Words())
	}
	for _, d := range s.Devices {
		condition := "up"
		if !d.Up {
			condition = "down: " + d.Error
		}
		condition += ", " + age(d.Since)
		if d.Suffix != "" {
			condition += "; suffix " + d.Suffix
		}
		fmt.Fprintf(w, "%s\t%s (%s)\t%s\n", d.Kind, visible(d.Name), d.Driver, visible(condition))
		if d.Note != "" {
			fmt.Fprintf(w, "\t\t%s\n", visible(d.Note))
		}
	}
	clock := string(s.Clock.Source)
	if s.Clock.Why != "" {
		clock += ": " + s.Clock.Why
	}
	fmt.Fprintf(w, "clock\t%s\t%s\n", s.Clock.Time.In(zone).Format(time.DateTime+" -07:00"), visible(clock))
	if s.Keyset.Loaded {
		fmt.Fprintf(w, "keyset\tversion %d, issuer %s\tkeys %s; read %s; the last key ends %s\n", s.Keyset.Version, strings.Join(s.Keyset.Issuers, ", "),
			strings.Join(s.Keyset.KeyIDs, ", "), age(s.Keyset.Since), s.Keyset.Expires.In(zone).Format(time.DateTime))
	}
	if r := s.Revocations; r != nil {
		fmt.Fprintf(w, "revoked\t%d certificates\t%s\n", r.Count, revocationsWords(r))
	}
	printStation(w, s)
	printUpdate(w, s.Update)
	fmt.Fprintf(w, "store\t%d records, %s\t%d codes and %d holders remembered\n", s.Store.Seq, bytesOf(s.Store.FileBytes), s.Store.Spent, s.Store.Passages)
	if s.Bus != nil {
		state, journal := busWords(s.Bus)
		fmt.Fprintf(w, "bus\t%s\t%s\n", state, journal)
	}
	if t := s.Timings; t.Total > 0 {
		fmt.Fprintf(w, "last passage\t%s\twait %s, verify %s, commit %s, open %s\n", micros(t.Total), micros(t.Wait), micros(t.Verify), micros(t.Commit), micros(t.Open))
	}
	fmt.Fprintf(w, "decided\t%s\t\n", counts(s.Counts.Decided))
	fmt.Fprintf(w, "daemon\t%s, pid %d\tsince %s\n", s.Version, s.PID, s.Started.In(zone).Format(time.DateTime))
	return w.Flush()
}

// printUpdate says which release runs, and which is on its way.
func printUpdate(w io.Writer, u *control.Update) {
	if u == nil || !u.Slots {
		return
	}
	name := func(release string) string { return cmp.Or(release, "not known") }
	doing := "the station gives none"
	switch {
	case u.Trial != "":
		doing = u.Trial + " is on trial: " + u.Phase
	case u.Assigned != "" && u.Assigned == u.Running:
		doing = "which the station gives"
	case u.Staged != "":
		doing = u.Staged + " is staged"
	case u.Assigned != "":
		doing = fmt.Sprintf("%s is brought: %d of %d MB", u.Assigned, u.Bytes>>20, u.Total>>20)
	}
	fmt.Fprintf(w, "release\t%s, slot %s\t%s\n", name(u.Running), name(u.Slot), doing)
	if u.Last != "" {
		fmt.Fprintf(w, "\t\tlast: %s\n", visible(u.Last))
	}
}

// busWords say how the gate and its station's bus are: the connection, and the journal.
func busWords(b *control.Bus) (state, journal string) {
	switch {
	case b.InTouch:
		state = "in touch"
	case b.Connected:
		state = "connected, out of touch"
	default:
		state = "not connected"
	}
	journal = fmt.Sprintf("%d records unsent, receipt up to %d", b.Unsent, b.Receipt)
	if !b.Time.IsZero() {
		journal += fmt.Sprintf("; the time told %v ago", time.Duration(b.TimeAge*float64(time.Second)).Round(time.Second))
	}
	return state, journal
}

// printProblems prints what is wrong, and for each cause since when and the command to paste.
func printProblems(out io.Writer, p painter, s *control.Status) {
	causes := map[string]*control.Cause{}
	for i := range s.Causes {
		causes[s.Causes[i].Why] = &s.Causes[i]
	}
	for _, problem := range s.Problems {
		fmt.Fprintf(out, "  %s %s\n", p.red("!"), visible(problem))
		c := causes[problem]
		if c == nil {
			continue
		}
		p.cure(out, "    ", c, s.Clock.Time.In(zoneOf(s.Zone)))
	}
}

// cure prints since when a cause is there, what to do by hand, the command to paste, and the
// one that shows that it is gone. Times are by the clock of now's zone.
func (p painter) cure(out io.Writer, indent string, c *control.Cause, now time.Time) {
	if since := c.SinceWords(now); since != "" {
		fmt.Fprintf(out, "%s%s\n", indent, p.dim(since))
	}
	if c.Hands != "" {
		fmt.Fprintf(out, "%s%s\n", indent, visible(c.Hands))
	}
	fmt.Fprintf(out, "%s%s %s\n", indent, p.dim("→"), visible(c.Remedy))
	if c.Proof != "" && c.Proof != c.Remedy {
		fmt.Fprintf(out, "%s%s %s\n", indent, p.dim("mended?"), visible(c.Proof))
	}
}

func micros(us int64) string { return (time.Duration(us) * time.Microsecond).String() }

func bytesOf(n int64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

func counts(m map[string]uint64) string {
	if len(m) == 0 {
		return "nothing yet"
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		words = append(words, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(words, ", ")
}

// revocationsWords says how old the list of what is revoked is.
func revocationsWords(r *control.Revocations) string {
	words := "no list has come yet"
	if !r.Issued.IsZero() {
		words = "by a list that was signed " + age(r.Issued)
	}
	if r.Old {
		words += "; it is old"
	}
	if r.Error != "" {
		words += "; the last one was refused: " + r.Error
	}
	return words
}
