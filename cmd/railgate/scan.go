package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"railgate/driver/eye"
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
	var debug string
	var live liveScan
	c := &cobra.Command{
		Use:   "scan FILE… | --camera DEVICE",
		Short: "Read codes from pictures, or look through the camera",
		Long: `Scan reads the QR code in each picture (PNG, JPEG, binary PGM) as the camera's driver does, and says how long
that took. With --camera it looks through a camera, and shows live what it sees, to aim it and to light it.`,
		Example: `  railgate scan --json frame-*.png
  railgate scan --debug /tmp/stages frame.png
  railgate scan --camera /dev/v4l/by-id/usb-HD_Camera-video-index0 --exposure 5ms
  railgate scan --camera /dev/video0 --calibrate`,
		RunE: func(c *cobra.Command, files []string) error {
			switch {
			case live.device != "" && len(files) > 0:
				return usageError{errors.New("scan: --camera and files do not go together")}
			case live.device != "":
				live.asJSON = asJSON
				return live.run(c)
			case live.measure:
				return usageError{errors.New("scan: --calibrate wants a camera, with --camera")}
			case len(files) == 0:
				return usageError{errors.New("scan: name pictures, or a camera with --camera")}
			}
			return scanFiles(c, files, debug, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print NDJSON: file, text, ms")
	c.Flags().StringVar(&debug, "debug", "", "write what each stage saw as pictures into `folder`")
	live.addFlags(c.Flags())
	return c
}

func scanFiles(c *cobra.Command, files []string, debug string, asJSON bool) error {
	reader := eye.NewReader()
	enc := json.NewEncoder(c.OutOrStdout())
	enc.SetEscapeHTML(false)
	failed := false
	for _, file := range files {
		f, err := scanFile(reader, file, debug)
		if err != nil {
			return err
		}
		failed = failed || f.Error != ""
		if asJSON {
			err = enc.Encode(f)
		} else {
			_, err = fmt.Fprintln(c.OutOrStdout(), f)
		}
		if err != nil {
			return err
		}
	}
	if failed {
		return exitError(exitFailed)
	}
	return nil
}

// scanFile reads one picture. Its error is that debug's pictures cannot be written.
func scanFile(reader *eye.Reader, file, debug string) (found, error) {
	f := found{File: file}
	img, err := scanner.Picture(file)
	if err != nil {
		f.Error = strings.TrimPrefix(err.Error(), file+": ")
		var pathErr *os.PathError
		if errors.As(err, &pathErr) {
			f.Error = pathErr.Err.Error()
		}
		return f, nil
	}
	reader.Forget()
	began := time.Now()
	f.Text, _ = reader.Read(img)
	f.Ms = float64(time.Since(began).Microseconds()) / 1000
	if debug == "" {
		return f, nil
	}
	return f, sketch(img, debug, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
}

// sketch reads img again, and writes what each stage of the eye saw into a folder.
func sketch(img *image.Gray, dir, name string) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	reader := eye.NewReader()
	reader.Sketch = func(stage string, img image.Image) {
		if err == nil {
			err = writePNG(filepath.Join(dir, name+"-"+stage+".png"), img)
		}
	}
	reader.Read(img)
	return errors.Join(err, os.WriteFile(filepath.Join(dir, name+"-units.txt"), []byte(costs(reader)), 0o644))
}

// costs says where the work on a picture went, stage by stage.
func costs(reader *eye.Reader) string {
	var b strings.Builder
	for _, c := range reader.Costs() {
		fmt.Fprintf(&b, "%-14s %9d\n", c.Stage, c.Units)
	}
	fmt.Fprintf(&b, "%-14s %9d\n", "all", reader.Spent())
	return b.String()
}

func writePNG(path string, img image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, img), f.Close())
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
