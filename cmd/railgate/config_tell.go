package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"railgate/cmd/control"
	"railgate/configs"
)

// This file says what set, unset and edit have changed, and what comes of it.

// tell says what was changed, and sees to the restart.
func (e *settingEditor) tell(c *cobra.Command, f *configFile, answer *changedAnswer) error {
	running := e.gate.running(c, f.data)
	for i := range answer.Changed {
		answer.Changed[i].By = overriddenBy(f.path, running, answer.Changed[i].Key)
	}
	if !e.asJSON {
		e.tellPeople(c.OutOrStdout(), f, answer)
		tellMissing(c.OutOrStdout(), f.path, answer.Changed)
	}
	err := e.restartIfNeeded(c, answer, running)
	if e.asJSON {
		err = errors.Join(err, json.NewEncoder(c.OutOrStdout()).Encode(answer))
	}
	return err
}

// running is what the railgated runs with that has this file; nil: none runs.
func (g *gate) running(c *cobra.Command, text []byte) *control.Config {
	data := g.data
	if data == "" {
		data, _ = configs.Values(text)["data"].(string)
	}
	answer, err := control.NewClient(cmp.Or(data, configs.DefaultData)).Config(c.Context())
	if err != nil {
		return nil
	}
	return &answer
}

// overriddenBy is whose value a gate has in the place of its file's: the station's policy, of which a running gate knows, or
// what the gate was provisioned with; "": nobody's.
func overriddenBy(path string, running *control.Config, key string) string {
	var all []configs.Setting
	if cfg, err := configs.Load(path); err == nil {
		all = cfg.Settings()
	}
	if running != nil {
		all = append(slices.DeleteFunc(slices.Clone(running.Settings), func(s configs.Setting) bool { return !strings.HasPrefix(s.From, "station policy") }), all...)
	}
	for _, s := range all {
		if s.Key == key && s.From != "default" && !strings.HasPrefix(s.From, path+":") {
			return s.From
		}
	}
	return ""
}

func (e *settingEditor) tellPeople(out io.Writer, f *configFile, answer *changedAnswer) {
	if len(answer.Changed) == 0 {
		fmt.Fprintf(out, "%s has it already: nothing was changed\n", f.path)
		return
	}
	for _, c := range answer.Changed {
		fmt.Fprintf(out, "%s: %s → %s\n", c.Key, valueWords(c.Key, c.Old), valueWords(c.Key, c.New))
		if c.By != "" {
			fmt.Fprintf(out, "  but %s sets it, over the file, so that nothing comes of it\n", c.By)
		}
	}
	fmt.Fprintf(out, "%s is written; the old one is %s\n", f.path, f.real+oldSuffix)
	for _, w := range answer.Wrong {
		fmt.Fprintln(out, "still wrong, as before:", w)
	}
}

// tellMissing says which of the devices and folders that were changed are not there at this moment.
func tellMissing(out io.Writer, path string, all []changed) {
	cfg, err := configs.Load(path)
	if err != nil {
		return
	}
	for _, p := range asProblems(cfg.CheckDevices()) {
		if slices.ContainsFunc(all, func(c changed) bool { return c.Key == p.Key }) {
			fmt.Fprintf(out, "  but not here now: %s: %s\n", p.Key, p.Text)
		}
	}
}

// valueWords is a value as the file has it, or the default's.
func valueWords(key string, value any) string {
	if value != nil {
		return configs.Shown(value)
	}
	if usual := configs.Usual(key); usual != nil {
		return "default (" + configs.Shown(usual) + ")"
	}
	return "not set"
}

const restartCommand = "systemctl restart railgated"

// restartIfNeeded restarts railgated where it runs and the person wants it, else says that it is needed.
func (e *settingEditor) restartIfNeeded(c *cobra.Command, answer *changedAnswer, running *control.Config) error {
	switch {
	case len(answer.Changed) == 0 && !e.restart:
		return nil
	case running == nil && !e.restart:
		e.say(c, "railgated is not running; it begins with the new configuration")
		return nil
	case len(answer.Wrong) > 0:
		answer.Restart = "needed"
		return errors.New("railgated was not restarted: with what is still wrong it would not start")
	}
	if answer.Restart = "needed"; !e.wantsRestart(c) {
		e.say(c, "railgated goes on with the old configuration until it is restarted: "+restartCommand)
		return nil
	}
	if _, err := thisHost().run(c.Context(), "systemctl", "restart", "railgated"); err != nil {
		return fmt.Errorf("the file is written, and railgated was not restarted: %w; %s%s", err, restartCommand, asRoot(err))
	}
	answer.Restart = "done"
	e.say(c, "railgated is restarted; railgate status shows how it is")
	return nil
}

func (e *settingEditor) say(c *cobra.Command, text string) {
	if !e.asJSON {
		fmt.Fprintln(c.OutOrStdout(), text)
	}
}

// wantsRestart asks a person on a terminal.
func (e *settingEditor) wantsRestart(c *cobra.Command) bool {
	if e.restart || e.asJSON || !isTerminal(c.InOrStdin()) {
		return e.restart
	}
	fmt.Fprint(c.OutOrStdout(), "Restart railgated now? The lane is closed for a few seconds. [y/N] ")
	return agreed(c.InOrStdin())
}

// isTerminal tells whether a person types there.
func isTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
