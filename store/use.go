package store

import (
	"encoding/binary"
	"errors"
	"time"
)

// Role is what a code is used for: one code at a real-name check and then at the
// entry is two uses.
type Role uint8

const (
	Entry Role = iota + 1
	Exit
	Check
)

// A Use is a code in a role. Its signature is no part of it: an ECDSA signature
// has a second spelling, and a code must not.
type Use struct {
	Role        Role
	Certificate ID // at most 16 bytes
	IssuedAt    int64
	Slot        uint8
}

// ErrSpent is the answer to a use that has been granted before.
var ErrSpent = errors.New("code already used in this role")

// A spent key is the instant at which it may be forgotten, then the use:
//
//	until (8 bytes, seconds since 1970) ‖ role (1) ‖ slot (1) ‖ issued (8) ‖ len(cti) (1) ‖ cti
//
// so that new ones are appended, or nearly, and old ones are a range.
const spentFixed = 8 + 1 + 1 + 8 + 1

func (u Use) key(until time.Time) []byte {
	key := make([]byte, 0, spentFixed+len(u.Certificate))
	key = binary.BigEndian.AppendUint64(key, uint64(max(0, until.Unix())))
	key = append(key, byte(u.Role), u.Slot)
	key = binary.BigEndian.AppendUint64(key, uint64(u.IssuedAt))
	key = append(key, byte(len(u.Certificate)))
	return append(key, u.Certificate...)
}

func parseSpentKey(key []byte) (u Use, until time.Time, err error) {
	if len(key) < spentFixed || len(key) != spentFixed+int(key[spentFixed-1]) {
		return Use{}, time.Time{}, errors.New("spent code of the wrong length")
	}
	u = Use{
		Role:        Role(key[8]),
		Slot:        key[9],
		IssuedAt:    int64(binary.BigEndian.Uint64(key[10:])),
		Certificate: ID(key[spentFixed:]),
	}
	return u, time.Unix(int64(binary.BigEndian.Uint64(key)), 0), nil
}

// A Crossing is a holder's last passage, for anti-passback.
type Crossing struct {
	Role Role      `cbor:"1,keyasint"`
	Time time.Time `cbor:"2,keyasint"`
}
