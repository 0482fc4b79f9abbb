package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/verify"
)

func newKeys(g *gate) *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Show or install the keyset",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newKeysShow(g), newKeysInstall(g))
	return c
}

func newKeysShow(g *gate) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Print the keyset in use, and its file's",
		Long: `Show prints the keyset that the gate uses and the one that its file holds, or FILE: issuers,
keys with their algorithms, classes and validity, and how many certificates are revoked.
Where the two differ it says how. A keyset that comes from a repository has no file. Without railgated it goes by the copy of the keyset that
railgated took last.`,
		Example: "  railgate keys show\n  railgate keys show /media/usb/keys.json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			k, err := g.keys(c.Context())
			if err != nil {
				return err
			}
			if len(args) > 0 {
				k.Path = args[0]
				keys, err := readKeyset(k.Path)
				if err != nil {
					return err
				}
				k.File, k.Problem, k.Foreign = control.DescribeKeyset(keys), "", isForeign(k.InUse, control.DescribeKeyset(keys))
			}
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(k)
			}
			return printKeys(c.OutOrStdout(), k, time.Now().In(g.zone(c.Context())))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// shownKeys are the keysets of a gate.
type shownKeys struct {
	control.Keys
	Running bool   `json:"running"` // railgated answers
	data    string // the data folder
}

// errNoKeysFile is a gate that has no place for a keyset.
var errNoKeysFile = errors.New(`the configuration names no file for the keyset. Where it comes from a repository: railgate sync. Else give it one, such as keys = "/etc/railgate/keys.json", and restart railgated`)

// keys asks the daemon for its keysets, or reads the files where it does not run.
func (g *gate) keys(ctx context.Context) (*shownKeys, error) {
	dir, err := g.folder()
	if err != nil {
		return nil, err
	}
	k, err := control.NewClient(dir).Keys(ctx)
	if err == nil {
		return &shownKeys{Keys: *k, Running: true, data: dir}, nil
	}
	if !errors.Is(err, control.ErrNotRunning) {
		return nil, err
	}
	cfg, err := configs.Load(cmp.Or(g.config, configs.DefaultPath))
	if err != nil {
		return nil, err
	}
	if cfg.Keys == "" && cfg.Sync.Nation == "" {
		return nil, errNoKeysFile
	}
	return keysOfFiles(cfg.Keys, dir), nil
}

// keysOfFiles are the keysets of a gate that does not run: the file's, and the copy of the
// one that it took last.
func keysOfFiles(path, dir string) *shownKeys {
	k := &shownKeys{Keys: control.Keys{Path: path}, data: dir}
	if kept, err := readKeyset(filepath.Join(dir, control.KeptKeysetName)); err == nil {
		k.InUse = control.DescribeKeyset(kept)
	}
	if path == "" { // it comes from a repository
		return k
	}
	keys, err := readKeyset(path)
	if err != nil {
		k.Problem = err.Error()
		return k
	}
	k.File = control.DescribeKeyset(keys)
	k.Foreign = isForeign(k.InUse, k.File)
	return k
}

