package journal

import "fmt"

// Unsent is the reason of the record that says which records' bodies made room before the
// station had them. Their leaf hashes stay in the log, and the station gets those.
const Unsent = "journal_unsent"

const roomMade = "records %d to %d: the station does not have them, and there was no room: their leaf hashes are kept"

// RoomMade is the record that says of records from one to another that their bodies made room.
func RoomMade(from, upTo uint64) Record {
	return Record{Kind: Pruned, Reason: Unsent, Count: int(upTo - from + 1), Detail: fmt.Sprintf(roomMade, from, upTo)}
}

// MadeRoom reads which records' bodies made room, from what a record says; ok is false where it
// is about something else.
func MadeRoom(r Record) (from, upTo uint64, ok bool) {
	if r.Kind != Pruned || r.Reason != Unsent {
		return 0, 0, false
	}
	if _, err := fmt.Sscanf(r.Detail, "records %d to %d:", &from, &upTo); err != nil || from == 0 || upTo < from || r.Detail != fmt.Sprintf(roomMade, from, upTo) {
		return 0, 0, false
	}
	return from, upTo, true
}
