package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A suite is a package whose tests are run.
type suite struct {
	dir    string // in the repository
	rapid  bool   // it draws cases, and is given one seed
	binary string // with all mutants but the constants'
}

const (
	memoryKiB  = 3 << 20 // what a mutant may take before it is refused more
	buildLimit = 5 * time.Minute
)

// errUnbuilt is of a mutant that the compiler refuses.
var errUnbuilt = errors.New("does not build")

func newSuite(dir, folder string) (*suite, error) {
	out, err := exec.Command("go", "list", "-f", "{{.TestImports}} {{.XTestImports}}", "./"+dir).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w%s", err, stderrOf(err))
	}
	return &suite{
		dir:    dir,
		rapid:  strings.Contains(string(out), "pgregory.net/rapid"),
		binary: filepath.Join(folder, strings.ReplaceAll(dir, "/", "-")+".test"),
	}, nil
}

// build compiles a suite's tests with some files replaced, which are named whole.
func (s *suite) build(binary string, files map[string]string) error {
	replace := map[string]string{}
	for name, text := range files {
		at := binary + "." + filepath.Base(name)
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			return err
		}
		defer os.Remove(at)
		replace[name] = at
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	if err := os.WriteFile(binary+".overlay", overlay, 0o644); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", binary+".overlay", "-o", binary, "./"+s.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %v\n%s", errUnbuilt, err, out)
	}
	return nil
}

// command is a run of a suite's binary as one mutant, with a bound on its memory and on
// its processor time.
func (s *suite) command(binary string, mutant int, limit time.Duration, args ...string) *exec.Cmd {
	sh := fmt.Sprintf(`ulimit -d %d; ulimit -t %d; exec "$0" "$@"`, memoryKiB, int(limit.Seconds())+1)
	cmd := exec.Command("sh", append([]string{"-c", sh, binary, "-test.short"}, args...)...)
	if s.rapid {
		cmd.Args = append(cmd.Args, "-rapid.seed=1", "-rapid.nofailfile", "-rapid.shrinktime=1ms")
	}
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "RAILGATE_MUTANT="+strconv.Itoa(mutant), "TMPDIR="+filepath.Dir(binary))
	return cmd
}

// list is the suite's tests, those that match an expression; "": all.
func (s *suite) list(wanted string) (tests []test, err error) {
	out, err := s.command(s.binary, 0, buildLimit, "-test.list", cmp.Or(wanted, ".")).Output()
	if err != nil {
		return nil, fmt.Errorf("tests of %s: %w", s.dir, err)
	}
	for _, name := range strings.Fields(string(out)) {
		if strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") || strings.HasPrefix(name, "Example") {
			tests = append(tests, test{suite: s, name: name})
		}
	}
	return tests, nil
}
