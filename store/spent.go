package store

import (
	"encoding/binary"
	"errors"
	"time"

	"railgate/store/journal"
)

// A spent key is the instant at which it may be forgotten, then the use:
//
//	until (8 bytes, seconds since 1970) ‖ role (1) ‖ slot (1) ‖ issued (8) ‖ len(cti) (1) ‖ cti
//
// so that new ones are appended, or nearly, and old ones are a range. Its value is
// when the code begins (8 bytes, seconds since 1970); a file of an older version has
// none there.
const (
	spentFixed = 8 + 1 + 1 + 8 + 1
	beginsSize = 8
)

func spentKey(u journal.Use, until time.Time) []byte {
	key := binary.BigEndian.AppendUint64(nil, uint64(max(0, until.Unix())))
	key = append(key, byte(u.Role), u.Slot)
	key = binary.BigEndian.AppendUint64(key, uint64(u.IssuedAt))
	key = append(key, byte(len(u.Certificate)))
	return append(key, u.Certificate...)
}

func spentValue(u journal.Use) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(u.Begins))
}

// parseSpent reads a key and its unsealed value. old says that the value is that of
// an older version: when the code begins is not known.
func parseSpent(key, value []byte) (u journal.Use, until int64, old bool, err error) {
	if len(key) < spentFixed || len(key) != spentFixed+int(key[spentFixed-1]) {
		return u, 0, false, errors.New("spent code of the wrong length")
	}
	u = journal.Use{
		Role:        journal.Role(key[8]),
		Slot:        key[9],
		IssuedAt:    int64(binary.BigEndian.Uint64(key[10:])),
		Certificate: journal.ID(key[spentFixed:]),
	}
	switch len(value) {
	case 0:
		old = true
	case beginsSize:
		u.Begins = int64(binary.BigEndian.Uint64(value))
	default:
		return journal.Use{}, 0, false, errors.New("spent code with a value of the wrong length")
	}
	return u, int64(binary.BigEndian.Uint64(key)), old, nil
}

// spentCodes are the codes that have been granted, in memory. A grant spends, in its
// role, every code of its certificate that begins no later: a photographed link
// gives the earlier links, and the slot before is valid for some seconds yet. It also
// spends its own slot and the earlier ones of its credential, whenever they begin: a new
// keyset may say another period, and with it the same code begins at another time.
type spentCodes struct {
	latest map[bearer]latest
	slots  map[credential]lastSlot
}

// A bearer is a certificate in a role.
type bearer struct {
	role        journal.Role
	certificate journal.ID
}

// A credential is one of a bearer's: each Refresh makes another.
type credential struct {
	bearer
	issued int64
}

// latest is the latest of a certificate's codes that was granted, and lastSlot the last
// of a credential's.
type (
	latest   struct{ begins, until int64 }
	lastSlot struct {
		slot  uint8
		until int64
	}
)

func newSpentCodes() spentCodes {
	return spentCodes{map[bearer]latest{}, map[credential]lastSlot{}}
}

func keysOf(u journal.Use) (bearer, credential) {
	b := bearer{u.Role, u.Certificate}
	return b, credential{b, u.IssuedAt}
}

// has tells whether a use is spent.
func (s spentCodes) has(u journal.Use) bool {
	b, c := keysOf(u)
	if l, ok := s.latest[b]; ok && u.Begins <= l.begins {
		return true
	}
	l, ok := s.slots[c]
	return ok && u.Slot <= l.slot
}

// add adds a use. old is one of an older version: when it begins is not known.
func (s spentCodes) add(u journal.Use, until int64, old bool) {
	b, c := keysOf(u)
	s.slots[c] = lastSlot{max(s.slots[c].slot, u.Slot), max(s.slots[c].until, until)}
	if !old {
		s.latest[b] = latest{max(s.latest[b].begins, u.Begins), max(s.latest[b].until, until)}
	}
}

// forget follows the removal of a key from the file. What is known of a certificate, or
// of a credential, goes with the last of its codes.
func (s spentCodes) forget(u journal.Use, until int64) {
	b, c := keysOf(u)
	if s.latest[b].until <= until {
		delete(s.latest, b)
	}
	if s.slots[c].until <= until {
		delete(s.slots, c)
	}
}
