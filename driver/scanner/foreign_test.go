package scanner

import (
	"context"
	"fmt"
	"image"
	"image/draw"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"railgate/driver"
	"railgate/driver/drivertest"
)

// A film shows a camera its pictures, ten a second, and then nothing.
type film struct {
	pictures []*image.Gray
	end      func()
}

func (f *film) next(_ context.Context, see func(*image.Gray, time.Time)) error {
	time.Sleep(100 * time.Millisecond)
	if len(f.pictures) == 0 {
		f.end()
		return nil
	}
	see(f.pictures[0], time.Now())
	f.pictures = f.pictures[1:]
	return nil
}

func (f *film) close() error { return nil }

// A screening is what a camera made of a film.
type screening struct {
	*Camera
	log      *drivertest.Log
	readings []string
	at       []time.Duration
}

// screen shows a camera that looks for RG1 a film: each picture for a while.
func screen(t *testing.T, shown func(s *screening), reel ...any) *screening {
	s := &screening{log: new(drivertest.Log)}
	s.Camera = NewCamera(CameraConfig{Name: "eye", Device: "/dev/video0", Prefix: "RG1:"}, slog.New(slog.NewTextHandler(s.log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	f := &film{end: cancel}
	for i := 0; i < len(reel); i += 2 {
		for range reel[i+1].(time.Duration) / (100 * time.Millisecond) {
			f.pictures = append(f.pictures, reel[i].(*image.Gray))
		}
	}
	s.open = func() (frames, error) { return f, nil }
	began := time.Now()
	if err := s.Run(ctx, func(r driver.Reading) {
		s.readings, s.at = append(s.readings, r.Text), append(s.at, time.Since(began))
	}); err != nil {
		t.Fatal(err)
	}
	shown(s)
	return s
}

// beside puts pictures beside each other.
func beside(pictures ...*image.Gray) *image.Gray {
	w, h := 0, 0
	for _, p := range pictures {
		w, h = w+p.Rect.Dx(), max(h, p.Rect.Dy())
	}
	img := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	x := 0
	for _, p := range pictures {
		draw.Draw(img, p.Rect.Add(image.Pt(x, 0)), p, image.Point{}, draw.Src)
		x += p.Rect.Dx()
	}
	return img
}

// countOf counts a text, and tells when it was read first and last.
func (s *screening) countOf(text string) (n int, first, last time.Duration) {
	for i, r := range s.readings {
		if r == text {
			if n++; n == 1 {
				first = s.at[i]
			}
			last = s.at[i]
		}
	}
	return n, first, last
}

// A sticker is told of for some seconds, then it is a part of the hall: counted, and noted. It
// hides no code, and is not told of again beside one or after it.
func TestCameraReadsPastASticker(t *testing.T) {
	const foreign, ours = "HTTPS://EXAMPLE.COM/RATE-US", "RG1:OURS"
	sticker := picture(t, foreign)
	both, hall := beside(sticker, picture(t, ours)), image.NewGray(image.Rect(0, 0, 400, 400))
	synctest.Test(t, func(t *testing.T) {
		s := screen(t, func(s *screening) {
			if h := s.Health(); h.Foreign < 30 || !strings.Contains(h.Note, "for 20s: is there a sticker") {
				t.Errorf("before the sticker alone: %+v; want it counted and noted", h)
			}
		}, sticker, 20*time.Second)
		if n, _, last := s.countOf(foreign); n == 0 || last > foreignShown+time.Second {
			t.Errorf("the sticker is told of %d times, until %v; want for %v", n, last, foreignShown)
		}
		if n := strings.Count(s.log.String(), "only codes that are not for gates"); n != 1 {
			t.Errorf("%d lines of log; want one:\n%s", n, s.log)
		}
		unnoted := func(s *screening) {
			if h := s.Health(); h.Note != "" {
				t.Errorf("after codes of ours: %+v; want no note", h)
			}
		}
		screen(t, unnoted, sticker, 10*time.Second, both, 4*time.Second)
		s = screen(t, unnoted, sticker, 10*time.Second, both, 4*time.Second, sticker, 4*time.Second, hall, 9*time.Second, sticker, 2*time.Second)
		if n, first, last := s.countOf(ours); n < 38 || first > 10200*time.Millisecond || last > 14100*time.Millisecond {
			t.Errorf("ours is read %d times, from %v to %v; want in each picture that has it", n, first, last)
		}
		if _, _, last := s.countOf(foreign); last > foreignShown+time.Second {
			t.Errorf("the sticker is told of at %v again", last)
		}
	})
}

// Who holds up something else is told so each time.
func TestCameraDeliversAForeignCodeThatIsHeldUp(t *testing.T) {
	const foreign = "PAYMENT CODE"
	held, hall := picture(t, foreign), image.NewGray(image.Rect(0, 0, 400, 400))
	synctest.Test(t, func(t *testing.T) {
		s := screen(t, func(*screening) {}, hall, time.Second, held, 2*time.Second, hall, 5*time.Second, held, 2*time.Second)
		if _, first, last := s.countOf(foreign); first > 1500*time.Millisecond || last < 8*time.Second {
			t.Errorf("read from %v to %v; want both times", first, last)
		}
		if h := s.Health(); h.Note != "" {
			t.Errorf("noted: %q", h.Note)
		}
	})
}

// Two passengers before one lens are both let through, the first one first.
func TestCameraReadsTwoCodesOfOurs(t *testing.T) {
	img := beside(picture(t, "RG1:FIRST"), picture(t, "RG1:SECOND"), picture(t, "PAYMENT CODE"))
	synctest.Test(t, func(t *testing.T) {
		s := screen(t, func(*screening) {}, img, time.Second)
		if len(s.at) < 3 || s.at[0] == s.at[1] || s.readings[1] == s.readings[2] || s.at[1] != s.at[2] {
			t.Errorf("readings %q at %v; want one of the first picture, both of the second", s.readings, s.at)
		}
		for _, text := range []string{"RG1:FIRST", "RG1:SECOND"} {
			if n, _, _ := s.countOf(text); n < 2 {
				t.Errorf("%s is read %d times; want again and again", text, n)
			}
		}
	})
}

// An eye that failed is replaced by one that looks for the same.
func TestCameraThatFailedStillKnowsItsPrefix(t *testing.T) {
	broken := &image.Gray{Pix: make([]uint8, 100), Stride: 400, Rect: image.Rect(0, 0, 400, 400)}
	both := beside(picture(t, "HTTPS://EXAMPLE.COM"), picture(t, "RG1:OURS"))
	synctest.Test(t, func(t *testing.T) {
		s := screen(t, func(*screening) {}, broken, 100*time.Millisecond, both, 500*time.Millisecond)
		if n, _, _ := s.countOf("RG1:OURS"); n < 4 || !strings.Contains(s.log.String(), "the eye failed") {
			t.Errorf("read %q, log:\n%s\nwant a failure, and then ours", s.readings, s.log)
		}
		if n, _, _ := s.countOf("HTTPS://EXAMPLE.COM"); n > 0 {
			t.Errorf("the foreign code is told of %d times beside ours", n)
		}
	})
}

func TestForeignCodesThatAreRememberedAreFew(t *testing.T) {
	f := foreign{codes: map[string]*sighting{}}
	for i := range 10 * maxForeign {
		f.see([]string{fmt.Sprint(i)}, false, time.Unix(int64(i), 0))
		if len(f.codes) > maxForeign {
			t.Fatalf("%d codes are remembered", len(f.codes))
		}
	}
}
