package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"railgate/cmd/station/ledger"
	"railgate/cmd/station/repository"
	"railgate/configs"
	"railgate/store/journal"
	"railgate/store/sync"
)

// publishStationFile publishes what the station says.
func (d *desk) publishStationFile(files ...repository.File) error {
	r, err := repository.Open(d.part(stationPart), d.now)
	if err != nil {
		return err
	}
	return r.Publish(files, d.asker.ask)
}

func newPublishPolicy(d *desk) *cobra.Command {
	return &cobra.Command{
		Use:   "policy GATE FILE.toml",
		Short: "Publish what a gate's lane is for",
		Long: `Policy publishes a file that lies over a gate's own railgated.toml, key by key: direction,
classes, tickets, passback, passback_for, open_for, hours and per_day of [lane], and cut of
[bus]. It is checked as far as that can be done without the gate's file.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			gate, path := args[0], args[1]
			if !journal.GoodName(gate) {
				return usageError{fmt.Errorf("gate %q; want 1 to 32 letters, digits, - and _", gate)}
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := configs.CheckPolicy(configs.Policy{Name: path, Data: data}); err != nil {
				return err
			}
			name := "gates/" + gate + ".toml"
			if err := d.publishStationFile(repository.File{Name: name, Data: data}); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "published %s\n", name)
			d.warnNotEnrolled(c, gate)
			return nil
		},
	}
}

// warnNotEnrolled says which of some gates are not enrolled here: a name that was mistyped changes
// nothing at the gate that was meant. Where the ledger is elsewhere it says nothing.
func (d *desk) warnNotEnrolled(c *cobra.Command, names ...string) {
	p, err := d.place("")
	if err != nil {
		return
	}
	if _, err := os.Stat(p.database("")); err != nil {
		return
	}
	l, err := ledger.Open(c.Context(), p.database(""))
	if err != nil {
		return
	}
	defer l.Close()
	gates, err := l.Gates(c.Context())
	if err != nil || len(gates) == 0 {
		return
	}
	for _, name := range names {
		if !slices.ContainsFunc(gates, func(g ledger.Gate) bool { return g.Station == p.info.Station && g.Gate == name }) {
			fmt.Fprintf(c.ErrOrStderr(), "station: no gate %s is enrolled here: is the name right? station gates lists them\n", name)
		}
	}
}

var (
	goodVersion = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}$`)
	goodArch    = regexp.MustCompile(`^[a-z0-9]{1,16}$`)
)

func newPublishRelease(d *desk) *cobra.Command {
	return &cobra.Command{
		Use:   "release VERSION ARCH FILE",
		Short: "Publish a release's bundle (.raucb) or package (.deb), by the nation",
		Args:  cobra.ExactArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			version, arch, path := args[0], args[1], args[2]
			ext := filepath.Ext(path)
			switch {
			case !goodVersion.MatchString(version):
				return usageError{fmt.Errorf("version %q; want one such as 1.4.0", version)}
			case !goodArch.MatchString(arch):
				return usageError{fmt.Errorf("architecture %q; want one such as arm64", arch)}
			case ext != ".raucb" && ext != ".deb":
				return usageError{fmt.Errorf("%s: want a bundle (.raucb) or a package (.deb)", path)}
			}
			name := "release/" + version + "/" + arch + ext
			if err := d.publish(repository.File{Name: name, Path: path}); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "published %s\n", name)
			return nil
		},
	}
}

func newPublishAssign(d *desk) *cobra.Command {
	return &cobra.Command{
		Use:   "assign FILE",
		Short: "Publish which release each gate of the station gets",
		Long: `Assign publishes a file such as {"default": "1.4.0", "gates": {"A07": "1.5.0"}}. A gate refuses
it whole where the nation does not list a release that it names; where the nation's repository
is in this folder too, so does this command.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			if err := d.checkAssignment(data); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if !d.nationIsHere() {
				fmt.Fprintln(c.ErrOrStderr(), "station: the nation's repository is not here; whether it lists these releases is for the gates to say")
			}
			if err := d.publishStationFile(repository.File{Name: "assign.json", Data: data}); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "published assign.json")
			d.warnNotEnrolled(c, assigned(data)...)
			return nil
		},
	}
}

// assigned are the gates that assign.json names.
func assigned(data []byte) []string {
	var doc struct{ Gates map[string]string }
	if json.Unmarshal(data, &doc) != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(doc.Gates))
}

// checkAssignment holds assign.json against what the nation lists, where that is known here.
func (d *desk) checkAssignment(data []byte) error {
	if len(data) == 0 {
		return errors.New("it is empty")
	}
	if !d.nationIsHere() {
		if _, err := sync.ParseAssignment(data, nil); !errors.Is(err, sync.ErrNotReleased) {
			return err
		}
		return nil
	}
	r, err := repository.Open(d.part(nationPart), d.now)
	if err != nil {
		return err
	}
	_, err = sync.ParseAssignment(data, r.Names())
	return err
}
