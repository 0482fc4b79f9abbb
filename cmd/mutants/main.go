// Mutants changes one place of a package at a time and runs the package's tests: a
// change that no test sees is a survivor, and says which test is missing.
//
//	mutants            all targets
//	mutants -quick     what a change is held to before it is taken
//	mutants verify     one target, or several
//	mutants -match 'State.Step: drop' verify/lane
//
// All changes of a package are compiled in at once, each behind a number that the test
// binary reads from its environment, so a mutant costs a run and not a build; only a
// constant's change is built by itself. Each mutant meets the tests that reach its place,
// the fastest first. survivors.txt lists the survivors that are known, each with its
// reason. One that is not in it, or that a test kills now, is exit status 1.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "mutants:", err)
		}
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	quick, list bool
	match       *regexp.Regexp
	json, doc   string
	each        *json.Encoder // nil: nobody wants them one by one
	workers     int
	slowest     time.Duration
}

// whole tells whether all mutants of the targets are tried.
func (o *options) whole() bool { return o.match.String() == "" && !o.quick && o.slowest == 0 }

func run(args []string, stdout, stderr io.Writer) error {
	var o options
	var match string
	f := flag.NewFlagSet("mutants", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&o.quick, "quick", false, "only what a change is held to before it is taken")
	f.BoolVar(&o.list, "list", false, "list the mutants and run none")
	f.StringVar(&match, "match", "", "only mutants whose name matches a regular `expression`; no verdict on survivors.txt")
	f.StringVar(&o.json, "json", "", "write each mutant to a `file` as soon as it was tried, one JSON object a line")
	f.StringVar(&o.doc, "doc", "", "write the shares and the survivors into a `file` (docs/testing.md)")
	f.DurationVar(&o.slowest, "slowest", 0, "leave out tests that take longer than a `duration`; no verdict on survivors.txt; 0: none")
	f.IntVar(&o.workers, "workers", 2, "how many mutants run at once")
	if err := f.Parse(args); err != nil {
		return err
	}
	var err error
	if o.match, err = regexp.Compile(match); err != nil {
		return fmt.Errorf("-match: %w", err)
	}
	if o.doc != "" && !o.whole() {
		return errors.New("-doc is for a run of all mutants")
	}
	chosen, err := chooseTargets(f.Args(), o.quick)
	if err != nil {
		return err
	}
	known, err := readSurvivors("cmd/mutants/survivors.txt")
	if err != nil {
		return fmt.Errorf("%w (mutants runs in the repository's first folder)", err)
	}
	if o.json != "" {
		f, err := os.Create(o.json)
		if err != nil {
			return err
		}
		defer f.Close()
		o.each = json.NewEncoder(f)
		o.each.SetEscapeHTML(false)
	}
	var all []*mutant
	for _, t := range chosen {
		mutants, err := tryTarget(t, &o, stdout)
		if err != nil {
			return fmt.Errorf("%s: %w", t.dir, err)
		}
		all = append(all, mutants...)
	}
	if o.list {
		return nil
	}
	return o.report(chosen, all, known, stdout)
}

// report writes what was asked for, and gives the verdict.
func (o *options) report(tried []target, all []*mutant, known survivors, stdout io.Writer) error {
	if o.doc != "" {
		if err := writeDoc(o.doc, all, known); err != nil {
			return err
		}
	}
	fresh, gone := known.compare(all, o.whole())
	for _, m := range fresh {
		fmt.Fprintf(stdout, "survived: %s (line %d, %s)\n", m.Name, m.Line, m.Outcome)
	}
	for _, name := range gone {
		fmt.Fprintf(stdout, "killed or gone, yet in survivors.txt: %s\n", name)
	}
	for _, t := range tried {
		of := t.of(all)
		if got := share(count(of, killed), len(of)); o.whole() && got < t.goal {
			return fmt.Errorf("%s: %.1f %% are killed; want %.0f %%", t.dir, got, t.goal)
		}
	}
	if len(fresh)+len(gone) > 0 {
		return fmt.Errorf("%d mutants survive that survivors.txt does not name, %d that it names do not: write a test, or a line with its reason", len(fresh), len(gone))
	}
	return nil
}

// tryTarget finds a target's mutants, and runs them.
func tryTarget(t target, o *options, stdout io.Writer) ([]*mutant, error) {
	p, err := load(t)
	if err != nil {
		return nil, err
	}
	mutants := p.mutants()
	mutants = slices.DeleteFunc(mutants, func(m *mutant) bool {
		return !o.match.MatchString(m.Name) || o.quick && m.alone
	})
	if o.list {
		for _, m := range mutants {
			fmt.Fprintln(stdout, m.Name)
		}
		return nil, nil
	}
	r, err := newRunner(p, o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.runAll(mutants); err != nil {
		return nil, err
	}
	mutants = slices.DeleteFunc(mutants, func(m *mutant) bool { return m.Outcome == unbuilt })
	killed := count(mutants, killed)
	fmt.Fprintf(stdout, "%-20s %4d of %4d killed, %.1f %%\n", t.dir, killed, len(mutants), share(killed, len(mutants)))
	return mutants, nil
}
