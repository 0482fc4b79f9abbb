package link

import (
	"strings"
	"testing"

	"railgate/store/link/linktest"
)

// A gate that the station has not enrolled says so, and not that the station is off.
func TestAGateThatIsNotEnrolledSaysSo(t *testing.T) {
	s := linktest.New(t, publicOf("A"))
	s.Start()
	g := newGate(t, "B", t.TempDir()).Start(s.File())
	until(t, "the reason in the status", func() bool { return strings.Contains(g.Status().Errors["bus"], ErrNotEnrolled.Error()) })
}
