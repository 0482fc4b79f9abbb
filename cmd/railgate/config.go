package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
	"railgate/configs"
)

func newConfig(g *gate) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print a configuration with every key, or show, check, compare and change the gate's own",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(configs.Reference)
			return err
		},
	}
	cmd.AddCommand(newConfigShow(g), newConfigCheck(g), newConfigDiff(g), newConfigSet(g), newConfigUnset(g), newConfigEdit(g), newConfigSchema())
	return cmd
}

func newConfigSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print a JSON Schema of the configuration, for editors",
		Long: `Schema prints a JSON Schema of railgated.toml, with which editors (taplo, Even Better TOML) complete keys, show what each
is for, and mark what is wrong while it is typed. The package has it in ` + configs.SchemaPath + `, and the line
#:schema at the beginning of a configuration leads there.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := configs.Schema()
			if err == nil {
				_, err = c.OutOrStdout().Write(text)
			}
			return err
		},
	}
}

func newConfigShow(g *gate) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "show [KEY|SECTION]…",
		Short: "Show each key of the configuration, its value, and where that comes from",
		Long: `Show asks railgated for its configuration: the local file, and over it, key by key, the policy
of the station. Each key says where its value comes from: the default, a line of the file, or a
version of the station's policy. Where railgated does not run it shows the file alone.

Without a KEY or a SECTION it shows all of them. A scanner is named by its name: scanner.front.`,
		Example: "  railgate config show\n  railgate config show lane scanner.front.baud",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return configs.Keys(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			answer, err := g.settings(c)
			if err != nil {
				return err
			}
			if answer.Settings, err = chosen(answer.Settings, args); err != nil {
				return usageError{err}
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(answer)
			}
			return printSettings(c.OutOrStdout(), answer.Settings)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// chosen are the settings that a person named, by keys or sections; of no names all of them.
func chosen(all []configs.Setting, names []string) (some []configs.Setting, err error) {
	if len(names) == 0 {
		return all, nil
	}
	wanted := make([]bool, len(all))
	for _, name := range names {
		found := false
		for i := range all {
			for _, known := range []string{all[i].Key, byName(all, all[i].Key)} {
				if known == name || strings.HasPrefix(known, name+".") || strings.HasPrefix(known, name+"[") {
					wanted[i], found = true, true
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("%q is neither a key nor a section here; %srailgate config show lists all of them", name, meantKey(name, all))
		}
	}
	for i := range all {
		if wanted[i] {
			some = append(some, all[i])
		}
	}
	return some, nil
}

// byName is the key of a scanner with the scanner's name in the place of its number.
func byName(all []configs.Setting, key string) string {
	number, rest, ok := strings.Cut(key, "].")
	if !ok {
		return key
	}
	for _, s := range all {
		if name, is := s.Value.(string); is && s.Key == number+"].name" {
			return "scanner." + name + "." + rest
		}
	}
	return key
}

// meantKey asks whether the key that is most like a name was meant; "" if none is.
func meantKey(name string, all []configs.Setting) string {
	var keys []string
	for _, s := range all {
		key := byName(all, s.Key)
		if strings.HasSuffix(key, "."+name) {
			return "is it " + key + "? "
		}
		section, _, _ := strings.Cut(key, ".")
		keys = append(keys, key, section)
	}
	return configs.Meant(name, keys)
}

// settings are the running gate's, or those of its file.
func (g *gate) settings(c *cobra.Command) (control.Config, error) {
	client, err := g.client()
	if err != nil {
		return control.Config{}, err
	}
	answer, err := client.Config(c.Context())
	if !errors.Is(err, control.ErrNotRunning) {
		return answer, err
	}
	cfg, err := configs.Load(cmp.Or(g.config, configs.DefaultPath))
	if err != nil {
		return control.Config{}, err
	}
	fmt.Fprintln(c.ErrOrStderr(), "railgate: railgated is not running: this is the file alone, without the station's policy")
	return control.Config{Path: cfg.Path, Settings: cfg.Settings()}, nil
}

func printSettings(w io.Writer, all []configs.Setting) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, s := range all {
		value, err := json.Marshal(s.Value)
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.Key, value, s.From)
	}
	return t.Flush()
}
