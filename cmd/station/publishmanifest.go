package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"railgate/cmd/progress"
	"railgate/cmd/station/repository"
	"railgate/store/manifest"
)

// keptManifests is for how many days a manifest stays listed.
const keptManifests = 7

func newPublishManifest(d *desk) *cobra.Command {
	return &cobra.Command{
		Use:   "manifest DATE FILE.csv",
		Short: "Publish a day's tickets",
		Long: `Manifest publishes the tickets of a service day (2026-11-29), a CSV file with the columns
` + manifest.Header + `.
Every row that is wrong is named with its line and column; with one such row nothing is
published. Manifests of more than a week before are no longer listed.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			day, err := time.Parse(time.DateOnly, args[0])
			if err != nil {
				return usageError{fmt.Errorf("date %q; want one such as 2026-11-29", args[0])}
			}
			dir, err := os.MkdirTemp("", "station-manifest-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			packed := filepath.Join(dir, "manifest.csv.zst")
			rows, err := packManifest(c.ErrOrStderr(), args[1], packed)
			if err == nil {
				err = tryManifest(packed, day)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", args[1], err)
			}
			name := manifestName(day)
			if err := d.publishManifest(repository.File{Name: name, Path: packed}, day); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "published %s: %d tickets\n", name, rows)
			return nil
		},
	}
}

func manifestName(day time.Time) string {
	return "manifest/" + day.Format(time.DateOnly) + ".csv.zst"
}

// publishManifest publishes a day's manifest, and takes those of long ago off the list.
func (d *desk) publishManifest(f repository.File, day time.Time) error {
	r, err := repository.Open(d.part(stationPart), d.now)
	if err != nil {
		return err
	}
	files, oldest := []repository.File{f}, manifestName(day.AddDate(0, 0, -keptManifests))
	for _, name := range r.Names() {
		if strings.HasPrefix(name, "manifest/") && name < oldest {
			files = append(files, repository.File{Name: name})
		}
	}
	return r.Publish(files, d.asker.ask)
}

// window is how much of a manifest a gate must hold to unpack it.
const window = 1 << 20

// packManifest reads all of a CSV file, names each bad row, and packs it with zstd.
func packManifest(errOut io.Writer, from, to string) (rows int, err error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	z, err := zstd.NewWriter(out, zstd.WithWindowSize(window), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return 0, err
	}
	bar, err := readingBar(errOut, in)
	if err != nil {
		return 0, err
	}
	bad := 0
	err = manifest.ReadCSV(io.TeeReader(in, io.MultiWriter(z, bar)), func(int, *manifest.Row) error { rows++; return nil }, func(e *manifest.RowError) error {
		bad++
		bar.Clear()
		fmt.Fprintf(errOut, "%s: %v\n", from, e)
		return nil
	})
	bar.Clear()
	if err == nil && bad > 0 {
		err = fmt.Errorf("%d of %d rows are wrong; nothing is published", bad, rows+bad)
	}
	if err == nil {
		err = z.Close()
	}
	return rows, err
}

// tryManifest makes the table that a gate makes, which finds tickets that are there twice.
func tryManifest(packed string, day time.Time) error {
	y, m, d := day.Date()
	never := func() error { return nil }
	return manifest.Load(packed, packed+".table", y*10000+int(m)*100+d, func() {}, never)
}

// readingBar shows how much of a file was read.
func readingBar(out io.Writer, in *os.File) (*progress.Bar, error) {
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	return progress.Bytes(out, "checking "+info.Name(), info.Size()), nil
}
