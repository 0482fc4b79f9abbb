package main

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
	"railgate/cmd/progress"
	"railgate/store/journal"
	"railgate/verify/lane"
)

const supportLong = `Support-bundle writes one file with what somebody far away needs to see what is wrong with this
gate: its status, what the doctor finds, its configuration, its log, metrics, counts of its journal by
hour and reason, versions, and what the kernel says of its devices and its disk. README.txt in it says
what each file is.

It has no personal data: no codes, no ids of holders or certificates, no names, no reasons that staff
gave, no keys, no passwords. It works while railgated is stopped; run as root it has more. It changes
nothing at the gate, except that the doctor writes and removes a small file to time the disk.`

func newSupportBundle(g *gate) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:     "support-bundle",
		Short:   "Write one file without personal data, for who helps from afar",
		Long:    supportLong,
		Example: "  sudo railgate support-bundle\n  sudo railgate support-bundle --output /media/usb/a07.tar.gz",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b := newSupport(g, thisHost(), time.Now())
			path, size, err := b.write(c.Context(), output, c.ErrOrStderr())
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s (%s)\n", path, bytesOf(size))
			fmt.Fprintf(c.ErrOrStderr(), "It has no personal data: README.txt in it says what each file is. Copy it to a USB stick, or\nfetch it with scp, and send it to who helps you. Then remove it: rm %s\n", control.Quote(path))
			return nil
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "the `file` to write (default: railgate-support-STATION-GATE-TIME.tar.gz here)")
	return c
}

const (
	maxPart   = 1 << 20 // bytes of one file of a bundle
	maxBundle = 8 << 20
)

// A support makes a bundle for who helps from afar.
type support struct {
	patient *patient
	host    *host
	now     time.Time
	zone    *time.Location
	scrub   *scrubber
	parts   []supportPart
}

// A supportPart is one file of a bundle.
type supportPart struct {
	name  string
	about string
	make  func(ctx context.Context) (string, error)
}

func newSupport(g *gate, h *host, now time.Time) *support {
	b := &support{patient: &patient{gate: g, host: h}, host: h, now: now, zone: lane.Shanghai}
	b.parts = b.allParts()
	return b
}

// write writes the bundle's file, which is whole or not there.
func (b *support) write(ctx context.Context, path string, errOut io.Writer) (string, int64, error) {
	findings := b.patient.examine(ctx)
	if s := b.patient.status; s != nil {
		b.zone = zoneOf(s.Zone)
	}
	b.scrub = newScrubber(b.host, b.folderOf())
	name := b.name()
	if path == "" {
		path = name + ".tar.gz"
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", 0, fmt.Errorf("%s is there already; name another file with --output", path)
	}
	if err != nil {
		return "", 0, fmt.Errorf("%w; name another folder with --output", err)
	}
	err = b.archive(ctx, f, name, findings, errOut)
	if err == nil {
		err = f.Sync()
	}
	info, statErr := f.Stat()
	if err = cmp.Or(err, statErr, f.Close()); err != nil {
		os.Remove(path)
		return "", 0, err
	}
	return path, info.Size(), nil
}

// name is the bundle's, and that of the folder in it.
func (b *support) name() string {
	words := []string{"railgate-support"}
	if cfg := b.patient.cfg; cfg != nil {
		for _, w := range []string{cfg.Station, cfg.Gate} {
			if journal.GoodName(w) {
				words = append(words, w)
			}
		}
	}
	return strings.Join(append(words, b.now.UTC().Format("20060102T150405Z")), "-")
}

// archive writes each part, and a list of them. A part that cannot be made is named in the list.
func (b *support) archive(ctx context.Context, w io.Writer, name string, findings []finding, errOut io.Writer) error {
	zip := gzip.NewWriter(w)
	out := tar.NewWriter(zip)
	bar := progress.Count(errOut, "support bundle", int64(len(b.parts)))
	defer bar.Clear()
	list, room := new(strings.Builder), maxBundle
	fmt.Fprintf(list, readmeHead, b.now.In(b.zone).Format("2006-01-02 15:04:05 Z07:00"))
	for _, p := range append(b.parts, b.doctorParts(findings)...) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		text, err := p.make(ctx)
		note := ""
		if err != nil {
			note = "; not complete: " + b.scrub.text(err.Error())
		}
		if text = tailOf(text, min(maxPart, room)); text == "" {
			fmt.Fprintf(list, "%-20s nothing to show%s\n", p.name, note)
			bar.Add(1)
			continue
		}
		room -= len(text)
		fmt.Fprintf(list, "%-20s %s%s\n", p.name, p.about, note)
		if err := b.add(out, name, p.name, text); err != nil {
			return err
		}
		bar.Add(1)
	}
	return cmp.Or(b.add(out, name, "README.txt", list.String()), out.Close(), zip.Close())
}

const readmeHead = `A gate's support bundle, made at %s by railgate support-bundle.

It has no personal data: codes, ids of holders and certificates, names, the reasons that staff gave,
keys and passwords are left out, or are replaced by [blanked]. What is replaced is long hex and base64,
which may also be something harmless.

`

func (b *support) add(out *tar.Writer, folder, name, text string) error {
	h := &tar.Header{Name: folder + "/" + name, Mode: 0o644, Size: int64(len(text)), ModTime: b.now, Format: tar.FormatPAX}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.WriteString(out, text)
	return err
}

// tailOf is the end of a text that is too long, from a line's beginning.
func tailOf(text string, most int) string {
	if len(text) <= most {
		return text
	}
	const note = "[what came before is left out]\n"
	cut := text[len(text)-max(0, most-len(note)):]
	_, cut, _ = strings.Cut(cut, "\n")
	return note + cut
}

// folderOf is the gate's data folder.
func (b *support) folderOf() string { return cmp.Or(b.patient.data, "/var/lib/railgate") }
