package main

import (
	"bufio"
	"fmt"
	"image"
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// serve answers paths of pictures as peers/peer.h says, with a reader in Go; the third
// column is the allocations that reading made.
func serve(in io.Reader, out io.Writer, read reader) error {
	lines := bufio.NewScanner(in)
	img, room := &image.Gray{}, []byte(nil)
	for lines.Scan() {
		var err error
		if room, err = loadInto(img, lines.Text(), room); err != nil {
			return err
		}
		if err := answer(out, img, read); err != nil {
			return err
		}
	}
	return lines.Err()
}

func answer(out io.Writer, img *image.Gray, read reader) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin, err := cpuNow()
	if err != nil {
		return err
	}
	text, ok := read(img)
	end, err := cpuNow()
	if err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	line := fmt.Sprintf("%d %d", end-begin, after.Mallocs-before.Mallocs)
	if ok {
		line += fmt.Sprintf(" x%x", text)
	}
	_, err = fmt.Fprintln(out, line)
	return err
}

// cpuNow is the processor's time that this process has used, the collector's with it,
// in nanoseconds.
func cpuNow() (int64, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return t.Nano(), err
}

// loadInto reads a PGM into img; its pixels are in room, or in larger room, which is
// given back.
func loadInto(img *image.Gray, path string, room []byte) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return room, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return room, err
	}
	if int64(cap(room)) < info.Size() {
		room = make([]byte, info.Size())
	}
	room = room[:info.Size()]
	if _, err := io.ReadFull(f, room); err != nil {
		return room, err
	}
	plain, err := parsePGM(room)
	if err != nil {
		return room, fmt.Errorf("%s: %w", path, err)
	}
	*img = *plain
	return room, nil
}
