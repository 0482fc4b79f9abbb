package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"railgate/configs"
)

func newConfigCheck(g *gate) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say all that is wrong with the configuration, a line each",
		Long: `Check reads the gate's configuration, and says of each thing that is wrong its line, its key, and what to do. It looks for
the devices, folders and keys that the configuration names, too. Of a FILE, which may be for another gate, it checks the
text alone.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, check := g.configPath(), checkHere
			if len(args) == 1 {
				path, check = args[0], checkText
			}
			return tellProblems(c, path, check(path), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: path, and problems with line, column, key and text")
	return c
}

func checkText(path string) error {
	_, err := configs.Load(path)
	return err
}

// checkHere checks a file, and what it names on this machine.
func checkHere(path string) error {
	cfg, err := configs.Load(path)
	if err != nil {
		return err
	}
	_, err = cfg.CheckKeyset()
	return errors.Join(err, cfg.CheckDevices(), cfg.CheckOpens())
}

// A problem is one for scripts.
type problem struct {
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Key    string `json:"key,omitempty"`
	Text   string `json:"text"`
}

// tellProblems prints what is wrong, all of it.
func tellProblems(c *cobra.Command, path string, err error, asJSON bool) error {
	if !asJSON {
		if err == nil {
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: good\n", path)
			return err
		}
		fmt.Fprintln(c.ErrOrStderr(), err)
		return exitError(exitFailed)
	}
	answer := struct {
		Path     string    `json:"path"`
		Problems []problem `json:"problems"`
	}{path, asProblems(err)}
	if err2 := json.NewEncoder(c.OutOrStdout()).Encode(answer); err2 != nil || err == nil {
		return err2
	}
	return exitError(exitFailed)
}

// asProblems takes a joined error apart.
func asProblems(err error) []problem {
	all := []problem{}
	if err == nil {
		return all
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range several.Unwrap() {
			all = append(all, asProblems(e)...)
		}
		return all
	}
	if p, ok := errors.AsType[*configs.Problem](err); ok {
		return append(all, problem{p.Line, p.Column, p.Key, p.Text})
	}
	return append(all, problem{Text: err.Error()})
}
