// Package bus is what a station's gates and the station say to each other: subjects, streams,
// headers and messages. Both ends use it; it knows no network.
//
// # On the bus
//
//	subject                 what                                          who publishes
//	rg.<S>.<gate>.journal   the gate's records, in order, 1 to 64          the gate, into rg_<S>_journal
//	rg.<S>.<gate>.spent     codes granted, people passed                  the gate, into rg_<S>_spent
//	rg.<S>.beat             the station's heartbeat, each second          the station, into rg_<S>_spent
//	rg.<S>.tickets          tickets sold during the day                   the station, into rg_<S>_spent
//	rg.<S>.revocations      what is revoked (docs/wire.md)                the station, into rg_<S>_revoked; the last one stays
//	rg.<S>.news             what rg_<S>_spent has stored: [News]          the station, to all gates at once
//	rg.<S>.<gate>.receipt   a request: a signed head; an [Answer]         the gate
//	rg.<S>.<gate>.time      a request: a signed head; the same, cosigned  the gate
//
// The bucket rg_<S>_claims holds for some seconds which gate lets a code in. S is the station.
package bus

import "strings"

// Headers of a journal's message.
const (
	HeaderGate  = "gate"
	HeaderEpoch = "epoch"
	HeaderSeq   = "seq"   // the record's sequence number
	HeaderFirst = "first" // that of the epoch's leaf 0
	HeaderMore  = "more"  // of several records: how many follow the first
	HeaderLeaf  = "leaf"  // of records whose bodies made room: their leaf hashes, in hex, and no body
)

// Several is what the metadata of a journal's stream say where those who read it take messages of
// several records. A station of before is sent one by one.
func Several() map[string]string { return map[string]string{"railgate.records": "several"} }

// TakesSeveral tells whether a stream's metadata say so.
func TakesSeveral(metadata map[string]string) bool {
	for name, want := range Several() {
		if metadata[name] != want {
			return false
		}
	}
	return true
}

// HeaderSerial is the number of an addition to the day's tickets: how far the stream has them.
const HeaderSerial = "serial"

func subject(parts ...string) string { return "rg." + strings.Join(parts, ".") }

// JournalSubject is where a gate publishes its records.
func JournalSubject(station, gate string) string { return subject(station, gate, "journal") }

// SpentSubject is where a gate publishes what others must know: see [Spent].
func SpentSubject(station, gate string) string { return subject(station, gate, "spent") }

// BeatSubject is where the station publishes its heartbeat, each second; the stream keeps it for
// seconds (Nats-TTL). Its body is empty: what counts is that it comes.
func BeatSubject(station string) string { return subject(station, "beat") }

// TicketsSubject is where the station publishes tickets that are sold during the day.
func TicketsSubject(station string) string { return subject(station, "tickets") }

// NewsSubject is where the station tells all gates at once what the stream of spent codes has
// stored. No stream keeps it: whoever misses some reads the stream.
func NewsSubject(station string) string { return subject(station, "news") }

// RevocationsSubject is where the station publishes what is revoked, to all gates at once: the
// signed document, or nothing where it is larger than [MaxRevoked]; then it is in the station's
// repository.
func RevocationsSubject(station string) string { return subject(station, "revocations") }

// MaxRevoked is the largest document of revocations that the bus carries, in bytes.
const MaxRevoked = 192 << 10

// TimeSubject is where a gate asks for the time.
func TimeSubject(station, gate string) string { return subject(station, gate, "time") }

// ReceiptSubject is where a gate asks for a receipt.
func ReceiptSubject(station, gate string) string { return subject(station, gate, "receipt") }

// JournalSubjects, SpentSubjects, TimeSubjects and ReceiptSubjects are all gates' of a station.
func JournalSubjects(station string) string { return JournalSubject(station, "*") }
func SpentSubjects(station string) string   { return SpentSubject(station, "*") }
func TimeSubjects(station string) string    { return TimeSubject(station, "*") }
func ReceiptSubjects(station string) string { return ReceiptSubject(station, "*") }

// GateOf is the gate of one of its subjects; "" where the subject is not a gate's.
func GateOf(subject string) string {
	rest, ours := strings.CutPrefix(subject, "rg.")
	_, rest, _ = strings.Cut(rest, ".")
	gate, last, four := strings.Cut(rest, ".")
	if !ours || !four || strings.Contains(last, ".") {
		return ""
	}
	return gate
}

// JournalStream is the stream of all gates' records of a station.
func JournalStream(station string) string { return "rg_" + station + "_journal" }

// SpentStream is the stream of what gates must know of each other.
func SpentStream(station string) string { return "rg_" + station + "_spent" }

// RevokedStream is the stream of what is revoked: the last document, for whoever comes later.
func RevokedStream(station string) string { return "rg_" + station + "_revoked" }

// ClaimsBucket is the bucket of claims; ClaimsStream is the stream beneath it.
func ClaimsBucket(station string) string { return "rg_" + station + "_claims" }
func ClaimsStream(station string) string { return "KV_" + ClaimsBucket(station) }

// ClaimSubject is where a claim with a key is published.
func ClaimSubject(station, key string) string { return "$KV." + ClaimsBucket(station) + "." + key }

// Inbox begins the subjects on which a gate gets its answers; its own, so that no gate reads
// another's.
func Inbox(station, gate string) string { return "_INBOX_rg." + station + "." + gate }

// Allowed is what a gate may do on the bus: subjects, with wildcards.
type Allowed struct{ Publish, Subscribe []string }

// Permissions are a gate's: it publishes under its own name only, hears and reads its station's
// stream of spent codes, and the last of its own journal's messages. The rest it cannot name.
func Permissions(station, gate string) Allowed {
	const api = "$JS.API."
	journal, spent, claims, revoked := JournalStream(station), SpentStream(station), ClaimsStream(station), RevokedStream(station)
	return Allowed{
		Publish: []string{
			JournalSubject(station, gate), SpentSubject(station, gate),
			TimeSubject(station, gate), ReceiptSubject(station, gate),
			ClaimSubject(station, ">"),
			api + "STREAM.INFO." + journal, api + "STREAM.INFO." + spent, api + "STREAM.INFO." + claims,
			api + "DIRECT.GET." + journal + "." + JournalSubject(station, gate),
			api + "DIRECT.GET." + spent + "." + SpentSubject(station, gate),
			api + "STREAM.INFO." + revoked, api + "DIRECT.GET." + revoked + "." + RevocationsSubject(station),
			api + "DIRECT.GET." + claims + "." + ClaimSubject(station, ">"),
			api + "CONSUMER.CREATE." + spent + ".>", api + "CONSUMER.INFO." + spent + ".>",
			api + "CONSUMER.DELETE." + spent + ".>", api + "CONSUMER.MSG.NEXT." + spent + ".>",
			"$JS.FC." + spent + ".>",
		},
		Subscribe: []string{Inbox(station, gate) + ".>", NewsSubject(station), RevocationsSubject(station)},
	}
}
