//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Device is a camera that is plugged in.
type Device struct {
	Path   string   // such as /dev/video0; the number depends on what was plugged in before
	ByID   []string // links in /dev/v4l/by-id: names that last
	Driver string   // such as uvcvideo
	Card   string   // what it calls itself
	Bus    string   // where it is plugged in
	Offers []Offer

	// Err is why nothing but Path and ByID is known: often a want of permission.
	Err error
}

// List returns the cameras of this machine, by number. Nodes that can be opened and are not cameras,
// such as outputs and a USB camera's metadata, are left out.
func List() ([]Device, error) { return list(linux{}) }

func list(k kernel) ([]Device, error) {
	entries, err := os.ReadDir(k.dev())
	if err != nil {
		return nil, fmt.Errorf("listing cameras: %w", err)
	}
	links := byID(k.dev())
	var devices []Device
	for _, number := range videoNumbers(entries) {
		path := filepath.Join(k.dev(), "video"+strconv.Itoa(number))
		d := Device{Path: path, ByID: links[path]}
		if d.inspect(k) {
			devices = append(devices, d)
		}
	}
	return devices, nil
}

// videoNumbers returns the numbers of the entries called video and a number, ascending.
func videoNumbers(entries []os.DirEntry) []int {
	var ns []int
	for _, e := range entries {
		s, ok := strings.CutPrefix(e.Name(), "video")
		if n, err := strconv.Atoi(s); ok && err == nil && n >= 0 {
			ns = append(ns, n)
		}
	}
	slices.SortFunc(ns, cmp.Compare[int])
	return ns
}

// inspect fills d, and returns false if its node is not a camera.
func (d *Device) inspect(k kernel) bool {
	n, err := openNode(k, d.Path)
	var no *notCameraError
	if errors.As(err, &no) {
		return false
	}
	if err != nil {
		d.Err = err
		return true
	}
	defer k.close(n.fd)
	d.Driver, d.Card, d.Bus = cString(n.caps.driver[:]), cString(n.caps.card[:]), cString(n.caps.bus[:])
	d.Offers = n.offers()
	return true
}

// byID returns, by node, the links that udev makes to it.
func byID(dev string) map[string][]string {
	links, _ := filepath.Glob(filepath.Join(dev, "v4l/by-id/*")) // the pattern is sound; no directory, no links
	by := map[string][]string{}
	for _, l := range links {
		if target, err := filepath.EvalSymlinks(l); err == nil {
			by[target] = append(by[target], l)
		}
	}
	return by
}

// name is how to ask for the device: by the name that lasts, if it has one.
func (d Device) name() string {
	path := d.Path
	if len(d.ByID) > 0 {
		path = d.ByID[0]
	}
	if d.Card == "" {
		return path
	}
	return fmt.Sprintf("%s (%q)", path, d.Card)
}

// elsewhere adds to err, the reason why a node is not available, the cameras that are.
func elsewhere(k kernel, err error) error {
	ds, lerr := list(k)
	if lerr != nil || len(ds) == 0 {
		return fmt.Errorf("%w; no camera is plugged in", err)
	}
	names := make([]string, len(ds))
	for i, d := range ds {
		names[i] = d.name()
	}
	return fmt.Errorf("%w; plugged in: %s", err, strings.Join(names, ", "))
}
