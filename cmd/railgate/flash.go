package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"railgate/cmd/control"
	"railgate/cmd/progress"
	"railgate/cmd/railgate/flash"
	"railgate/configs"
	"railgate/store/durable"
	"railgate/verify"
)

func newFlash() *cobra.Command {
	f := flashing{host: flash.ThisHost()}
	c := &cobra.Command{
		Use:   "flash IMAGE DISK",
		Short: "Write an image of a gate to a card or a disk",
		Long: `Flash writes an image (.img, or packed: .img.zst, .img.xz, .img.gz) to a card or a disk of this
machine. It reads the image to its end first, and compares it with SHA256SUMS where that is beside
it. It shows what will be erased, asks, writes, waits until the disk has everything, reads all of it
back and compares. It refuses the system's disk, what is mounted, and, without --fixed, what is
built in. --provision puts a gate's provisioning code, or its settings, into the image's own
partition, from where the gate takes it when it starts.

Pulled or stopped in the middle, the disk starts nowhere: run it again.`,
		Example: "  railgate flash --list\n  railgate flash railgate-raspberry-pi.img.zst /dev/sdb --provision lane-3.provision",
		Args: func(c *cobra.Command, args []string) error {
			if f.list {
				return cobra.NoArgs(c, args)
			}
			return cobra.RangeArgs(1, 2)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			f.in, f.out, f.errOut = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, unix.SIGTERM)
			defer stop()
			return f.run(ctx, args)
		},
	}
	flags := c.Flags()
	flags.BoolVar(&f.list, "list", false, "list the disks, and write nothing")
	flags.BoolVar(&f.yes, "yes", false, "do not ask before the disk is erased")
	flags.BoolVar(&f.fixed, "fixed", false, "write to a disk that is built in, too; never the system's")
	flags.StringVar(&f.provision, "provision", "", "put the `file` of a gate's provisioning code or settings into the image's partition")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	return c
}

// A flashing writes one image to one disk.
type flashing struct {
	host             flash.Host
	in               io.Reader
	out, errOut      io.Writer
	list, yes, fixed bool
	json             bool
	provision        string
}

func (f *flashing) run(ctx context.Context, args []string) error {
	disks, err := f.host.Disks()
	if err != nil {
		return err
	}
	if f.list {
		return f.printDisks(f.out, disks)
	}
	if len(args) == 1 {
		if err := f.printDisks(f.errOut, disks); err != nil {
			return err
		}
		return usageError{fmt.Errorf("which disk? railgate flash %s DISK", control.Quote(args[0]))}
	}
	name, file, err := readProvision(f.provision)
	if err != nil {
		return err
	}
	if err := f.refuse(disks, args[1]); err != nil {
		return err
	}
	target, err := flash.OpenTarget(args[1])
	if err != nil {
		return err
	}
	defer target.Close()
	if same(args[0], args[1]) {
		return fmt.Errorf("%s is the image itself; want the disk that it is to be written to; nothing was written", args[1])
	}
	img, err := f.check(ctx, args[0], target)
	if err != nil {
		return err
	}
	if err := f.ask(ctx, disks, target); err != nil {
		return err
	}
	begun := time.Now()
	if err := f.write(ctx, target, img); err != nil {
		return err
	}
	if file != nil {
		if err := target.Put(img, name, file); err != nil {
			return err
		}
	}
	target.Reread()
	return f.tell(target, img, name, time.Since(begun))
}

// refuse says why a disk is not written.
func (f *flashing) refuse(disks []flash.Disk, path string) error {
	name := f.host.Name(path)
	d, listed := flash.Find(disks, name)
	switch {
	case listed && d.Why != "":
		return fmt.Errorf("%s is not written: it is %s", d.Path, d.Why)
	case listed && !d.Removable && !f.fixed:
		return fmt.Errorf("%s (%s) is built in, and not written; if it is the right one: --fixed", d.Path, describeDisk(d))
	case listed:
		return nil
	}
	if whole := wholeDisk(disks, name); whole != "" {
		return fmt.Errorf("%s is a part of a disk; an image needs the whole disk: %s", path, whole)
	}
	if f.host.Made(name) {
		return fmt.Errorf("%s (%s) is made of other disks; an image needs a whole one: railgate flash --list", path, name)
	}
	return nil // a file in a disk's place, as an emulator has it, or none
}

func wholeDisk(disks []flash.Disk, path string) string {
	for _, d := range disks {
		for _, p := range d.Partitions {
			if p.Path == path {
				return d.Path
			}
		}
	}
	return ""
}

// check reads the image to its end.
func (f *flashing) check(ctx context.Context, path string, target *flash.Target) (*flash.Image, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	bar := progress.Bytes(f.errOut, "checking the image", info.Size())
	img, err := flash.CheckImage(ctx, path, bar)
	bar.Clear()
	switch {
	case errors.Is(err, context.Canceled):
		return nil, errStopped
	case err != nil:
		return nil, fmt.Errorf("%w; nothing was written", err)
	case img.Size > target.Size:
		return nil, fmt.Errorf("the image needs %s, and %s has %s: take a larger one; nothing was written", size(img.Size), target.Path, size(target.Size))
	}
	listed := "SHA256SUMS has it"
	if !img.Listed {
		listed = "no SHA256SUMS beside it to compare with"
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "SHA256SUMS")); err == nil {
			listed = "SHA256SUMS beside it does not list this name, so nothing was compared"
		}
	}
	fmt.Fprintf(f.errOut, "%s: an image of a gate, %s; %s\n", filepath.Base(path), size(img.Size), listed)
	return img, nil
}

