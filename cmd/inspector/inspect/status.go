package inspect

import (
	"encoding/json"
	"time"
)

// keysOld is the age of a keyset from which the page says that it is old.
const keysOld = 24 * time.Hour

// A Status is what the page shows beside the answers. Times are milliseconds since 1970.
type Status struct {
	Now   int64       `json:"now"`
	Doubt Doubt       `json:"doubt,omitempty"`
	Keys  *KeysStatus `json:"keys"`  // null: there are none
	Lists *ListStatus `json:"lists"` // null: there are none
	Shift Shift       `json:"shift"`
}

// ListStatus is about the list of revocations; of several, about the oldest.
type ListStatus struct {
	IssuedAt int64 `json:"issued_at"`
	Entries  int   `json:"entries"` // of all
	Old      bool  `json:"old"`     // a newer one should have come: it applies all the same
}

// KeysStatus is about the keyset.
type KeysStatus struct {
	Version uint64 `json:"version"`
	Keys    int    `json:"keys"`
	Fetched int64  `json:"fetched"`
	Old     bool   `json:"old"`
}

// Status tells how the inspector is.
func (i *Inspector) Status(at Instant) Status {
	now, doubt := i.clock.Now(at)
	i.endOver(now)
	s := Status{Now: now.UnixMilli(), Doubt: doubt, Shift: i.shift}
	if i.keys != nil {
		s.Keys = &KeysStatus{i.keys.Version, len(i.keys.Keys), i.fetched.UnixMilli(), now.Sub(i.fetched) >= keysOld}
	}
	s.Lists = i.listStatus(now)
	return s
}

func (i *Inspector) listStatus(now time.Time) *ListStatus {
	var s *ListStatus
	n := 0
	for _, l := range i.lists {
		n += len(l.Entries)
		if at := l.IssuedAt.UnixMilli(); s == nil || at < s.IssuedAt {
			s = &ListStatus{IssuedAt: at, Old: !now.Before(l.Expires)}
		}
	}
	if s != nil {
		s.Entries = n
	}
	return s
}

// Resume goes on with a shift that the page kept.
func (i *Inspector) Resume(data []byte) error {
	s, err := ParseShift(data)
	if err != nil {
		return err
	}
	i.shift = s
	return nil
}

// EndShift forgets what was checked.
func (i *Inspector) EndShift() { i.shift, i.recent = Shift{}, nil }

// endOver ends a shift that nobody has ended.
func (i *Inspector) endOver(now time.Time) {
	if i.shift.over(now) {
		i.EndShift()
	}
}

// JSON is a value's JSON, for the page.
func JSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("inspect: internal error: " + err.Error()) // plain fields
	}
	return string(data)
}
