// Bench-station measures a station of many gates on one machine: a station in a process of
// its own, gates with their real stores and links in this one, and a real railgated beside
// them. docs/scale.md is made of what it prints.
//
//	bench-station                              200 gates, 60 passages a minute each, a cut of 10 minutes
//	bench-station --for 1m --cut 1m --json
//	bench-station --gates 60 --cut 10m      for two cores: after a cut the gates' work grows with their square
//	bench-station --gates 20 --cut 0
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// All simulated gates have one heap, and a gate of a station one of its own: collecting what
	// belongs to 200 gates for what one of them allocated is a cost that no gate has.
	debug.SetGCPercent(400)
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench-station:", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	gates    int
	rate     int // passages a minute and gate
	measured time.Duration
	cut      time.Duration
	programs string // the folder of station and railgated
	dir      string // where the station and the real gate are
	gatesDir string // where the simulated gates' stores are
	asJSON   bool
}

func newRoot() *cobra.Command {
	var o options
	root := &cobra.Command{
		Use: "bench-station", Short: "Measure a station of many gates on one machine",
		Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			return run(c.Context(), &o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := root.Flags()
	f.IntVar(&o.gates, "gates", 200, "how many gates the station has")
	f.IntVar(&o.rate, "rate", 60, "passages a minute and gate")
	f.DurationVar(&o.measured, "for", 5*time.Minute, "how long it is measured")
	f.DurationVar(&o.cut, "cut", 10*time.Minute, "how long the station is stopped after that; 0: it is not")
	f.StringVar(&o.programs, "programs", programsFolder(), "the `folder` of the programs station and railgated")
	f.StringVar(&o.dir, "dir", "", "a `folder` for the station and the real gate (default: a new one in the system's, removed at the end)")
	f.StringVar(&o.gatesDir, "gates-dir", "", "a `folder` for the other gates' stores (default: a new one in /dev/shm: each gate has a disk of its own, which this machine's one cannot stand for)")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return root
}

// programsFolder is where this program is: make builds the others beside it.
func programsFolder() string {
	path, err := os.Executable()
	if err != nil {
		return "bin"
	}
	return filepath.Dir(path)
}

// Times are of one thing that happened often, in milliseconds.
type Times struct {
	Of    int     `json:"of"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	Worst float64 `json:"worst_ms"`
}

// Usage is what a process took.
type Usage struct {
	CPU       float64 `json:"cpu_percent"` // of one core
	Resident  float64 `json:"resident_mb"`
	Anonymous float64 `json:"anonymous_mb"`
}

// A Report is what was measured.
type Report struct {
	Gates    int     `json:"gates"`
	Rate     int     `json:"passages_a_minute_and_gate"`
	Seconds  float64 `json:"seconds"`
	Passages int     `json:"passages"`

	Known     Times   `json:"commit_to_all_others"` // one gate's commit until every other gate knows
	Railgated Usage   `json:"railgated"`            // one real gate among them
	Station   Usage   `json:"station"`
	GatesCPU  float64 `json:"cpu_percent_of_a_simulated_gate"`

	Loopback float64 `json:"loopback_bytes_a_passage"` // all that crossed the loopback, with headers and what others there sent
	Stream   float64 `json:"stream_bytes_a_passage"`   // on the station's disk
	Ledger   float64 `json:"ledger_bytes_a_passage"`

	Cut        float64 `json:"cut_seconds"`
	CutRecords int     `json:"records_in_the_cut"`
	Touch      float64 `json:"cut_to_in_touch_seconds"` // from the station's start until every gate is in touch
	Receipts   float64 `json:"cut_to_receipts_seconds"` // and until it has a receipt for every record of the cut

	Poll    Poll    `json:"poll"`
	Missing int     `json:"records_without_a_receipt"` // at the end
	Took    float64 `json:"took_seconds"`
}

func run(ctx context.Context, o *options, out, progress io.Writer) error {
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(progress, "bench-station: %s\n", fmt.Sprintf(format, args...))
	}
	r, err := measure(ctx, o, say)
	if err != nil {
		return err
	}
	r.Took = time.Since(began).Seconds()
	if o.asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "\t")
		return enc.Encode(r)
	}
	return r.print(out)
}

func (r *Report) print(w io.Writer) error {
	row := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%-44s %s\n", what, fmt.Sprintf(format, args...))
	}
	row("gates, passages", "%d, %d in %.0f s", r.Gates, r.Passages, r.Seconds)
	row("a commit until all other gates know", "p50 %.1f ms, p99 %.1f ms, worst %.1f ms of %d", r.Known.P50, r.Known.P99, r.Known.Worst, r.Known.Of)
	row("a real railgated", "%.1f %% of a core, %.1f MB, of which %.1f MB its own", r.Railgated.CPU, r.Railgated.Resident, r.Railgated.Anonymous)
	row("a simulated gate", "%.2f %% of a core", r.GatesCPU)
	row("the station, all of it", "%.1f %% of a core, %.1f MB, of which %.1f MB its own", r.Station.CPU, r.Station.Resident, r.Station.Anonymous)
	row("bytes a passage over loopback", "%.0f", r.Loopback)
	row("bytes a passage on the station's disk", "%.0f in streams, %.0f in the ledger", r.Stream, r.Ledger)
	if r.Cut > 0 {
		row("a cut", "%.0f s, %d records; all in touch after %.1f s, all receipts after %.1f s", r.Cut, r.CutRecords, r.Touch, r.Receipts)
	}
	row("a poll of a repository", "%.0f bytes over a kept connection, %.0f over a new one", r.Poll.Kept, r.Poll.New)
	row("polls a second, asked and answered here", "%.0f over kept connections, %.0f over new ones", r.Poll.KeptRate, r.Poll.NewRate)
	row("records without a receipt at the end", "%d", r.Missing)
	_, err := fmt.Fprintf(w, "it took %.0f s\n", r.Took)
	return err
}
