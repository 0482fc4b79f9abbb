package sync

import (
	"testing"
	"time"
)

func TestOfflineIsGraded(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		age  time.Duration
		want Grade
	}{
		{-time.Hour, Fresh}, {0, Fresh}, {7*day/2 - 1, Fresh}, {7 * day / 2, Stale}, {7*day - 1, Stale}, {7 * day, Degraded}, {30*day - 1, Degraded}, {30 * day, Stopped},
	} {
		if got := GradeOf(noon.Add(-tt.age), noon, 7*day, 30*day); got != tt.want {
			t.Errorf("after %v: %s; want %s", tt.age, got, tt.want)
		}
	}
	if got := GradeOf(time.Time{}, noon, 7*day, 30*day); got != Stopped {
		t.Errorf("never: %s; want stopped", got)
	}
}
