package lane

import (
	"fmt"
	"testing"
	"time"
)

func TestCodeAges(t *testing.T) {
	show := func(n int, age time.Duration) *CodeAges {
		c := new(CodeAges)
		for i := range n {
			c.Add(string(rune('a'+i)), age, -5*time.Second, 70*time.Second)
		}
		return c
	}
	for _, tt := range []struct {
		name string
		ages *CodeAges
		want bool
	}{
		{"nobody", new(CodeAges), false},
		{"too few to say", show(15, -time.Minute), false},
		{"codes from the future", show(16, -time.Minute), true},
		{"codes long over", show(64, 5*time.Minute), true},
		{"codes of their minute", show(64, 69*time.Second), false},
		{"as early as tolerated", show(64, -5*time.Second), false},
		{"a crowd that was late, long ago", func() *CodeAges {
			c := show(64, time.Hour)
			for i := range 64 {
				c.Add(string(rune('A'+1000+i)), time.Second, -5*time.Second, 70*time.Second)
			}
			return c
		}(), false},
	} {
		if got := tt.ages.Suspect(); got != tt.want {
			t.Errorf("%s: Suspect = %v; want %v", tt.name, got, tt.want)
		}
	}
	one := new(CodeAges)
	for range 100 {
		one.Add("the same holder", time.Hour, -5*time.Second, 70*time.Second)
	}
	if one.Suspect() {
		t.Error("one holder is a crowd")
	}
	total := 0
	for _, bin := range show(64, 20*time.Second).Histogram() {
		total += bin.Count
		if bin.Count > 0 && bin.Below != 30 {
			t.Errorf("an age of 20 s is counted below %v", bin.Below)
		}
	}
	if total != 64 {
		t.Errorf("the histogram counts %d; want 64", total)
	}
}

func TestHistogramOfAges(t *testing.T) {
	want := []Bin{{Below: -60}, {Below: -5}, {Below: 0}, {Below: 15}, {Below: 30}, {Below: 45}, {Below: 60}, {Below: 70}, {Below: 130}, {Open: true}}
	c := new(CodeAges)
	n := 0
	show := func(age time.Duration) {
		n++
		c.Add(fmt.Sprint("holder", n), age, 0, time.Minute)
	}
	for i, b := range want[:9] { // at each bound, and just below
		show(time.Duration(b.Below) * time.Second)
		show(time.Duration(b.Below)*time.Second - 1)
		want[i].Count++
		want[i+1].Count++
	}
	got := c.Histogram()
	if len(got) != len(want) {
		t.Fatalf("%d bins; want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("bin %d = %+v; want %+v", i, got[i], want[i])
		}
	}
}

func TestWhenAgesAreSuspect(t *testing.T) {
	add := func(c *CodeAges, first, n int, age time.Duration) {
		for i := range n {
			c.Add(fmt.Sprint("holder", first+i), age, 0, time.Minute)
		}
	}
	for _, tt := range []struct {
		name            string
		inside, outside int
		want            bool
	}{
		{"all of 16", 0, 16, true},
		{"9 of 16", 7, 9, true},
		{"half of 16", 8, 8, false},
		{"a third of 18", 12, 6, false},
	} {
		c := new(CodeAges)
		add(c, 0, tt.inside, time.Minute-1)
		add(c, 100, tt.outside, time.Minute)
		if got := c.Suspect(); got != tt.want {
			t.Errorf("%s: Suspect = %v; want %v", tt.name, got, tt.want)
		}
	}
	for _, n := range []int{100, 101} {
		c := new(CodeAges)
		add(c, 0, n, time.Hour)
		if got := len(c.recent); got != 64 || c.recent[0].holder != fmt.Sprint("holder", n-64) {
			t.Errorf("of %d, %d are kept, from %s; want the last 64", n, got, c.recent[0].holder)
		}
	}
	c := new(CodeAges)
	for _, first := range []int{0, 1, 0} { // the first again, behind another
		add(c, first, 1, time.Hour)
	}
	if len(c.recent) != 2 || c.recent[1].holder != "holder0" {
		t.Errorf("ages = %+v; want two holders, the one that came again last", c.recent)
	}
}
