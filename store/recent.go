package store

// recent are the newest records as they were committed, one number after the other. The link
// to the station asks for each record just after its commit; a walk through the file for it
// reads a dozen pages. That the disk still has them is the scrub's to see.
type recent []stored

// recentMost bounds the records, and recentValue the length of each.
const (
	recentMost  = 64
	recentValue = 4 << 10
)

// add takes what a commit has written, up to the number last.
func (r *recent) add(entries []entry, last uint64) {
	seq := last - uint64(len(entries))
	if n := len(*r); n > 0 && (*r)[n-1].seq != seq {
		*r = nil // something was written by another way
	}
	for i := range entries {
		seq++
		if len(entries[i].value) > recentValue {
			*r = nil
			continue
		}
		*r = append(*r, stored{seq: seq, upTo: seq, key: journalKey(seq), value: entries[i].value})
	}
	if over := len(*r) - recentMost; over > 0 {
		*r = append(recent(nil), (*r)[over:]...)
	}
}

// follow is what follows a number in a journal from first to last; ok false: the file has to be
// read.
func (r recent) follow(first, last, after uint64) (list []stored, ok bool) {
	next := max(first, after+1)
	if len(r) == 0 || r[len(r)-1].seq != last || next < r[0].seq {
		return nil, false
	}
	return r[min(next-r[0].seq, uint64(len(r))):], true
}

// follow hands the records that follow a number to found, until it wants no more. The caller
// holds mu.
func (s *Store) follow(after uint64, found func(stored) bool) error {
	list, ok := s.recent.follow(s.sets.First, s.sets.Last, after)
	if !ok {
		return walkJournal(s.file, s.sets.First, s.sets.Last, after, found)
	}
	for _, e := range list {
		if !found(e) {
			break
		}
	}
	return nil
}
