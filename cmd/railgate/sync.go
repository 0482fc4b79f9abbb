package main

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
)

func newSync(g *gate) *cobra.Command {
	from, asJSON := "", false
	cmd := &cobra.Command{
		Use:   "sync [--from FOLDER]",
		Short: "Fetch the keyset now, from its repository or from a USB stick",
		Long: `Sync has railgated ask its repository now. With --from it takes the repository in a folder,
such as public/ on a USB stick: the same files, which prove themselves in the same way.`,
		Example: "  railgate sync\n  railgate sync --from /media/usb/nation/public",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := g.client()
			if err != nil {
				return err
			}
			var body io.Reader
			if from != "" {
				if _, err := os.Stat(filepath.Join(from, "timestamp.json")); err != nil {
					return fmt.Errorf("%s has no repository: %w; want the folder with timestamp.json", from, err)
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
				err = fmt.Errorf("the repository cannot be used: %s", answer.Error)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "take the repository in a `folder`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printSync(w io.Writer, s control.Sync) {
	last := "never"
	if !s.Last.IsZero() {
		last = s.Last.Local().Format(time.DateTime)
	}
	fmt.Fprintf(w, "%s: %s, reached %s", s.Nation, s.State, last)
	if s.Version > 0 {
		fmt.Fprintf(w, ", version %d, good until %s", s.Version, s.Expires.Local().Format(time.DateTime))
	}
	fmt.Fprintln(w)
}

// archiveOf is a folder's regular files as a tar archive, made as it is read.
func archiveOf(dir string) io.Reader {
	r, w := io.Pipe()
	go func() {
		t := tar.NewWriter(w)
		err := t.AddFS(os.DirFS(dir))
		if err == nil {
			err = t.Close()
		}
		w.CloseWithError(err)
	}()
	return r
}
