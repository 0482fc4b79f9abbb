package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"railgate/configs"
)

func newConfigDiff(g *gate) *cobra.Command {
	var d differ
	c := &cobra.Command{
		Use:   "diff [FILE]",
		Short: "Show what the configuration has other than the defaults, the running gate, or another file",
		Long: `Diff lists the keys whose value in the gate's file is another than the default; with --running, than the one with
which railgated runs: what a restart would change; with a FILE, than the one there. Spaces, comments and order make no
difference. Of each key it shows the other's value, then the file's.`,
		Example: `  railgate config diff                                              # what was set at this gate
  railgate config diff --running                                    # what the next restart changes
  railgate config diff /etc/railgate/railgated.toml.old             # what the last set or edit changed`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if d.running && len(args) > 0 {
				return usageError{errors.New("config diff: --running and a file do not go together")}
			}
			return d.run(c, g, strings.Join(args, ""))
		},
	}
	c.Flags().BoolVar(&d.running, "running", false, "compare with what railgated runs with")
	c.Flags().BoolVar(&d.asJSON, "json", false, "print JSON: each key with both values, and where they come from")
	return c
}

// A differ compares a gate's file with something else.
type differ struct {
	running bool
	asJSON  bool
}

// A difference is a key with two values; null: it is not set.
type difference struct {
	Key  string `json:"key"`
	Old  any    `json:"old"` // the other's
	New  any    `json:"new"` // the file's
	From string `json:"from,omitempty"`
}

func (d *differ) run(c *cobra.Command, g *gate, file string) error {
	path := g.configPath()
	mine, err := settingsOf(path)
	if err != nil {
		return err
	}
	var all []difference
	switch {
	case d.running:
		text, err := configs.ReadFile(path)
		if err != nil {
			return err
		}
		running := g.running(c, text)
		if running == nil {
			return errors.New("railgated is not running, so there is nothing to compare with; railgate config diff shows what is not a default")
		}
		all = compare(running.Settings, mine, true)
	case file != "":
		theirs, err := settingsOf(file)
		if err != nil {
			return err
		}
		all = compare(theirs, mine, false)
	default:
		all = fromDefaults(mine)
	}
	if d.asJSON {
		err = json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{"path": path, "differences": append([]difference{}, all...)})
	} else {
		err = printDifferences(c.OutOrStdout(), all)
	}
	if err == nil && len(all) > 0 {
		err = exitError(exitDenied)
	}
	return err
}

func settingsOf(path string) ([]configs.Setting, error) {
	cfg, err := configs.Load(path)
	if err != nil {
		return nil, err
	}
	return cfg.Settings(), nil
}

// fromDefaults are the keys that the file sets to other values than the defaults.
func fromDefaults(mine []configs.Setting) (all []difference) {
	for _, s := range mine {
		if usual := configs.Usual(s.Key); s.From != "default" && !sameValue(usual, s.Value) && !(usual == nil && isEmpty(s.Value)) {
			all = append(all, difference{s.Key, usual, s.Value, s.From})
		}
	}
	return all
}

// isEmpty tells whether a value is that of a key without a default which is not set.
func isEmpty(value any) bool {
	return value == "" || sameValue(value, 0) || sameValue(value, []string{})
}

// compare lists the keys that differ, in the file's order, and then those that it does not have. What
// the station's policy sets is no difference of the file's.
func compare(theirs, mine []configs.Setting, withPolicy bool) (all []difference) {
	other := map[string]configs.Setting{}
	for _, s := range theirs {
		other[s.Key] = s
	}
	for _, s := range mine {
		o, ok := other[s.Key]
		delete(other, s.Key)
		if withPolicy && strings.HasPrefix(o.From, "station policy") || ok && sameValue(o.Value, s.Value) {
			continue
		}
		all = append(all, difference{s.Key, o.Value, s.Value, s.From})
	}
	for _, s := range theirs {
		if _, left := other[s.Key]; left {
			all = append(all, difference{s.Key, s.Value, nil, s.From})
		}
	}
	return all
}

func printDifferences(w io.Writer, all []difference) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, d := range all {
		fmt.Fprintf(t, "%s\t%s\t→ %s\t%s\n", d.Key, jsonWords(d.Old), jsonWords(d.New), d.From)
	}
	return t.Flush()
}

// jsonWords is a value as show prints it.
func jsonWords(value any) string {
	text, err := json.Marshal(value)
	if err != nil || value == nil {
		return "not set"
	}
	return cmp.Or(string(text), "not set")
}
