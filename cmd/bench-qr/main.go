// Bench-qr measures readers of QR codes against one another, on the same pictures, in
// one run, on one core: railgate's own, gozxing, zbar, quirc and zxing-cpp.
//
//	bench-qr                                  the frames of the repository, all engines
//	bench-qr --images photos --engines railgate,zxing
//	bench-qr --sets syn720 --rounds 1 --reps 1 --json
//	bench-qr --conditions 30 --rounds 1 --reps 1 --markdown
//
// A picture's time is the least processor time of all its readings; loading it is not
// in it. Texts are compared as bytes, but for charsets (see same).
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"railgate/driver/eye/frames"
)

func main() {
	if err := newRoot().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-qr:", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	sets, engines, images, sequences, merge []string
	rounds, reps, core, conditions          int
	patience                                time.Duration
	build, zxing, quirc, wechat, base       string
	asJSON, markdown                        bool
}

func newRoot() *cobra.Command {
	var o options
	root := &cobra.Command{
		Use:           "bench-qr",
		Short:         "Measure readers of QR codes against one another",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(c *cobra.Command, _ []string) error { return run(&o, c.OutOrStdout(), c.ErrOrStderr()) },
	}
	f := root.Flags()
	f.StringSliceVar(&o.sets, "sets", nil, "sets of the repository's frames, by how their `names` begin (default: all, or none with --images)")
	f.IntVar(&o.conditions, "conditions", 0, "`scenes` of each condition at each strength, instead of the other sets; --sets picks among them by how their names begin")
	f.StringSliceVar(&o.images, "images", nil, "`folders` of PGM, PNG or JPEG, or of such folders; NAME.txt is what NAME's code says, empty if there is none")
	f.StringSliceVar(&o.sequences, "sequences", nil, "`folders` of sequences, a folder of pictures each")
	f.StringSliceVar(&o.engines, "engines", nil, "these `engines` only")
	f.StringSliceVar(&o.merge, "merge", []string{"syn720-", "syn480-"}, "count sets as one whose names begin with the same of these")
	f.StringVar(&o.base, "base", "zxing", "the `engine` that ratios are to; zxing-1.4 if it is not there")
	f.IntVar(&o.rounds, "rounds", 3, "times that all sets are gone through")
	f.IntVar(&o.reps, "reps", 2, "times that an engine sees a set in a round")
	f.IntVar(&o.core, "core", -1, "the core to run on (default: the last)")
	f.DurationVar(&o.patience, "timeout", 10*time.Second, "longest time for one picture")
	f.StringVar(&o.build, "build", "build/bench-qr", "`folder` for frames and peers that are made")
	f.StringVar(&o.zxing, "zxing", os.Getenv("ZXING_SRC"), "`folder` of zxing-cpp's sources (also ZXING_SRC)")
	f.StringVar(&o.quirc, "quirc", os.Getenv("QUIRC_SRC"), "`folder` of quirc's sources (also QUIRC_SRC)")
	f.StringVar(&o.wechat, "wechat", os.Getenv("WECHAT_MODELS"), "`folder` of the four models of OpenCV's WeChat reader (also WECHAT_MODELS)")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.BoolVar(&o.markdown, "markdown", false, "print Markdown")
	root.AddCommand(newRead())
	return root
}

// newRead is what bench-qr starts for its engines in Go.
func newRead() *cobra.Command {
	return &cobra.Command{
		Use:    "read ENGINE",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			read, err := newReader(args[0])
			if err != nil {
				return err
			}
			return serve(c.InOrStdin(), c.OutOrStdout(), read)
		},
	}
}

