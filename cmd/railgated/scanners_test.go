package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"rsc.io/qr"
)

// Who showed a code while the process was stopped may have gone: the code opens nothing when
// it goes on, however long it was stopped.
func TestCodesFromWhileItWasStoppedOpenNothing(t *testing.T) {
	t.Parallel()
	d := newSite(t, "").start()
	for i, stopped := range []time.Duration{1500 * time.Millisecond, 3 * time.Second} {
		if err := d.cmd.Process.Signal(unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		// The signal is on its way: only the kernel knows when the last thread has stopped.
		if err := unix.Waitid(unix.P_PID, d.cmd.Process.Pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil); err != nil {
			t.Fatal(err)
		}
		d.scan(d.code())
		d.scan(d.code())
		time.Sleep(stopped)
		if err := d.cmd.Process.Signal(unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		d.until("flushed", func() bool {
			return strings.Count(d.log.String(), "is dropped") == i+1 || d.count(decided("granted", "ok")) > i
		})
		d.scan(d.code()) // it comes behind the others
		d.waitFor(i+1, decided("granted", "ok"))
		d.wantPulses(i + 1)
	}
}

// A scanner of another setting is read, and its status says what it sends.
func TestStatusNamesTheSuffixThatIsSeen(t *testing.T) {
	t.Parallel()
	d := newSite(t, "").start()
	if _, err := d.port.WriteString(`]Q2\000026` + d.code() + "\t"); err != nil {
		t.Fatal(err)
	}
	d.waitFor(1, decided("granted", "ok"))
	if front := d.status().Devices[0]; front.Suffix != "TAB" || !strings.Contains(front.Note, `suffix = "\t"`) {
		t.Errorf("status has %+v; want the suffix TAB and what to set", front)
	}
}

// A sticker in the camera's view hides no code, and status says that it is there.
func TestAStickerBeforeTheCameraHidesNoCode(t *testing.T) {
	t.Parallel()
	s, url := withScreen(t)
	frames := s.path("frames")
	if err := os.Mkdir(frames, 0o700); err != nil {
		t.Fatal(err)
	}
	s.config += fmt.Sprintf("[[scanner]]\nname = \"eye\"\ndriver = \"camera\"\nframes = %q\nfps = 30\n", frames)
	s.write("gate.toml", s.config)
	d := s.start()
	show := func(codes ...string) {
		t.Helper()
		img := image.NewGray(image.Rect(0, 0, 1280, 720))
		x := 20
		for i, text := range codes {
			code, err := qr.Encode(text, qr.M)
			if err != nil {
				t.Fatal(err)
			}
			picture, err := png.Decode(bytes.NewReader(code.PNG()))
			if err != nil {
				t.Fatal(err)
			}
			at := picture.Bounds().Add(image.Pt(x, 20+100*i))
			draw.Draw(img, at, picture, image.Point{}, draw.Src)
			x = at.Max.X
		}
		var file bytes.Buffer
		if err := errors.Join(png.Encode(&file, img), os.WriteFile(filepath.Join(frames, "new"), file.Bytes(), 0o600), os.Rename(filepath.Join(frames, "new"), filepath.Join(frames, "view.png"))); err != nil {
			t.Fatal(err)
		}
	}
	const sticker = "HTTPS://EXAMPLE.COM/RATE-US"
	show(sticker)
	d.waitFor(1, decided("denied", "malformed"))
	d.until("counted", func() bool { return d.status().Devices[1].Foreign > 10 })
	if _, text, _ := get(t, url+"/metrics"); !regexp.MustCompile(`(?m)^railgate_foreign_texts_total\{scanner="eye"\} [1-9][0-9]+$`).MatchString(text) || !strings.Contains(text, "railgate_foreign_texts_total{scanner=\"front\"} 0\n") {
		t.Errorf("metrics do not count the sticker:\n%s", text)
	}
	show(sticker, d.code(), d.code())
	d.waitFor(2, decided("granted", "ok"))
	d.waitFor(1, decided("denied", "malformed"))
}
