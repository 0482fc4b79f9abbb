package eye

import (
	"image"
	"testing"

	"railgate/driver/eye/frames"
)

func emptyHall() *image.Gray { return frames.Sets()[7].Frame(0).Image }

func TestWatchPassesOverWhatShowsNothingNew(t *testing.T) {
	w, hall := NewWatch(), emptyHall()
	searched := 0
	for i := range 8 * watchEvery {
		if _, ok, yes := w.Look(hall); ok {
			t.Fatal("read something in an empty hall")
		} else if yes {
			searched++
			if i%watchEvery != 0 {
				t.Errorf("frame %d is searched, which shows nothing new", i)
			}
		}
	}
	if searched != 8 {
		t.Errorf("searched %d frames of %d; want one of %d", searched, 8*watchEvery, watchEvery)
	}
}

func TestWatchSeesAPhoneInItsFirstFrame(t *testing.T) {
	f := show(8, nil)
	w, hall := NewWatch(), emptyHall()
	for range 2*watchEvery + 1 {
		w.Look(hall)
	}
	for i := range 5 {
		code, ok, searched := w.Look(f.Image)
		if !searched || !ok || code.Text != f.Text {
			t.Fatalf("frame %d of the phone: searched %v, read %v", i, searched, ok)
		}
	}
}

func TestWatchSearchesEveryFrameWhereAFinderIs(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 320, 240))
	for i := range img.Pix {
		img.Pix[i] = 220
	}
	finderAt(img, 100, 100, 4, 0, false)
	w := NewWatch()
	for i := range 3 * watchEvery {
		if _, ok, searched := w.Look(img); ok || !searched {
			t.Errorf("frame %d: read %v, searched %v; a code may come into focus", i, ok, searched)
		}
	}
}

func TestWatchSearchesAFrameOfAnotherSize(t *testing.T) {
	w, hall := NewWatch(), emptyHall()
	w.Look(hall)
	w.Look(hall)
	if _, _, searched := w.Look(hall.SubImage(image.Rect(0, 0, 320, 240)).(*image.Gray)); !searched {
		t.Error("a frame of another size is skipped")
	}
}

// Rule: of a screen whose light pulses, what is black in one frame is taken from the one before.
func TestWatchFusesFramesOfAPulsingScreen(t *testing.T) {
	const of = 6
	for strength, least := range map[float64]int{0.2: 6, 0.35: 5, 0.5: 4} {
		c, read, alone := condition(t, "bands"), 0, 0
		for seed := range uint64(of) {
			w := NewWatch()
			for k := range c.Frames {
				f := c.Frame(seed, strength, k)
				if _, ok := NewReader().Read(f.Image); ok {
					alone++
				}
				code, ok, _ := w.Look(f.Image)
				if ok && code.Text != f.Text {
					t.Errorf("bands-%g, seed %d: misread %q; want %q", strength, seed, code.Text, f.Text)
				}
				if ok {
					read++
					break
				}
			}
		}
		if read < least || alone >= least && strength > 0.2 {
			t.Errorf("bands-%g: read %d of %d, %d of them in one frame; want %d", strength, read, of, alone, least)
		}
	}
}

// Where one thing comes and another goes in a hall, and no code is there, nothing is read, and a
// frame that is like the one before is not fused with it.
func TestWatchFusesOnlyWhatPulses(t *testing.T) {
	w, hall := NewWatch(), emptyHall()
	w.Look(frames.Sets()[7].Frame(3).Image)
	if p := planeOf(hall); !w.pulses(&p) {
		t.Error("two halls are alike")
	}
	if _, ok, _ := w.Look(hall); ok {
		t.Error("read something in two halls")
	}
	if p := planeOf(hall); w.pulses(&p) {
		t.Error("a hall pulses that stays as it is")
	}
}
