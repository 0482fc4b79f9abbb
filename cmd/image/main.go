// Image makes the disk of a gate from Debian's packages and ours, and the bundle by which a gate in service gets the
// same system: make image BOARD=NAME calls it.
//
// The disk is the same on every board:
//
//	1  RAILGATE         FAT32: how the board chooses a slot, and what a technician's laptop reads and writes
//	2  railgate-boot-a  FAT32: what the board's firmware or bootloader reads of slot A, its kernel too
//	3  railgate-boot-b  the same of slot B
//	4  railgate-a       squashfs: the system of slot A, never written to while it runs
//	5  railgate-b       the same of slot B
//	6  railgate-data    ext4: what the gate keeps; it grows to the end of the disk at the first boot
//
// A slot is two partitions because a Raspberry Pi's firmware reads nothing but FAT, and chooses between partitions. What is
// in the system is read from configs/image: packages, files, and what each board has of its own. Nothing is mounted, and no device
// is used: mmdebstrap makes the system, mksquashfs the slots, mtools the FAT, sfdisk the table.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A build is one image in the making.
type build struct {
	board
	configs string    // the folder configs/image
	boards  string    // the folder configs/boards
	out     string    // the folder that gets everything
	debs    string    // the folder of our packages
	kernel  string    // another kernel than Debian's: a package of Debian's form
	version string    // Debian's, of our packages
	epoch   time.Time // what was made now says that it was made then
	key     string    // signs the bundle; "": a key for development
	cert    string    // of the key
	keyring string    // certificates whose bundles the image takes; "": cert
	started time.Time
	listed  bool // apt knows which packages there are
}

func main() {
	b := build{started: time.Now()}
	name := flag.String("board", "", "raspberry-pi, raspberry-pi-tryboot, pc or virt")
	flag.StringVar(&b.kernel, "kernel", "", "package of another kernel than Debian's (.deb)")
	epoch := flag.Int64("epoch", 0, "the time that files have, in seconds since 1970")
	flag.StringVar(&b.configs, "configs", "configs/image", "folder of packages and files")
	flag.StringVar(&b.boards, "boards", "configs/boards", "folder of the boards' configurations")
	flag.StringVar(&b.out, "out", "build/image", "folder for what is made")
	flag.StringVar(&b.debs, "debs", "build/deb", "folder of railgate's packages")
	flag.StringVar(&b.version, "version", "", "of railgate's packages, without their revision")
	flag.StringVar(&b.key, "key", "", "PEM file of the key that signs the bundle; without one, a key for development is made")
	flag.StringVar(&b.cert, "cert", "", "PEM file of its certificate")
	flag.StringVar(&b.keyring, "keyring", "", "PEM file of the certificates whose bundles a gate takes; without one, the certificate")
	flag.Parse()
	b.epoch = time.Unix(*epoch, 0).UTC()
	var err error
	if b.board, err = boardNamed(*name); err == nil {
		err = b.make()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func (b *build) make() error {
	if b.version == "" {
		return fmt.Errorf("-version is needed: make image BOARD=%s gives it", b.name)
	}
	if b.itsKernel && b.kernel == "" {
		return fmt.Errorf("board %s needs one of Raspberry Pi's kernels, which know tryboot: make image BOARD=%s KERNEL=FILE.deb; BOARD=raspberry-pi goes by U-Boot, with Debian's kernel", b.name, b.name)
	}
	if (b.key == "") != (b.cert == "") {
		return fmt.Errorf("a key and its certificate are needed, or neither: make image BOARD=%s KEY=FILE CERT=FILE", b.name)
	}
	for _, step := range []func() error{b.makeKey, b.makeBase, b.makeRoot, b.makeSlot, b.makeBoot, b.makeRailgate, b.makeDisk, b.makeBundle, b.makeList} {
		if err := step(); err != nil {
			return err
		}
	}
	for _, made := range []string{b.imageFile(), b.bundleFile()} {
		info, err := os.Stat(made)
		if err != nil {
			return err
		}
		fmt.Printf("%s  %d MB\n", made, info.Size()>>20)
	}
	fmt.Println(b.listFile())
	return nil
}

// path is a file that is made on the way, for this board.
func (b *build) path(elem ...string) string {
	return filepath.Join(append([]string{b.out, b.name}, elem...)...)
}

func (b *build) imageFile() string {
	return filepath.Join(b.out, fmt.Sprintf("railgate-%s-%s.img", b.version, b.name))
}

func (b *build) bundleFile() string {
	return filepath.Join(b.out, fmt.Sprintf("railgate-%s-%s.raucb", b.version, b.name))
}

// say tells what is being done now, for what takes long.
func (b *build) say(format string, args ...any) {
	fmt.Printf("image: %4.0f s  %s\n", time.Since(b.started).Seconds(), fmt.Sprintf(format, args...))
}
