package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// run runs a program, with what it wants of the environment. It says nothing, but what it printed is in the log, and its
// end is in the error.
func (b *build) run(env []string, name string, args ...string) error {
	return b.runInput(nil, env, name, args...)
}

func (b *build) runInput(input io.Reader, env []string, name string, args ...string) error {
	log, err := os.OpenFile(b.path("log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	fmt.Fprintln(log, "+", name, strings.Join(args, " "))
	var tail bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdin = input
	cmd.Stdout = io.MultiWriter(log, &tail)
	cmd.Stderr = cmd.Stdout
	cmd.Env = append(append(os.Environ(), "LC_ALL=C", "TZ=UTC", fmt.Sprintf("SOURCE_DATE_EPOCH=%d", b.epoch.Unix())), env...)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s(all of it: %s)", name, err, lastLines(tail.String(), 8), b.path("log"))
	}
	return nil
}

func lastLines(text string, n int) string {
	lines := strings.SplitAfter(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "") + "\n"
}

// write writes a file below a folder, and the folders that it is in.
func write(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}