func run(o *options, out, warn io.Writer) error {
	b, err := prepare(o, warn)
	if err != nil {
		return err
	}
	b.progress = newProgress(os.Stderr, b.rounds*b.reps*len(b.engines)*countPictures(b.sets))
	cells, err := b.run()
	if err != nil {
		return err
	}
	base := o.base
	if !hasEngine(b.engines, base) {
		base = "zxing-1.4"
	}
	var tables []Table
	for i := range b.sets {
		tables = append(tables, tabulate(&b.sets[i], b.engines, cells[i], base))
	}
	if o.asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Core   int     `json:"core"`
			Rounds int     `json:"rounds"`
			Reps   int     `json:"reps"`
			Sets   []Table `json:"sets"`
		}{b.core, b.rounds, b.reps, tables})
	}
	p := printer{out, o.markdown}
	if o.conditions > 0 {
		return p.reads(tables)
	}
	return p.print(tables)
}

// prepare builds peers, draws frames and finds pictures.
func prepare(o *options, warn io.Writer) (*bench, error) {
	b := &bench{core: o.core, rounds: o.rounds, reps: o.reps, patience: o.patience, warn: warn}
	if o.rounds < 1 || o.reps < 1 {
		return nil, fmt.Errorf("--rounds %d, --reps %d: want 1 or more", o.rounds, o.reps)
	}
	for _, path := range []*string{&o.build, &o.zxing, &o.quirc, &o.wechat} {
		if err := makeAbsolute(path); err != nil {
			return nil, err
		}
	}
	var err error
	if b.core < 0 {
		if b.core, err = lastCore(); err != nil {
			return nil, err
		}
	}
	if b.engines, err = o.findEngines(warn); err != nil {
		return nil, err
	}
	b.sets, err = o.findSets(warn)
	return b, err
}

// makeAbsolute makes a path one that holds in every folder; "" stays.
func makeAbsolute(path *string) (err error) {
	if *path != "" {
		*path, err = filepath.Abs(*path)
	}
	return err
}

func (o *options) findEngines(warn io.Writer) ([]engine, error) {
	wanted := func(name string) bool { return len(o.engines) == 0 || slices.Contains(o.engines, name) }
	b := &builder{dir: o.build, zxing: o.zxing, quirc: o.quirc}
	if o.wechat != "" {
		b.models = []string{o.wechat}
	}
	found, missing, err := engines(b, wanted)
	for _, line := range missing {
		fmt.Fprintln(warn, "bench-qr:", line)
	}
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("none of the engines %s", strings.Join(o.engines, ", "))
	}
	return found, err
}

// findSets are the sets asked for.
func (o *options) findSets(warn io.Writer) ([]set, error) {
	var sets []set
	cache := filepath.Join(o.build, "converted")
	for _, dir := range o.images {
		more, err := folders(dir, cache)
		if err != nil {
			return nil, err
		}
		sets = append(sets, more...)
	}
	for _, dir := range o.sequences {
		s, err := folder(dir, cache)
		if err != nil {
			return nil, err
		}
		s.approach = true
		sets = append(sets, s)
	}
	all := len(o.sets) == 0 && len(sets) == 0
	repository := frames.Sets()
	if o.conditions > 0 {
		repository = conditionSets(o.conditions)
		all = len(o.sets) == 0
	}
	for _, s := range repository {
		if !all && !slices.ContainsFunc(o.sets, func(prefix string) bool { return strings.HasPrefix(s.Name, prefix) }) {
			continue
		}
		fmt.Fprintln(warn, "bench-qr: frames of", s.Name)
		made, err := drawn(filepath.Join(o.build, "frames"), s)
		if err != nil {
			return nil, err
		}
		sets = append(sets, made)
	}
	if countPictures(sets) == 0 {
		return nil, errors.New("no pictures: --sets takes syn720, syn480, empty720, empty480, seq720, hostile720, noise720")
	}
	return merged(sets, o.merge), nil
}

// conditionSets are n scenes of each condition at each of its strengths.
func conditionSets(n int) (sets []frames.Set) {
	for _, c := range frames.Conditions() {
		for _, strength := range c.Strengths {
			sets = append(sets, c.Set(strength, n))
		}
	}
	return sets
}

func countPictures(sets []set) (n int) {
	for _, s := range sets {
		n += len(s.pictures)
	}
	return n
}

func hasEngine(engines []engine, name string) bool {
	return slices.ContainsFunc(engines, func(e engine) bool { return e.name == name })
}
