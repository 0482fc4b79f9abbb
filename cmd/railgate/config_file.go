package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"railgate/configs"
	"railgate/store/durable"
)

// A configFile is a gate's configuration as it was read, to be replaced by a new one.
type configFile struct {
	path  string // as it was named, for errors
	real  string // where a link leads: the link stays, and what it leads to is replaced
	data  []byte
	mode  fs.FileMode
	uid   int
	gid   int
	taken *os.File // the folder, locked
}

// errMeanwhile is a file that somebody else has changed since it was read.
var errMeanwhile = errors.New("it was changed meanwhile, by someone else or another program; nothing was written")

// configPath is the gate's configuration.
func (g *gate) configPath() string { return cmp.Or(g.config, configs.DefaultPath) }

// readConfigFile reads a configuration that is to be changed.
func readConfigFile(path string) (*configFile, error) {
	f := &configFile{path: path, real: path}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		f.real = real
	}
	data, err := configs.ReadFile(f.real)
	if err != nil {
		return nil, configs.Unread(err, "begin with: cp /usr/share/doc/railgate/boards/BOARD/railgated.toml "+path)
	}
	var st unix.Stat_t
	if err := unix.Stat(f.real, &st); err != nil {
		return nil, err
	}
	f.data, f.mode, f.uid, f.gid = data, fs.FileMode(st.Mode&0o777), int(st.Uid), int(st.Gid)
	return f, nil
}

// lock keeps other railgates from writing the file until unlock. It is for the time of a write, not for that
// of a person who edits.
func (f *configFile) lock() error {
	dir, err := os.Open(filepath.Dir(f.real))
	if err != nil {
		return err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		dir.Close()
		return fmt.Errorf("%s: another railgate writes there at this moment; try again", filepath.Dir(f.real))
	}
	f.taken = dir
	return nil
}

// unlock lets go at once, also while a program that this process starts at that moment has the folder open still.
func (f *configFile) unlock() {
	unix.Flock(int(f.taken.Fd()), unix.LOCK_UN)
	f.taken.Close()
}

// replace puts a new text in the place of the file, if it is still what was read, and keeps the old one beside
// it. A power cut leaves the old file or the new one.
func (f *configFile) replace(text []byte) error {
	if err := f.lock(); err != nil {
		return err
	}
	defer f.unlock()
	if now, err := os.ReadFile(f.real); err != nil || !bytes.Equal(now, f.data) {
		return fmt.Errorf("%s: %w", f.path, errors.Join(errMeanwhile, err))
	}
	uid, gid := f.uid, f.gid
	if os.Geteuid() != 0 {
		uid, gid = -1, -1
	}
	if err := durable.WriteFileAs(f.real+oldSuffix, f.data, f.mode, uid, gid); err != nil {
		return fmt.Errorf("keeping the old configuration: %w; nothing was changed%s", err, asRoot(err))
	}
	if err := durable.WriteFileAs(f.real, text, f.mode, uid, gid); err != nil {
		return fmt.Errorf("%w%s", err, asRoot(err))
	}
	return nil
}

// asRoot is the advice where rights are missing.
func asRoot(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "; try as root: sudo railgate …"
	}
	return ""
}

// problemsIn are the things that are wrong with a configuration's text.
func problemsIn(path string, text []byte) (problems []*configs.Problem, err error) {
	_, err = configs.Parse(path, text)
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		for _, e := range several.Unwrap() {
			var p *configs.Problem
			if errors.As(e, &p) {
				problems = append(problems, p)
			}
		}
	}
	return problems, err
}

// newProblems are those of a text that an older one did not have. Lines may have moved.
func newProblems(old, now []*configs.Problem) (fresh, known []*configs.Problem) {
	had := map[string]bool{}
	for _, p := range old {
		had[p.Key+"\n"+p.Text] = true
	}
	for _, p := range now {
		if had[p.Key+"\n"+p.Text] {
			known = append(known, p)
		} else {
			fresh = append(fresh, p)
		}
	}
	return fresh, known
}

// inOneLine joins problems of a text that is in no file: its lines are of no use.
func inOneLine(problems []*configs.Problem) string {
	var words []string
	for _, p := range problems {
		words = append(words, strings.TrimPrefix(p.Key+": "+p.Text, ": "))
	}
	return strings.Join(words, "\n  ")
}
