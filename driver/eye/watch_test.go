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
