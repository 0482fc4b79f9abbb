package scanner

import (
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"railgate/driver/drivertest"

	"golang.org/x/sys/unix"
)

// Each file that cannot be read is a line of the log, once, and the others are read.
func TestFilesOfAFolderThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, log := t.TempDir(), new(drivertest.Log)
		path := func(name string) string { return filepath.Join(dir, name) }
		good := encodePNG(t, picture(t, "RG1:GOOD"))
		err := errors.Join(
			os.WriteFile(path("good.png"), good, 0o600), os.WriteFile(path("half.png"), good[:100], 0o600), os.WriteFile(path("text.jpg"), []byte("text"), 0o600),
			os.WriteFile(path("large.jpg"), []byte("\xff\xd8"), 0o600), os.Truncate(path("large.jpg"), 300<<20),
			os.Symlink(path("good.png"), path("link.png")), unix.Mkfifo(path("pipe.png"), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		f, err := openFolder(dir, 10, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		seen := 0
		for range 100 { // ten seconds
			if err := f.next(t.Context(), func(img *image.Gray, _ time.Time) {
				if img != nil {
					seen++
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		if seen != 25 {
			t.Errorf("the good picture was seen %d times in 100; want each fourth", seen)
		}
		for name, words := range map[string]string{
			"half.png": "not enough pixel data", "text.jpg": "not a PNG", "large.jpg": "larger than 16 MB", "link.png": "is a link", "pipe.png": "is a link or a device",
		} {
			var lines []string
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "picture="+name) {
					lines = append(lines, line)
				}
			}
			if len(lines) != 1 || !strings.Contains(lines[0], words) {
				t.Errorf("%s: %q; want one line with %q", name, lines, words)
			}
		}
	})
}

// A file that could not be read is not read at each turn, but again after a while, though it
// looks the same: it may have been completed within the clock's tick.
func TestAFileThatCouldNotBeReadIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path, good := filepath.Join(dir, "a.png"), encodePNG(t, picture(t, "RG1:GOOD"))
		write := func(data []byte) {
			if err := errors.Join(os.WriteFile(path, data, 0o600), os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0))); err != nil {
				t.Fatal(err)
			}
		}
		write(make([]byte, len(good)))
		f := &folder{dir: dir, log: slog.New(slog.DiscardHandler), cache: map[string]cached{}}
		if f.load("a.png") != nil {
			t.Fatal("zeros are a picture")
		}
		write(good)
		time.Sleep(readAgain - time.Millisecond)
		if f.load("a.png") != nil {
			t.Errorf("it is read again within %v", readAgain)
		}
		time.Sleep(time.Millisecond)
		if f.load("a.png") == nil {
			t.Errorf("it is not read again after %v", readAgain)
		}
	})
}

// A link that took a file's place after the folder was listed is not followed.
func TestALinkIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a.png"), filepath.Join(dir, "link.png")
	if err := errors.Join(os.WriteFile(path, encodePNG(t, picture(t, "RG1:GOOD")), 0o600), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	if img, err := frame(link); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("%v, %v; want an error", img != nil, err)
	}
}

// Pictures that are played again and again are kept, but not more than there is room for.
func TestPicturesThatAreKept(t *testing.T) {
	f := &folder{cache: map[string]cached{}}
	for i := range 3 * maxCached {
		f.keep(fmt.Sprint(i), cached{img: image.NewGray(image.Rect(0, 0, 1024, 1024))})
		kept := 0
		for _, c := range f.cache {
			if c.img != nil {
				kept += len(c.img.Pix)
			}
		}
		if kept > maxKept || len(f.cache) > maxCached {
			t.Fatalf("%d files and %d bytes are kept; want up to %d and %d", len(f.cache), kept, maxCached, maxKept)
		}
	}
}