func readKeyset(path string) (*verify.Keyset, error) {
	data, _, err := configs.ReadKeyset(path)
	if err != nil {
		return nil, err
	}
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

// isForeign tells whether two keysets have no key in common.
func isForeign(old, new *control.KeysetDetail) bool {
	if old == nil || new == nil {
		return false
	}
	known := keysByID(old)
	for _, k := range new.Keys {
		if _, ok := known[k.KeyID]; ok {
			return false
		}
	}
	return true
}

func keysByID(d *control.KeysetDetail) map[string]control.KeyDetail {
	keys := map[string]control.KeyDetail{}
	if d != nil {
		for _, k := range d.Keys {
			keys[k.KeyID] = k
		}
	}
	return keys
}

func printKeys(out io.Writer, k *shownKeys, now time.Time) error {
	p := newPainter(out)
	title := "in use"
	if !k.Running {
		title = "railgated is not running; it took last"
	}
	if k.InUse == nil {
		fmt.Fprintf(out, "%s: %s\n", title, p.red("none"))
	} else if err := printKeyset(out, title, k.InUse, now); err != nil {
		return err
	}
	if k.Problem != "" && k.Path != "" {
		fmt.Fprintf(out, "%s is not in use: %s\n", k.Path, p.red(k.Problem))
	}
	if k.File == nil {
		return nil
	}
	changes := keysetChanges(k.InUse, k.File, now.Location())
	if k.InUse != nil && len(changes) == 0 {
		_, err := fmt.Fprintf(out, "%s holds the same\n", k.Path)
		return err
	}
	if err := printKeyset(out, k.Path, k.File, now); err != nil {
		return err
	}
	printChanges(out, changes, k.Foreign)
	return nil
}

func printKeyset(out io.Writer, title string, d *control.KeysetDetail, now time.Time) error {
	fmt.Fprintf(out, "%s: version %d, issuer %s, %d revoked certificates\n", title, d.Version, strings.Join(d.Issuers, ", "), d.Revoked)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, k := range d.Keys {
		fmt.Fprintf(w, "  %s\t%s\t%s\tclasses %s\t%s to %s\t%s\n", k.KeyID, k.Issuer, k.Algorithm, classWords(k.Classes),
			k.NotBefore.In(now.Location()).Format(time.DateTime), k.NotAfter.In(now.Location()).Format(time.DateTime), keyCondition(k, now))
	}
	return w.Flush()
}

func classWords(classes []uint) string { return strings.Trim(fmt.Sprint(classes), "[]") }

// keyCondition says whether a key counts.
func keyCondition(k control.KeyDetail, now time.Time) string {
	switch {
	case k.RevokedAt != nil:
		return "withdrawn " + k.RevokedAt.In(now.Location()).Format(time.DateTime)
	case now.Before(k.NotBefore):
		return "not yet valid"
	case now.After(k.NotAfter):
		return "ended"
	}
	return "valid"
}

// keysetChanges says what a new keyset changes, a line each. Of no old one it says nothing.
func keysetChanges(old, new *control.KeysetDetail, zone *time.Location) (changes []string) {
	if old == nil {
		return nil
	}
	day := func(t time.Time) string { return t.In(zone).Format(time.DateTime) }
	say := func(format string, args ...any) { changes = append(changes, fmt.Sprintf(format, args...)) }
	if old.Version != new.Version {
		say("version %d becomes %d", old.Version, new.Version)
	}
	before, after := keysByID(old), keysByID(new)
	for _, k := range new.Keys {
		was, ok := before[k.KeyID]
		switch {
		case !ok:
			say("key %s of %s (%s, classes %s) is added", k.KeyID, k.Issuer, k.Algorithm, classWords(k.Classes))
		case was.RevokedAt == nil && k.RevokedAt != nil:
			say("key %s is withdrawn from %s on", k.KeyID, day(*k.RevokedAt))
		case !was.NotBefore.Equal(k.NotBefore) || !was.NotAfter.Equal(k.NotAfter):
			say("key %s is valid from %s to %s, not from %s to %s", k.KeyID, day(k.NotBefore), day(k.NotAfter), day(was.NotBefore), day(was.NotAfter))
		case classWords(was.Classes) != classWords(k.Classes) || was.Issuer != k.Issuer || was.Algorithm != k.Algorithm:
			say("key %s is %s of %s for classes %s, not %s of %s for classes %s", k.KeyID, k.Algorithm, k.Issuer, classWords(k.Classes), was.Algorithm, was.Issuer, classWords(was.Classes))
		}
	}
	for _, k := range old.Keys {
		if _, ok := after[k.KeyID]; !ok {
			say("key %s of %s is removed", k.KeyID, k.Issuer)
		}
	}
	if old.Revoked != new.Revoked {
		say("%d revoked certificates become %d", old.Revoked, new.Revoked)
	}
	return changes
}

func printChanges(out io.Writer, changes []string, foreign bool) {
	if foreign {
		fmt.Fprintln(out, newPainter(out).red("it has none of the keys in use: it may be another issuer's"))
	}
	for _, c := range changes {
		fmt.Fprintln(out, " ", c)
	}
}
