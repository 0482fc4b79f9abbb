package lane

import (
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