// same tells whether two paths lead to one file.
func same(a, b string) bool {
	one, errA := os.Stat(a)
	other, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(one, other)
}

// errStopped is a person's Ctrl-C, or a signal, before anything was lost.
var errStopped = errors.New("stopped; nothing was written")

// ask shows what is lost, and asks for the disk's name.
func (f *flashing) ask(ctx context.Context, disks []flash.Disk, target *flash.Target) error {
	d, listed := flash.Find(disks, target.Path)
	if !listed {
		d = flash.Disk{Path: target.Path, Size: target.Size}
	}
	fmt.Fprintf(f.errOut, "%s (%s) will be erased", d.Path, describeDisk(d))
	for i, p := range d.Partitions {
		sep := ", "
		if i == 0 {
			sep = ", with everything on it: "
		}
		fmt.Fprintf(f.errOut, "%s%s", sep, strings.TrimSpace(fmt.Sprintf("%s %s %s", filepath.Base(p.Path), size(p.Size), visible(p.Label))))
	}
	fmt.Fprintln(f.errOut, ".")
	if f.yes {
		return nil
	}
	if in, ok := f.in.(*os.File); ok && !term.IsTerminal(int(in.Fd())) {
		return usageError{errors.New("nobody is there to ask; --yes goes on without. Nothing was written")}
	}
	name := filepath.Base(d.Path)
	fmt.Fprintf(f.errOut, "Type %s to erase it: ", name)
	answer, err := readLine(ctx, f.in)
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(f.errOut)
		return errStopped
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if got := strings.TrimSpace(answer); got != name && got != d.Path {
		return errors.New("nothing was written")
	}
	return nil
}

// readLine reads a line that a person types, or ends with ctx: the reading goes on then until the
// process ends.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(in).ReadString('\n')
		got <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-got:
		return a.line, a.err
	}
}

func (f *flashing) write(ctx context.Context, target *flash.Target, img *flash.Image) error {
	for _, step := range []struct {
		what string
		do   func(context.Context, *flash.Image, io.Writer) error
	}{{"writing", target.Write}, {"reading back", target.Compare}} {
		bar := progress.Bytes(f.errOut, step.what, img.Size)
		err := step.do(ctx, img, bar)
		bar.Clear()
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("stopped while %s; %s may start nowhere now: run it again", step.what, target.Path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *flashing) tell(target *flash.Target, img *flash.Image, name string, took time.Duration) error {
	if f.json {
		return json.NewEncoder(f.out).Encode(struct {
			*flash.Image
			Disk      string  `json:"disk"`
			Seconds   float64 `json:"seconds"`
			Provision string  `json:"provision,omitempty"`
		}{img, target.Path, took.Seconds(), name})
	}
	fmt.Fprintf(f.out, "%s is written, and was read back: it is the image, %s in %v", target.Path, size(img.Size), took.Round(time.Second))
	if name != "" {
		fmt.Fprintf(f.out, ", with %s", name)
	}
	_, err := fmt.Fprintln(f.out, ".\nTake it out, put it into the gate, and switch the gate on.")
	return err
}

func (f *flashing) printDisks(out io.Writer, disks []flash.Disk) error {
	if f.json && f.list {
		return json.NewEncoder(out).Encode(disks)
	}
	if len(disks) == 0 {
		_, err := fmt.Fprintln(out, "This machine has no disks. Plug the card reader in.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DISK\tSIZE\tNAME\tMAY BE WRITTEN")
	for _, d := range disks {
		may := "yes"
		switch {
		case d.Why != "":
			may = "no: " + visible(d.Why)
		case d.ReadOnly:
			may = "no: write-protected"
		case !d.Removable:
			may = "only with --fixed: it is built in"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", d.Path, size(d.Size), nameOf(d), may)
	}
	return w.Flush()
}

func nameOf(d flash.Disk) string {
	return strings.TrimSpace(visible(d.Model) + " " + strings.ToUpper(d.Transport))
}

func describeDisk(d flash.Disk) string {
	return strings.TrimSuffix(size(d.Size)+", "+nameOf(d), ", ")
}

func size(n int64) string { return humanize.Bytes(uint64(n)) }

// readProvision reads what --provision names, and says what it is called on the image.
func readProvision(path string) (name string, data []byte, err error) {
	if path == "" {
		return "", nil, nil
	}
	if data, err = durable.ReadFile(path, 1<<20); err != nil {
		return "", nil, err
	}
	if text := strings.Trim(string(data), "\ufeff\r\n\t "); strings.HasPrefix(text, verify.ProvisionPrefix) {
		if _, err := verify.ParseProvision(text); err != nil {
			return "", nil, fmt.Errorf("%s: %w: it is damaged; nothing was written", path, err)
		}
		return "railgate.provision", data, nil
	}
	if _, err := configs.ParseSettings(path, data); err != nil {
		return "", nil, fmt.Errorf("%s is neither a provisioning code (RGP1:…) nor settings as provisioned.toml has them: %w; nothing was written", path, err)
	}
	return "railgated.toml", data, nil
}
