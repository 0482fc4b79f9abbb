package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"railgate/configs"
)

func newConfigEdit(g *gate) *cobra.Command {
	e := &textEditor{settingEditor: settingEditor{gate: g}}
	c := &cobra.Command{
		Use:   "edit",
		Short: "Edit the configuration in an editor, and check it before it counts",
		Long: `Edit opens a copy of railgated.toml in $VISUAL, $EDITOR, nano or vi. When the editor ends, the copy is checked: what is
wrong is shown with its line and column, and the editor opens again. Only a copy that is right takes the file's place;
the old file is kept beside it, with the ending .old. A copy that was given up is kept, and its name told.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return e.run(c) },
	}
	c.Flags().BoolVar(&e.restart, "restart", false, "restart railgated, so that the change is in effect; without it, on a terminal, it asks")
	return c
}

// A textEditor has a person edit a gate's file.
type textEditor struct {
	settingEditor
	copy    string // the path of what the person edits
	answers *bufio.Reader
}

func (e *textEditor) run(c *cobra.Command) error {
	f, err := readConfigFile(e.gate.configPath())
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "railgate-edit-")
	if err != nil {
		return err
	}
	e.copy, e.answers = filepath.Join(dir, filepath.Base(f.path)), bufio.NewReader(c.InOrStdin())
	if err := os.WriteFile(e.copy, f.data, 0o600); err != nil {
		return err
	}
	text, err := e.edit(c, f)
	if err == nil && text != nil {
		err = f.replace(text)
	}
	if err != nil {
		return e.keepCopy(f, err)
	}
	if err := os.RemoveAll(dir); err != nil || text == nil {
		fmt.Fprintf(c.OutOrStdout(), "%s: nothing was changed\n", f.path)
		return err
	}
	return e.tellEdited(c, f, text)
}

// keepCopy says where the person's work is, unless there is none.
func (e *textEditor) keepCopy(f *configFile, err error) error {
	if text, readErr := os.ReadFile(e.copy); errors.Is(readErr, fs.ErrNotExist) || bytes.Equal(text, f.data) {
		return errors.Join(err, os.RemoveAll(filepath.Dir(e.copy)))
	}
	return fmt.Errorf("%w; what you wrote is kept: %s; railgate config diff %s compares", err, e.copy, e.copy)
}

var errGivenUp = errors.New("the configuration is as it was")

// edit returns what the person wrote once it is right; nil: nothing was changed.
func (e *textEditor) edit(c *cobra.Command, f *configFile) ([]byte, error) {
	for {
		if err := runEditor(c, e.copy); err != nil {
			return nil, fmt.Errorf("the editor: %w; %w", err, errGivenUp)
		}
		text, err := configs.ReadFile(e.copy)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w; %w", err, errGivenUp)
		case bytes.Equal(text, f.data):
			return nil, nil
		}
		problems, err := problemsIn(f.path, text)
		if err == nil {
			return text, nil
		}
		showProblems(c.ErrOrStderr(), text, problems)
		fmt.Fprint(c.OutOrStdout(), "Edit again? [Y/n] ")
		if !e.again() {
			return nil, errGivenUp
		}
	}
}

// again reads an answer. Enter is yes; where nobody answers it is no.
func (e *textEditor) again() bool {
	line, err := e.answers.ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "", "y", "yes", "e":
		return err == nil
	}
	return false
}

// showProblems shows each problem with its line, and a mark below its column.
func showProblems(w io.Writer, text []byte, problems []*configs.Problem) {
	lines := strings.Split(string(text), "\n")
	for _, p := range problems {
		if p.Line == 0 || p.Line > len(lines) {
			fmt.Fprintln(w, strings.TrimPrefix(p.Key+": "+p.Text, ": "))
			continue
		}
		line := strings.ReplaceAll(strings.TrimRight(lines[p.Line-1], "\r"), "\t", " ")
		fmt.Fprintf(w, "line %d, column %d: %s\n    %s\n", p.Line, max(p.Column, 1), strings.TrimPrefix(p.Key+": "+p.Text, ": "), line)
		if p.Column > 0 {
			fmt.Fprintf(w, "    %s^\n", strings.Repeat(" ", p.Column-1))
		}
	}
}

// runEditor runs a person's editor, as a shell understands it: EDITOR="code --wait" is a command with an argument.
func runEditor(c *cobra.Command, path string) error {
	editor, err := editorCommand()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(c.Context(), "sh", "-c", editor+` "$@"`, editor, path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
	if !isTerminal(c.InOrStdin()) {
		cmd.Stdin = nil // the answers to our questions are not the editor's
	}
	interrupts := make(chan os.Signal, 1) // Ctrl-C is the editor's while it runs
	signal.Notify(interrupts, unix.SIGINT, unix.SIGQUIT)
	defer signal.Stop(interrupts)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", editor, err)
	}
	return nil
}

func editorCommand() (string, error) {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if editor := os.Getenv(name); editor != "" {
			return editor, nil
		}
	}
	for _, name := range []string{"editor", "nano", "vi"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is none: set EDITOR, or change single keys with railgate config set")
}

// tellEdited says what was changed.
func (e *textEditor) tellEdited(c *cobra.Command, f *configFile, text []byte) error {
	answer := changedAnswer{Path: f.path, Restart: "no"}
	old, new := configs.Values(f.data), configs.Values(text)
	both := maps.Clone(old)
	maps.Copy(both, new)
	for _, key := range slices.Sorted(maps.Keys(both)) {
		if !sameValue(old[key], new[key]) {
			answer.Changed = append(answer.Changed, changed{Key: key, Old: old[key], New: new[key]})
		}
	}
	if len(answer.Changed) == 0 {
		_, err := fmt.Fprintf(c.OutOrStdout(), "%s is written; no value was changed, so no restart is needed\n", f.path)
		return err
	}
	return e.tell(c, f, &answer)
}
