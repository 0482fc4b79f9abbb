package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A runner runs a package's tests on its mutants.
type runner struct {
	*source
	workers int
	slowest time.Duration // tests that take longer are left out; 0: none are
	folder  string        // everything of this run
	suites  []*suite
	tests   []test // the fastest first

	mu     sync.Mutex    // guards the fields below
	json   *json.Encoder // nil: nobody wants the mutants one by one
	latest []string      // tests that killed the latest mutants, the last one first
}

// A test is one of a suite, with what it took as the package is.
type test struct {
	*suite
	name    string
	took    time.Duration // by the wall
	cost    time.Duration // of the processor, which is the same on a busy machine
	reaches map[int]bool  // the first mutant of each place
}

const (
	quickTest = 150 * time.Millisecond // tests that cost no more run in one process
	costLimit = 10 * time.Second       // and five times what the tests cost: then a mutant runs for ever
	patience  = 20 * time.Second       // and five times what the tests take: then it waits for ever
)

func newRunner(s *source, o *options) (*runner, error) {
	folder, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return nil, err
	}
	r := &runner{source: s, workers: o.workers, slowest: o.slowest, folder: folder, json: o.each}
	for _, dir := range append([]string{s.dir}, s.also...) {
		one, err := newSuite(dir, folder)
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(folder))
		}
		r.suites = append(r.suites, one)
	}
	return r, nil
}

func (r *runner) close() { os.RemoveAll(r.folder) }

// runAll gives each mutant its outcome.
func (r *runner) runAll(all []*mutant) error {
	files := map[string]string{filepath.Join(r.abs, "mutants_of_"+r.pkg.Name()+".go"): switchFile(r.pkg.Name())}
	for _, f := range r.files {
		files[filepath.Join(r.abs, f.name)] = render(f, all)
	}
	for _, s := range r.suites {
		if err := s.build(s.binary, files); err != nil {
			return err
		}
		tests, err := s.list(r.source.tests)
		if err != nil {
			return err
		}
		r.tests = append(r.tests, tests...)
	}
	if err := r.measure(); err != nil {
		return err
	}
	var done atomic.Int64
	return r.each(len(all), func(i int) error {
		err := errors.Join(r.try(all[i]), r.tell(all[i]))
		if n := done.Add(1); n%200 == 0 {
			fmt.Fprintf(os.Stderr, "%s: %d of %d\n", r.dir, n, len(all))
		}
		return err
	})
}

// tell writes down a mutant that was tried.
func (r *runner) tell(m *mutant) error {
	if r.json == nil || m.Outcome == unbuilt {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.json.Encode(m)
}

// each runs f for 0 … n-1, so many at once.
func (r *runner) each(n int, f func(i int) error) error {
	var (
		next  atomic.Int64
		wg    sync.WaitGroup
		once  sync.Once
		first error
	)
	for range r.workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					once.Do(func() { first = err })
					next.Store(int64(n))
				}
			}
		})
	}
	wg.Wait()
	return first
}

// measure runs each test by itself on the package as it is: how long it takes, and which
// places it reaches.
func (r *runner) measure() error {
	err := r.each(len(r.tests), func(i int) error { return r.tests[i].measure(filepath.Join(r.folder, fmt.Sprint("trace", i))) })
	if r.slowest > 0 {
		r.tests = slices.DeleteFunc(r.tests, func(t test) bool { return t.cost > r.slowest })
	}
	slices.SortStableFunc(r.tests, func(a, b test) int { return int(a.cost - b.cost) })
	return err
}

func (t *test) measure(trace string) error {
	if err := os.WriteFile(trace, nil, 0o644); err != nil {
		return err
	}
	cmd := t.command(t.binary, 0, buildLimit, "-test.run", "^"+t.name+"$")
	cmd.Env = append(cmd.Env, "RAILGATE_MUTANT_TRACE="+trace)
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s fails without any change: %w\n%s", t.name, err, out)
	}
	t.took, t.reaches = time.Since(begin), map[int]bool{}
	t.cost = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	lines, err := os.ReadFile(trace)
	for line := range strings.Lines(string(lines)) {
		n, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			return fmt.Errorf("trace of %s: %w", t.name, err)
		}
		t.reaches[n] = true
	}
	return err
}

