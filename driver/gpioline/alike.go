package gpioline

import "strings"

// Alike returns the lines on which what is wired to a line may be instead, in the chip's order: those of the same chip that nobody
// holds and whose names differ from its name in the number alone (GPIO17 and GPIO18), or that have no name either. The others carry what
// the board lives on, its memory card or its network, and are no pins of a header. The line itself is not among them.
func Alike(spec string) ([]*Line, error) {
	l, err := Find(spec)
	if err != nil {
		return nil, err
	}
	chips, err := atStart()
	if err != nil {
		return nil, err
	}
	return alike(chips, l)
}

func alike(chips []chip, l *Line) (free []*Line, err error) {
	for i := range chips {
		if chips[i].path != l.path {
			continue
		}
		for offset, name := range chips[i].lines {
			if offset == l.Offset || kindOf(name) != kindOf(l.Given) {
				continue
			}
			other := chips[i].line(offset)
			other.kernel = l.kernel
			holder, err := other.Holder()
			if err != nil {
				return nil, err
			}
			if holder == "" {
				free = append(free, other)
			}
		}
	}
	return free, nil
}

// kindOf is a line's name without its number: GPIO for GPIO17.
func kindOf(name string) string { return strings.TrimRight(name, "0123456789") }
