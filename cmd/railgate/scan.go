package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"railgate/driver/scanner"
)

// found is what a picture held.
type found struct {
	File  string  `json:"file"`
	Text  string  `json:"text"` // empty: there is no code in it
	Ms    float64 `json:"ms"`   // the search, without reading the file
	Error string  `json:"error,omitempty"`
}

func newScan() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "scan FILE…",
		Short:   "Read codes from pictures as the camera does",
		Long:    "Scan reads the QR code in each picture (PNG, JPEG, binary PGM) as the camera's driver does, and says how long that took.",
		Example: "  railgate scan --json frame-*.png",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			eye := scanner.NewEye()
			enc := json.NewEncoder(c.OutOrStdout())
			enc.SetEscapeHTML(false)
			failed := false
			for _, file := range files {
				f := scanFile(eye, file)
				failed = failed || f.Error != ""
				if asJSON {
					if err := enc.Encode(f); err != nil {
						return err
					}
					continue
				}
				if _, err := fmt.Fprintln(c.OutOrStdout(), f); err != nil {
					return err
				}
			}
			if failed {
				return exitError(exitFailed)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print NDJSON: file, text, ms")
	return c
}

func scanFile(eye scanner.Eye, file string) found {
	f := found{File: file}
	img, err := scanner.Picture(file)
	if err != nil {
		f.Error = err.Error()
		var pathErr *os.PathError
		if errors.As(err, &pathErr) {
			f.Error = pathErr.Err.Error()
		}
		return f
	}
	began := time.Now()
	f.Text, _ = eye.Read(img)
	f.Ms = float64(time.Since(began).Microseconds()) / 1000
	return f
}

func (f found) String() string {
	switch {
	case f.Error != "":
		return fmt.Sprintf("%s: cannot be read: %s", f.File, f.Error)
	case f.Text == "":
		return fmt.Sprintf("%s: no code (%.1f ms)", f.File, f.Ms)
	}
	return fmt.Sprintf("%s: %q (%.1f ms)", f.File, f.Text, f.Ms)
}