// try runs the tests that reach a mutant until one fails.
func (r *runner) try(m *mutant) error {
	tests := r.tests
	if !m.alone {
		first := m.at.mutants[0].number
		tests = slices.DeleteFunc(slices.Clone(tests), func(t test) bool { return !t.reaches[first] })
	}
	m.Outcome = survived
	if len(tests) == 0 {
		m.Outcome = unreached
	}
	built := map[*suite]string{}
	for _, batch := range slices.Concat(r.likely(tests), r.batches(tests)) {
		s := batch[0].suite
		if built[s] == "" {
			binary, err := r.binaryFor(m, s)
			if errors.Is(err, errUnbuilt) {
				m.Outcome = unbuilt
				return nil
			} else if err != nil {
				return err
			}
			built[s] = binary
		}
		if m.Outcome, m.Test = runBatch(built[s], m.number, batch); m.Outcome != survived {
			r.killedBy(m.Test)
			break
		}
	}
	return r.forget(m, built)
}

// manyLatest is how many tests are tried before all: what kills one mutant often kills its
// neighbours.
const manyLatest = 6

// likely are the tests that killed the latest mutants, of those that reach this one; of one
// suite, in one process.
func (r *runner) likely(tests []test) (batch [][]test) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []test
	for _, name := range r.latest {
		i := slices.IndexFunc(tests, func(t test) bool { return t.name == name && t.cost <= quickTest })
		if i >= 0 && (len(list) == 0 || list[0].suite == tests[i].suite) {
			list = append(list, tests[i])
		}
	}
	if len(list) == 0 {
		return nil
	}
	return [][]test{list}
}

// killedBy notes the test, without its row, that killed a mutant.
func (r *runner) killedBy(name string) {
	name, _, _ = strings.Cut(name, "/")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest = slices.DeleteFunc(r.latest, func(s string) bool { return s == name })
	r.latest = slices.Insert(r.latest, 0, name)
	r.latest = r.latest[:min(len(r.latest), manyLatest)]
}

// binaryFor is a suite's binary with a mutant in it.
func (r *runner) binaryFor(m *mutant, s *suite) (string, error) {
	if !m.alone {
		return s.binary, nil
	}
	binary := filepath.Join(r.folder, fmt.Sprintf("alone%d-%s", m.number, filepath.Base(s.binary)))
	return binary, s.build(binary, map[string]string{filepath.Join(r.abs, m.at.file.name): renderAlone(m)})
}

func (r *runner) forget(m *mutant, built map[*suite]string) error {
	for _, binary := range built {
		if m.alone {
			if err := os.Remove(binary); err != nil {
				return err
			}
		}
	}
	return nil
}

// batches are a suite's quick tests together, and the others one by one.
func (r *runner) batches(tests []test) (all [][]test) {
	for _, s := range r.suites {
		if quick := slices.DeleteFunc(slices.Clone(tests), func(t test) bool { return t.suite != s || t.cost > quickTest }); len(quick) > 0 {
			all = append(all, quick)
		}
	}
	for i, t := range tests {
		if t.cost > quickTest {
			all = append(all, tests[i:i+1])
		}
	}
	return all
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// runBatch runs tests of one suite on a mutant.
func runBatch(binary string, mutant int, batch []test) (outcome, string) {
	names, wait, limit := make([]string, len(batch)), patience, costLimit
	for i, t := range batch {
		names[i] = t.name
		wait += 5 * t.took
		limit += 5 * t.cost
	}
	cmd := batch[0].command(binary, mutant, limit, "-test.run", "^("+strings.Join(names, "|")+")$", "-test.failfast", "-test.timeout", wait.String())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	switch {
	case err == nil:
		return survived, ""
	case bytes.Contains(out.Bytes(), []byte("panic: test timed out after")):
		return timedOut, ""
	case cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime() >= limit:
		return timedOut, ""
	}
	if found := failed.FindSubmatch(out.Bytes()); found != nil {
		return killed, string(found[1])
	}
	return killed, "a panic"
}
