package mint

import (
	"slices"
	"time"

	"railgate/verify"
)

// A signing key signs for a week. The next one is published a day before it begins,
// so that every gate knows it when its first code comes; the old one stays in the
// keyset until nothing that it signed can be valid.
const (
	keySigns     = 7 * 24 * time.Hour
	keyPublished = 24 * time.Hour // before it signs
	keyLasts     = 2 * keySigns   // it may sign for so long, should the next be late
)

// Rotate drops keys that no gate needs any more and adds those that will be needed:
// one that signs at once where there is none, and the next one a day before its time.
func (f *KeyFile) Rotate(a verify.Algorithm, now time.Time) (changed bool, err error) {
	now = now.Truncate(time.Second)
	before := len(f.Keys)
	f.Keys = slices.DeleteFunc(f.Keys, func(k PrivateKey) bool { return now.After(k.NotAfter.Add(Validity + time.Hour)) })
	changed = len(f.Keys) != before
	if _, err := f.Signer(a, verify.Temporary, now); err != nil {
		// a gate whose clock is a little slow must take the first code as well
		from := now.Add(-time.Hour)
		if err := f.addRotating(a, from); err != nil {
			return false, err
		}
		changed = true
	}
	if next := f.newest(a).NotBefore.Add(keySigns); !now.Before(next.Add(-keyPublished)) {
		if earliest := now.Add(keyPublished); next.Before(earliest) {
			next = earliest
		}
		if err := f.addRotating(a, next); err != nil {
			return false, err
		}
		changed = true
	}
	if changed {
		f.Version++
	}
	return changed, nil
}

// newest is the key of an algorithm that signs passengers' codes last.
func (f *KeyFile) newest(a verify.Algorithm) *PrivateKey {
	for i := len(f.Keys) - 1; i >= 0; i-- {
		if k := &f.Keys[i]; k.Algorithm == a.String() && k.RevokedAt == nil && slices.Contains(k.Classes, uint(verify.Temporary)) {
			return k
		}
	}
	panic("mint: internal error: no key of " + a.String()) // Rotate has made one
}

func (f *KeyFile) addRotating(a verify.Algorithm, from time.Time) error {
	return f.AddKey(a, from, from.Add(keyLasts), Passengers()...)
}
