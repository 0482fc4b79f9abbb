package main

import (
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"railgate/cmd/control"
)

// picture is what the display shows. It is kept beside the story.
func (p *pcGate) picture() image.Image {
	p.t.Helper()
	path := filepath.Join(folder(p.t), "stories", strings.ReplaceAll(p.t.Name(), "/", ", ")+".png")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	p.monitor.do(p.t, "screendump", map[string]string{"filename": path, "format": "png"})
	f, err := os.Open(path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		p.t.Fatal(err)
	}
	return picture
}

// readUpright is the code in a picture whose top is the picture's; "" where there is none, it lies otherwise, or it is less than a third as high as
// the picture: the browser lays the page out for a small window before it has all of the display.
func readUpright(picture image.Image) string {
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		return ""
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return ""
	}
	at := result.GetResultPoints() // the corners' patterns: bottom left, top left
	if len(at) < 3 || at[0].GetY()-at[1].GetY() < float64(picture.Bounds().Dy())/3 {
		return ""
	}
	return result.GetText()
}

// What is read of a display is a code that lies as the display does, and is large enough.
func TestReadUpright(t *testing.T) {
	const text = "RGID1:KEYS"
	for name, tt := range map[string]struct {
		side int // of the code
		turn func(x, y int) (int, int)
		want string
	}{
		"upright":          {400, func(x, y int) (int, int) { return x, y }, text},
		"upside down":      {400, func(x, y int) (int, int) { return 399 - x, 399 - y }, ""},
		"on its side":      {400, func(x, y int) (int, int) { return 399 - y, x }, ""},
		"a small window's": {120, func(x, y int) (int, int) { return x, y }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			code, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, tt.side, tt.side, nil)
			if err != nil {
				t.Fatal(err)
			}
			picture := image.NewGray(image.Rect(0, 0, 640, 480))
			for i := range picture.Pix {
				picture.Pix[i] = 0xff
			}
			for x := range tt.side {
				for y := range tt.side {
					if code.Get(x, y) {
						atX, atY := tt.turn(x, y)
						picture.SetGray(40+atX, 40+atY, color.Gray{})
					}
				}
			}
			if got := readUpright(picture); got != tt.want {
				t.Errorf("%q; want %q", got, tt.want)
			}
		})
	}
}

// corners are the colours in a picture's corners.
func corners(picture image.Image) (colours []color.Color) {
	r := picture.Bounds()
	for _, at := range []image.Point{r.Min, {r.Max.X - 1, r.Min.Y}, {r.Min.X, r.Max.Y - 1}, {r.Max.X - 1, r.Max.Y - 1}} {
		colours = append(colours, color.RGBAModel.Convert(picture.At(at.X, at.Y)))
	}
	return colours
}

// says waits until railgate status has a cause, or no longer has it.
func (p *pcGate) says(cause string, wanted bool) {
	p.t.Helper()
	p.within(bootPatience, cause, func() bool {
		var s control.Status
		time.Sleep(time.Second)
		if json.Unmarshal([]byte(p.attempt("railgate", "status", "--json").Output), &s) != nil || s.Provision == nil {
			return false
		}
		return slices.ContainsFunc(s.Causes, func(c control.Cause) bool { return c.Cause == cause }) == wanted
	})
}

// An industrial PC with a display, whose adapter was left out: it starts, its screen shows the keys that its station enrolls, alone and upright, and
// it names what is missing. It takes its lines when the adapter is plugged in.
func TestImageOfAPCWithoutItsAdapter(t *testing.T) {
	p := newPCDisk(t, nil)
	p.display = true
	began := time.Now()
	lap := func(what string) { t.Logf("%6.1f s  %s", time.Since(began).Seconds(), what) }
	p.turnOn()
	p.step("it names what is missing", func(t *testing.T) {
		p.says(control.GPIOChipMissing, true)
		lap("it says that its adapter is missing")
	})
	p.step("its screen shows its keys", func(t *testing.T) {
		want := identityCode.FindString(p.run("railgate", "identity"))
		var picture image.Image
		p.within(bootPatience, "the keys on the display", func() bool {
			time.Sleep(5 * time.Second)
			// QEMU's display has no acceleration: cage crashes once.
			if n := strings.TrimSpace(p.attempt("systemctl", "show", "-P", "NRestarts", "railgate-kiosk").Output); n != "0" && n != "1" {
				t.Fatalf("the screen was started again %s times:\n%s", n, p.attempt("journalctl", "-b", "--no-pager", "-n", "100", "-u", "railgate-kiosk").Output)
			}
			picture = p.picture()
			return want != "" && readUpright(picture) == want
		})
		lap("the keys on the display")
		if c := corners(picture); len(slices.Compact(slices.Clone(c))) != 1 || c[0] == (color.RGBA{A: 255}) {
			t.Errorf("the picture's corners are %v; want the page's colour in all", c)
		}
	})
	p.step("it takes the lines of an adapter that comes", func(t *testing.T) {
		p.connectAdapter()
		p.says(control.GPIOChipMissing, false)
		lap("it has its lines")
		if levels := p.levels("open"); levels != "-0" && levels != "-10" { // as in TestIndustrialPC
			t.Errorf("the relay's pin since it was plugged in: %s; want an input, then low", levels)
		}
	})
}
