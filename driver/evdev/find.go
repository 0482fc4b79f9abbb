package evdev

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Find is the device node of the keyboard with a USB vendor and product, such as 0x0c2e and 0x0b61. sys
// and dev are /sys and /dev.
func Find(sys, dev string, vendor, product uint16) (string, error) {
	nodes, _ := filepath.Glob(filepath.Join(sys, "class/input/event*")) // the pattern is good
	var found []string
	for _, node := range nodes {
		if number(node, "device/id/vendor") == int(vendor) && number(node, "device/id/product") == int(product) && isKeyboard(bitmap(node)) {
			found = append(found, filepath.Join(dev, "input", filepath.Base(node)))
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no keyboard %04x:%04x: %w", vendor, product, fs.ErrNotExist)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%d keyboards are %04x:%04x (%s); name one by its path", len(found), vendor, product, strings.Join(found, ", "))
}

// IDs are the USB vendor and product of an event device ("event3"). sys is /sys.
func IDs(sys, name string) (vendor, product uint16, ok bool) {
	node := filepath.Join(sys, "class/input", name)
	v, p := number(node, "device/id/vendor"), number(node, "device/id/product")
	return uint16(max(0, v)), uint16(max(0, p)), v >= 0 && p >= 0
}

// number reads a hexadecimal number of sysfs; -1 where there is none.
func number(node, name string) int {
	data, err := os.ReadFile(filepath.Join(node, name))
	if err != nil {
		return -1
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(data)), 16, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

// bitmap is which keys a device has. Sysfs writes words in hexadecimal, the last first.
func bitmap(node string) []byte {
	keys := make([]byte, maxKey/8+1)
	data, err := os.ReadFile(filepath.Join(node, "device/capabilities/key"))
	if err != nil {
		return keys
	}
	words := strings.Fields(string(data))
	for i := range words {
		w, err := strconv.ParseUint(words[len(words)-1-i], 16, 64)
		if err != nil {
			return keys
		}
		for j := 0; j < wordSize && i*wordSize+j < len(keys); j++ {
			keys[i*wordSize+j] = byte(w >> (8 * j))
		}
	}
	return keys
}

// wordSize is that of a word there, in bytes. A 32-bit program is shown words of 32 bits by a 64-bit
// kernel too (input_bits_to_string).
const wordSize = strconv.IntSize / 8
