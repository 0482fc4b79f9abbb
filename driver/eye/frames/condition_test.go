package frames

import (
	"bytes"
	"flag"
	"fmt"
	"hash/crc32"
	"image"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/conditions.txt again")

// few are some of the conditions if tests are to be short: every fifth.
func few() (out []Condition) {
	for i, c := range Conditions() {
		if !testing.Short() || i%5 == 0 {
			out = append(out, c)
		}
	}
	return out
}

// strength is one in the middle, or less where pictures are large.
func strength(c *Condition) float64 {
	if c.Name == "text" || c.Name == "digital" {
		return c.Strengths[0]
	}
	return c.Strengths[len(c.Strengths)/2]
}

// coarse is a picture by its means over 8 x 6 parts.
func coarse(img *image.Gray) []byte {
	var sum, n [48]int
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for i, g := range img.Pix {
		at := i/w*6/h*8 + i%w*8/w
		sum[at], n[at] = sum[at]+int(g), n[at]+1
	}
	var out []byte
	for i := range sum {
		out = append(out, byte(sum[i]/max(1, n[i])))
	}
	return out
}

// A seed gives the same picture on every machine, but for what rounds otherwise there: the means
// of its parts are those that are recorded. make arch runs this on other processors.
func TestConditionsAreTheSameOnEveryMachine(t *testing.T) {
	const path = "testdata/conditions.txt"
	var lines []string
	recorded := map[string]string{}
	if b, err := os.ReadFile(path); err == nil {
		for line := range strings.Lines(string(b)) {
			name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			recorded[name] = rest
		}
	}
	for _, c := range few() {
		f := c.Frame(1, strength(&c), c.Frames-1)
		parts := coarse(f.Image)
		name, rest := fmt.Sprintf("%s-%g", c.Name, strength(&c)), fmt.Sprintf("%08x %x", crc32.ChecksumIEEE([]byte(f.Text)), parts)
		lines = append(lines, name+" "+rest+"\n")
		var sum uint32
		var want []byte
		if _, err := fmt.Sscanf(recorded[name], "%08x %x", &sum, &want); err != nil && !*update {
			t.Errorf("%s: recorded as %q: %v", name, recorded[name], err)
			continue
		}
		if sum != crc32.ChecksumIEEE([]byte(f.Text)) && !*update {
			t.Errorf("%s: its code says %q, which is not what is recorded", name, f.Text)
		}
		for i, g := range want {
			if d := int(g) - int(parts[i]); d < -2 || d > 2 {
				t.Errorf("%s: part %d is %d, recorded as %d", name, i, parts[i], g)
				break
			}
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Each condition is what its seed and its strength say, and nothing else.
func TestConditionsFollowFromSeedAndStrength(t *testing.T) {
	names := map[string]bool{}
	for _, c := range few() {
		if names[c.Name] || c.Shows == "" || c.Unit == "" || len(c.Strengths) < 2 || c.Frames < 1 || c.Frames > 2 {
			t.Errorf("%+v: a condition wants a name of its own, what it shows, a unit, and two strengths or more", c)
		}
		names[c.Name] = true
		if c.Name == "text" { // its strengths are large pictures
			continue
		}
		first := c.Frame(2, c.Strengths[0], 0)
		if first.Text == "" || first.Pitch <= 0 {
			t.Errorf("%s: text %q, pitch %v", c.Name, first.Text, first.Pitch)
		}
		if again := c.Frame(2, c.Strengths[0], 0); !bytes.Equal(first.Image.Pix, again.Image.Pix) || first.Text != again.Text {
			t.Errorf("%s: two frames of one seed differ", c.Name)
		}
		if other := c.Frame(3, c.Strengths[0], 0); bytes.Equal(first.Image.Pix, other.Image.Pix) {
			t.Errorf("%s: two seeds give one frame", c.Name)
		}
		if other := c.Frame(2, c.Strengths[1], 0); bytes.Equal(first.Image.Pix, other.Image.Pix) {
			t.Errorf("%s: two strengths give one frame", c.Name)
		}
		if c.Frames > 1 {
			if other := c.Frame(2, c.Strengths[0], 1); bytes.Equal(first.Image.Pix, other.Image.Pix) || first.Text != other.Text {
				t.Errorf("%s: its two frames are one, or do not say the same", c.Name)
			}
		}
	}
}

func TestCleanPicturesSayTheirText(t *testing.T) {
	for _, version := range []uint64{1, 7, 21, 40} {
		f := digital(version-1, 4)
		if got := decode(t, f.Image); got != f.Text {
			t.Errorf("version %d: reads %q, want %q", version, got, f.Text)
		}
	}
	f := underECI(1, 26)
	if got := decode(t, f.Image); got != f.Text {
		t.Errorf("under an ECI: reads %q, want %q", got, f.Text)
	}
}

// The rim of a wide lens's picture shows what lies further out, and a column's what lies behind.
func TestSurfaces(t *testing.T) {
	l := lens{0.5, 640, 360}
	if x, y := l.straight(640, 360); x != 640 || y != 360 {
		t.Errorf("the lens moves its middle to (%v, %v)", x, y)
	}
	if x, y := l.straight(0, 0); x != -320 || y != -180 {
		t.Errorf("the lens takes the corner from (%v, %v), want (-320, -180)", x, y)
	}
	at := newPose(1280, 720, 1300, 640, 360, 5, 0, 0, 0)
	for _, radius := range []float64{60, -60} {
		c := roll{&at, radius}
		if u, v := c.plane(640, 360); u*u+v*v > 1e-12 {
			t.Errorf("radius %v: the middle shows (%v, %v)", radius, u, v)
		}
		flat, _ := at.plane(740, 360)
		u, _ := c.plane(740, 360)
		if u <= 20 || u > 26 || flat != 20 {
			t.Errorf("radius %v: 100 pixels to the right lies %v modules of paper, want a little more than 20", radius, u)
		}
	}
	if u, _ := (&roll{&at, 60}).plane(1270, 360); u != far {
		t.Errorf("beside the column lies %v", u)
	}
}
