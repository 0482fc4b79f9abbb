package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A board is a kind of machine that there are images for. What it has beside the common files is in the folder of its name, in
// configs/image: packages, files of the system (root), of the partition RAILGATE (first), and of a slot's boot partition (boot).
type board struct {
	name       string
	like       string // the board of which it has packages, root and overlays, too
	arch       string // Debian's name
	triplet    string // of its libraries' folder
	kiosk      bool   // it has a screen
	bootloader string // lines of RAUC's system.conf
	slotBytes  int64
	slotFile   string   // of the boot partition: it tells the kernel which slot it is, by the words @SLOT@ and @slot@
	firstType  string   // of the partition RAILGATE
	hybrid     bool     // an MBR that has the first partitions as well, for a firmware that knows nothing else
	firmware   []string // packages that are not installed, but of which files go onto the FAT partitions
	itsKernel  bool     // Debian's kernel is not for it: one is given
}

const (
	mib = 1 << 20
	gib = 1 << 30
)

var boards = []board{
	{
		name: "raspberry-pi", arch: "arm64", triplet: "aarch64-linux-gnu", slotFile: "boot.env", kiosk: true, slotBytes: 3 * gib / 2, firstType: basicData, hybrid: true,
		bootloader: "bootloader=uboot", // its firmware's own way needs a kernel that Debian does not have
		firmware:   []string{"raspi-firmware", "u-boot-rpi"},
	},
	{
		name: "raspberry-pi-tryboot", like: "raspberry-pi", arch: "arm64", triplet: "aarch64-linux-gnu", slotFile: "cmdline.txt", kiosk: true, slotBytes: 3 * gib / 2, firstType: basicData, hybrid: true,
		bootloader: "bootloader=custom\n\n[handlers]\nbootloader-custom-backend=/usr/lib/railgate/slots",
		firmware:   []string{"raspi-firmware"}, itsKernel: true,
	},
	{
		name: "pc", arch: "amd64", triplet: "x86_64-linux-gnu", slotFile: "slot.cfg", kiosk: true, slotBytes: 3 * gib / 2, firstType: efiSystem,
		bootloader: "bootloader=grub\ngrubenv=/boot/railgate/grubenv",
		firmware:   []string{"shim-signed", "grub-efi-amd64-signed"},
	},
	{
		name: "virt", arch: "arm64", triplet: "aarch64-linux-gnu", slotFile: "boot.env", slotBytes: gib / 2, firstType: basicData,
		bootloader: "bootloader=uboot",
	},
}

func boardNamed(name string) (board, error) {
	var names []string
	for _, b := range boards {
		if b.name == name {
			return b, nil
		}
		names = append(names, b.name)
	}
	return board{}, fmt.Errorf("board %q; want one of %s", name, strings.Join(names, ", "))
}

// folders are those below configs/image that are the board's, in order: what a later one has counts.
func (b board) folders() []string {
	if b.like != "" {
		return []string{b.like, b.name}
	}
	return []string{b.name}
}

// packages are Debian's packages of an image, in order.
func (b *build) packages() ([]string, error) {
	lists := []string{"packages"}
	for _, folder := range b.folders() {
		lists = append(lists, filepath.Join(folder, "packages"))
	}
	if b.kiosk {
		lists = append(lists, "packages.kiosk")
	}
	var all []string
	for _, list := range lists {
		names, err := readList(filepath.Join(b.configs, list))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// readList reads a file with a name a line; # begins a comment.
func readList(path string) (names []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		names = append(names, strings.Fields(text)...)
	}
	return names, lines.Err()
}
