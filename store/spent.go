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
// so that new ones are appended, or nearly, and old ones are a range.
const spentFixed = 8 + 1 + 1 + 8 + 1

func spentKey(u journal.Use, until time.Time) []byte {
	key := make([]byte, 0, spentFixed+len(u.Certificate))
	key = binary.BigEndian.AppendUint64(key, uint64(max(0, until.Unix())))
	key = append(key, byte(u.Role), u.Slot)
	key = binary.BigEndian.AppendUint64(key, uint64(u.IssuedAt))
	key = append(key, byte(len(u.Certificate)))
	return append(key, u.Certificate...)
}

func parseSpentKey(key []byte) (u journal.Use, until time.Time, err error) {
	if len(key) < spentFixed || len(key) != spentFixed+int(key[spentFixed-1]) {
		return journal.Use{}, time.Time{}, errors.New("spent code of the wrong length")
	}
	u = journal.Use{
		Role:        journal.Role(key[8]),
		Slot:        key[9],
		IssuedAt:    int64(binary.BigEndian.Uint64(key[10:])),
		Certificate: journal.ID(key[spentFixed:]),
	}
	return u, time.Unix(int64(binary.BigEndian.Uint64(key)), 0), nil
}
