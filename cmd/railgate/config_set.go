package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"railgate/configs"
)

func newConfigSet(g *gate) *cobra.Command {
	e := &settingEditor{gate: g}
	c := &cobra.Command{
		Use:   "set KEY VALUE… | KEY=VALUE…",
		Short: "Change keys of the configuration, and leave the rest of the file alone",
		Long: `Set gives keys of railgated.toml a new value. Comments, order and spaces of the file stay, a key that was commented out
is put in at its place, and the old file is kept beside the new one, with the ending .old. The file as a whole is checked
before it is written: what would make it wrong is refused. Several keys that go together are set at once, as KEY=VALUE.

A scanner is named by its own name: scanner.front.baud; scanner.baud where there is one. Text needs no quotes. A list is
several words. railgated takes a new configuration when it is restarted, and set says so; --restart does it.`,
		Example: `  railgate config set lane.direction exit
  railgate config set scanner.front.baud 9600
  railgate config set lane.classes 1 2 3
  railgate config set scanner.front.driver=camera scanner.front.device=/dev/video0 --unset scanner.front.port`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && len(e.unset) == 0 {
				return errors.New("name a key and its value; railgate config show lists the keys")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return e.run(c, args) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return completeSetting(args), cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.Flags().StringArrayVar(&e.unset, "unset", nil, "comment out `key`, so that its default applies; may be given several times")
	e.addFlags(c)
	return c
}

func newConfigUnset(g *gate) *cobra.Command {
	e := &settingEditor{gate: g}
	c := &cobra.Command{
		Use:     "unset KEY…",
		Short:   "Comment keys of the configuration out, so that their defaults apply",
		Long:    "Unset puts a # before keys of railgated.toml, so that their defaults apply. Their comments stay, and set puts them back in the same place.",
		Example: "  railgate config unset lane.hours",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			e.unset = args
			return e.run(c, nil)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return configs.Keys(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	e.addFlags(c)
	return c
}

// completeSetting is what a shell proposes: a key, then its words.
func completeSetting(args []string) []string {
	switch {
	case len(args) == 0:
		return configs.Keys()
	case strings.Contains(args[0], "="):
		return nil
	}
	return configs.Options(args[0])
}

// A settingEditor changes keys of a gate's file.
type settingEditor struct {
	gate    *gate
	unset   []string
	asJSON  bool
	restart bool
}

func (e *settingEditor) addFlags(c *cobra.Command) {
	c.Flags().BoolVar(&e.asJSON, "json", false, "print JSON: what was changed, what is still wrong, and whether a restart is needed")
	c.Flags().BoolVar(&e.restart, "restart", false, "restart railgated, so that the change is in effect; without it, on a terminal, it asks")
}

// A changed key, and its values before and after; null: the default.
type changed struct {
	Key string `json:"key"`
	Old any    `json:"old"`
	New any    `json:"new"`
	By  string `json:"overridden_by,omitempty"` // what sets it over the file, so that the file's value has no effect
}

// changedAnswer is what set tells a script.
type changedAnswer struct {
	Path    string    `json:"path"`
	Changed []changed `json:"changed"`
	Wrong   []string  `json:"still_wrong"` // as before
	Restart string    `json:"restart"`     // no, needed, done
}

func (e *settingEditor) run(c *cobra.Command, args []string) error {
	f, err := readConfigFile(e.gate.configPath())
	if err != nil {
		return err
	}
	changes, err := e.changes(f.data, args)
	if err != nil {
		return err
	}
	text, err := configs.Edit(f.data, changes)
	if _, is := errors.AsType[*configs.Problem](err); is { // of the file, as it is
		_, err = problemsIn(f.path, f.data)
		return fmt.Errorf("%w; nothing was changed", err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	before, _ := problemsIn(f.path, f.data)
	after, _ := problemsIn(f.path, text)
	fresh, known := newProblems(before, after)
	if len(fresh) > 0 {
		return fmt.Errorf("nothing was changed, for it would be wrong:\n  %s", inOneLine(fresh))
	}
	answer := changedAnswer{Path: f.path, Changed: differing(f.data, text, changes), Wrong: []string{}, Restart: "no"}
	for _, p := range known {
		answer.Wrong = append(answer.Wrong, p.Error())
	}
	if !bytes.Equal(text, f.data) {
		if err := f.replace(text); err != nil {
			return err
		}
	}
	return e.tell(c, f, &answer)
}

// changes are those that were typed.
func (e *settingEditor) changes(text []byte, args []string) (changes []configs.Change, err error) {
	add := func(typed string, value func(key string) (any, error)) error {
		key, err := configs.FindKey(text, typed)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(changes, func(c configs.Change) bool { return c.Key == key }) {
			return fmt.Errorf("%s is named twice", key)
		}
		v, err := value(key)
		if err == nil {
			changes = append(changes, configs.Change{Key: key, Value: v})
		}
		return err
	}
	if len(args) > 0 && !strings.Contains(args[0], "=") {
		if len(args) == 1 {
			return nil, e.noValue(text, args[0])
		}
		err = add(args[0], func(key string) (any, error) { return configs.ParseValue(key, args[1:]) })
		args = nil
	}
	for _, pair := range args {
		key, value, ok := strings.Cut(pair, "=")
		if err == nil && !ok {
			err = fmt.Errorf("%q has no =; several keys are set as KEY=VALUE", pair)
		}
		if err == nil {
			err = add(key, func(key string) (any, error) { return configs.ParseValue(key, []string{value}) })
		}
	}
	for _, key := range e.unset {
		if err == nil {
			err = add(key, func(string) (any, error) { return nil, nil })
		}
	}
	if err != nil {
		err = usageError{err}
	}
	return changes, err
}

// noValue is the answer to a key alone.
func (e *settingEditor) noValue(text []byte, typed string) error {
	key, err := configs.FindKey(text, typed)
	if err != nil {
		return usageError{err}
	}
	return usageError{fmt.Errorf("%s: to what? want %s; railgate config unset %s is for its default", typed, configs.Want(key), typed)}
}

// differing are the changes that make a difference, with both values.
func differing(before, after []byte, changes []configs.Change) []changed {
	all := []changed{}
	old, new := configs.Values(before), configs.Values(after)
	for _, c := range changes {
		if sameValue(old[c.Key], new[c.Key]) {
			continue
		}
		all = append(all, changed{Key: c.Key, Old: old[c.Key], New: new[c.Key]})
	}
	return all
}

// sameValue compares values as JSON has them, for a daemon tells its own in JSON.
func sameValue(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}
