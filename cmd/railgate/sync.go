package main

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
	"railgate/store/sync"
)

func newSync(g *gate) *cobra.Command {
	from, asJSON := "", false
	cmd := &cobra.Command{
		Use:   "sync [--from FOLDER]",
		Short: "Fetch the keyset and the station's files now, from their repositories or from a USB stick",
		Long: `Sync has railgated ask its repositories now. With --from it takes those in a folder, such as
on a USB stick: the same files, which prove themselves in the same way. The folder is the
nation's public/, or has copies of two of them as nation/ and station/.`,
		Example: "  railgate sync\n  railgate sync --from /media/usb",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := g.client()
			if err != nil {
				return err
			}
			var body io.Reader
			if from != "" {
				if !hasRepository(from) {
					return fmt.Errorf("%s has no repository; want the folder with timestamp.json, or the one with nation/ and station/", from)
				}
				body = archiveOf(from)
			}
			answer, err := client.Sync(c.Context(), body)
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(answer)
			} else {
				printSync(c.OutOrStdout(), answer)
			}
			if err == nil && answer.Error != "" {
				err = fmt.Errorf("the nation's repository cannot be used: %s", answer.Error)
			}
			if err == nil && answer.Station != nil && answer.Station.Error != "" {
				err = fmt.Errorf("the station's repository cannot be used: %s", answer.Station.Error)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "take the repository in a `folder`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// hasRepository tells whether a folder holds what sync takes.
func hasRepository(dir string) bool {
	for _, folder := range append(sync.NationFolders(), sync.StationFolders("*")...) {
		if found, err := filepath.Glob(filepath.Join(dir, folder, "timestamp.json")); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

func printSync(w io.Writer, s control.Sync) {
	printRepository(w, s.Nation, s.State, s.Last, s.Version, s.Expires)
	if t := s.Station; t != nil {
		printRepository(w, t.URL, t.State, t.Last, t.Version, t.Expires)
	}
}

func printRepository(w io.Writer, where, state string, reached time.Time, version int64, expires time.Time) {
	last := "never"
	if !reached.IsZero() {
		last = reached.Local().Format(time.DateTime)
	}
	fmt.Fprintf(w, "%s: %s, reached %s", where, state, last)
	if version > 0 {
		fmt.Fprintf(w, ", version %d, good until %s", version, expires.Local().Format(time.DateTime))
	}
	fmt.Fprintln(w)
}

// lean is a folder without the bundles and packages of releases, which sync does not take: railgate
// update does, a file at a time.
type lean struct{ fs.FS }

// ReadDir implements [fs.ReadDirFS].
func (l lean) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(l.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return strings.HasSuffix(e.Name(), ".raucb") || strings.HasSuffix(e.Name(), ".deb")
	}), err
}

// archiveOf is a folder's regular files as a tar archive, made as it is read.
func archiveOf(dir string) io.Reader {
	r, w := io.Pipe()
	go func() {
		t := tar.NewWriter(w)
		err := t.AddFS(lean{os.DirFS(dir)})
		if err == nil {
			err = t.Close()
		}
		w.CloseWithError(err)
	}()
	return r
}
