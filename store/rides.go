package store

import (
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// Rides that were taken of tickets lie in bucket "passback" beside the passages, and are
// proven with them. Their keys are longer than a holder's can be (32 bytes):
//
//	'T' ‖ ticket (32 bytes) → CBOR {5: until, seconds since 1970; 6: rides taken}

// TicketSize is how long a ticket's ID is.
const TicketSize = 32

// A tally counts the rides that were taken of a ticket here.
type tally struct {
	Until int64 `cbor:"5,keyasint"`
	Taken int   `cbor:"6,keyasint"`
}

func rideKey(ticket journal.ID) []byte { return append([]byte{'T'}, ticket...) }

// isRide tells a ticket's key from a holder's.
func isRide(key []byte) bool { return len(key) == 1+TicketSize && key[0] == 'T' }

// add counts a ride, or one that is given back.
func (t tally) add(r *journal.Ride) tally {
	return tally{Until: max(t.Until, r.Until), Taken: max(0, t.Taken+r.N)}
}

// GrantRide is [Store.Grant] for a grant that takes a ride of a ticket (nil: none), in the
// same commit.
func (s *Store) GrantRide(use journal.Use, until time.Time, r journal.Record, ride *journal.Ride) (Durable, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := entry{record: r, use: &use, until: until, ride: ride, act: true}
	spent := s.mayBeSpent(use)
	if r.Walk > 0 {
		spent = !s.mayWalk(use, r.Walk)
	}
	switch {
	case spent:
		return Durable{}, journal.ErrSpent
	case s.db == nil:
		return Durable{}, s.err
	case r.Walk > 0:
		s.followSlip(&e)
	default:
		s.spent.add(use, until.Unix(), false)
	}
	s.countRide(ride)
	return s.commitNow(e)
}

// AppendRide queues a record and a ride that is given back.
func (s *Store) AppendRide(r journal.Record, ride *journal.Ride) {
	s.mu.Lock()
	s.countRide(ride)
	s.mu.Unlock()
	s.enqueue(entry{record: r, ride: ride})
}

// Rides is how many of a ticket's rides were taken here.
func (s *Store) Rides(ticket journal.ID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rides[ticket].Taken
}

// countRide counts a ride in memory; nil is none. The caller holds mu.
func (s *Store) countRide(r *journal.Ride) {
	if r != nil && len(r.Ticket) == TicketSize {
		s.rides[r.Ticket] = s.rides[r.Ticket].add(r)
	}
}

// putRide counts a ride in the file.
func (s *sets) putRide(tx *bbolt.Tx, r *journal.Ride) error {
	if r == nil || len(r.Ticket) != TicketSize {
		return nil
	}
	key := rideKey(r.Ticket)
	var t tally
	if sealed := tx.Bucket(passbackBucket).Get(key); sealed != nil {
		if err := decodeSealed(key, sealed, &t); err != nil {
			return &damageError{err}
		}
	}
	return s.put(tx, passbackBucket, key, encodeSealed(key, t.add(r)))
}

// recount counts in memory what is queued, on top of what the file says.
func (s *Store) recount() {
	for i := range s.queue {
		s.countRide(s.queue[i].ride)
		s.followSlip(&s.queue[i])
	}
}

// oldRides lists the tickets that have ended by what is proven of the time.
func (s *Store) oldRides(now time.Time, keys [][]byte) [][]byte {
	for ticket, t := range s.rides {
		if len(keys) >= pruneBatch {
			break
		}
		if t.Until < now.Unix() && !s.rideQueued(ticket) {
			keys = append(keys, rideKey(ticket))
		}
	}
	return keys
}

// rideQueued tells whether a ticket waits for its first commit.
func (s *Store) rideQueued(ticket journal.ID) bool {
	for i := range s.queue {
		if r := s.queue[i].ride; r != nil && r.Ticket == ticket {
			return true
		}
	}
	return false
}

// forgetPassage follows the removal of a key from the file.
func (s *Store) forgetPassage(key []byte) {
	if isRide(key) {
		delete(s.rides, journal.ID(key[1:]))
		return
	}
	delete(s.passages, journal.ID(key))
}
