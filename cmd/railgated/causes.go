package main

import (
	"railgate/cmd/control"
	"railgate/driver"
	"railgate/verify/lane"
)

// found notes something that is wrong: a sentence for people, and a cause with its remedy.
func found(s *control.Status, id, why string, names ...string) {
	s.Problems = append(s.Problems, why)
	s.Causes = append(s.Causes, control.NewCause(id, why, append(names, "{config}", s.Config)...))
}

// whyDown says why a device does not work; "" where it does.
func whyDown(d interface{ Health() driver.Health }) string {
	h := d.Health()
	switch {
	case h.Up:
		return ""
	case h.Err == "":
		return lane.Starting
	}
	return h.Err
}
