package journal

// Walks are what is known of a slip, the paper whose code is the same for its whole day. Each
// walk on it has a number, in both directions and at all gates together: one more than the latest
// that the gate knew of. So it is known which was later, whatever the clocks say.
type Walks struct {
	Granted [Check]uint32 // by role, the latest that was granted and may have been walked; 0: none
	Passed  [Check]uint32 // by role, the latest that was walked; 0: none
}

// across is the other direction.
func across(role Role) Role { return Entry + Exit - role }

// Used tells whether the slip went, or may have gone, this way and has not gone the other way
// since. A check takes nothing of it.
func (w Walks) Used(role Role) bool {
	return (role == Entry || role == Exit) && w.Granted[role] > 0 && w.Granted[role] >= w.Passed[across(role)]
}

// Latest is the number of the latest walk.
func (w Walks) Latest() (n uint32) {
	for role := range w.Granted {
		n = max(n, w.Granted[role], w.Passed[role])
	}
	return n
}

// With is what is known together with what is known elsewhere.
func (w Walks) With(o Walks) Walks {
	for role := range w.Granted {
		w.Granted[role] = max(w.Granted[role], o.Granted[role])
		w.Passed[role] = max(w.Passed[role], o.Passed[role])
	}
	return w
}
