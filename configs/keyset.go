package configs

import (
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"railgate/verify"
)

// MaxKeyset bounds a keyset's file: some 800,000 revoked certificates.
const MaxKeyset = 64 << 20

// ReadKeyset reads a keyset's file: a regular one (a link may lead to it) of MaxKeyset
// bytes at most. It waits for no writer of a FIFO and opens no device. The info is of
// the file that was read, whatever has become of its name since.
func ReadKeyset(path string) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(path) // before it is opened: that alone sets some devices off
	if err == nil {
		err = isKeyset(path, info)
	}
	if err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err == nil {
		err = isKeyset(path, info)
	}
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxKeyset+1)) // it may grow meanwhile
	if err == nil && len(data) > MaxKeyset {
		err = fmt.Errorf("%s is growing beyond %d bytes", quote(path), MaxKeyset)
	}
	return data, info, err
}

func isKeyset(path string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is %s, not a file", quote(path), kindOf(info.Mode()))
	case info.Size() > MaxKeyset:
		return fmt.Errorf("%s has %d bytes; a keyset has %d at most", quote(path), info.Size(), MaxKeyset)
	}
	return nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

// A KeysetFile is a keyset's file as it was read.
type KeysetFile struct {
	Data []byte
	Info fs.FileInfo
	Keys *verify.Keyset
}

// ReadKeysetFile reads a keyset's file, as [ReadKeyset] does, and what it says.
func ReadKeysetFile(path string) (*KeysetFile, error) {
	data, info, err := ReadKeyset(path)
	if err != nil {
		return nil, err
	}
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", quote(path), err)
	}
	return &KeysetFile{data, info, keys}, nil
}

// CheckKeyset reads the file of keys; nil where none is configured. Its error is a
// [Problem].
func (c *Config) CheckKeyset() (*KeysetFile, error) {
	if c.Keys == "" {
		return nil, nil
	}
	f, err := ReadKeysetFile(c.Keys)
	if err != nil {
		return nil, c.Problem("keys", "%v; put a good keys.json from the issuer there", err)
	}
	return f, nil
}
