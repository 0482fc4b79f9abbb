package scanner

import (
	"context"
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

	"railgate/driver"
	"railgate/driver/drivertest"
)

func runCamera(t *testing.T, dir string) (c *Camera, readings chan driver.Reading, log *drivertest.Log) {
	readings, log = make(chan driver.Reading, 1000), new(drivertest.Log)
	c = NewCamera(CameraConfig{Name: "eye", Frames: dir, FPS: 200}, slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, func(r driver.Reading) { readings <- r }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
	})
	return c, readings, log
}

func waitReading(t *testing.T, readings chan driver.Reading, text string) {
	t.Helper()
	for {
		select {
		case r := <-readings:
			if r.Text == text && r.Scanner == "eye" {
				return
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no reading of %q", text)
		}
	}
}

func TestCameraSeesWhatIsInItsFolder(t *testing.T) {
	dir := t.TempDir()
	_, readings, _ := runCamera(t, dir)
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("b.png", encodePNG(t, picture(t, "RG1:B")))
	waitReading(t, readings, "RG1:B")
	waitReading(t, readings, "RG1:B") // as a camera that goes on looking
	write("a.jpg", encodeJPEG(t, picture(t, "RG1:A")))
	write("c.png", encodePNG(t, picture(t, "RG1:C"))[:200]) // still being written
	write("note.txt", []byte("no picture"))
	waitReading(t, readings, "RG1:A")
	waitReading(t, readings, "RG1:B")
	write("c.png", encodePNG(t, picture(t, "RG1:C")))
	waitReading(t, readings, "RG1:C")
}

func TestCameraSurvivesUnplugging(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "frames")
	c, readings, log := runCamera(t, dir)
	for c.Health().Err == "" {
		<-time.After(time.Millisecond)
	}
	if !strings.Contains(log.String(), dir) {
		t.Errorf("log does not name the folder:\n%s", log)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.png"), encodePNG(t, picture(t, "RG1:A")), 0o600); err != nil {
		t.Fatal(err)
	}
	waitReading(t, readings, "RG1:A")
	if !c.Health().Up {
		t.Error("a camera that sees is not up")
	}
}

// hung is a camera that can be opened and gives no frame.
type hung struct{ opened int }

func (h *hung) next(ctx context.Context, _ func(*image.Gray, time.Time)) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(5 * time.Second):
		return errors.New("delivers no frames")
	}
}

func (h *hung) close() error { return nil }

// A reason that counts is logged once a minute, and not at each try; a device that was up, at once.
func TestChangingReasonsAreLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, m, tries := new(drivertest.Log), new(driver.Monitor), 0
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		err := keepTrying(ctx, m, slog.New(slog.NewTextHandler(log, nil)), "camera", func() error {
			if tries++; tries == 2 {
				m.Up()
			}
			return fmt.Errorf("%d damaged", tries)
		})
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		// The first, the one after it was up, and those of two minutes.
		if err != nil || tries < 30 || len(lines) != 4 || !strings.Contains(lines[1], "2 damaged") {
			t.Errorf("%v, %d tries, log:\n%s\nwant four lines", err, tries, log)
		}
	})
}

func TestCameraThatHangsIsNeverUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, h := new(drivertest.Log), new(hung)
		c := NewCamera(CameraConfig{Name: "eye", Device: "/dev/video0"}, slog.New(slog.NewTextHandler(log, nil)))
		c.open = func() (frames, error) { h.opened++; return h, nil }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx, func(driver.Reading) { t.Error("a reading") }) }()
		for range 59 {
			time.Sleep(time.Second)
			if c.Health().Up {
				t.Fatal("a camera without a frame is up")
			}
		}
		if err := <-done; err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
		if h.opened < 5 {
			t.Errorf("opened %d times in a minute; want again and again", h.opened)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "delivers no frames") {
			t.Errorf("%d lines of log; want one that says why:\n%s", n, log)
		}
	})
}
