package manifest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// An Addition is what a station sold, or took back, since it published a day's manifest: a
// C2SP signed note of a few rows. Its text is
//
//	railgate.tickets/v1
//	GZQ 20261129 1764400000123
//	+6b1f…,single,G1302,2026-11-29T07:40:00Z,2026-11-29T08:12:00Z,GZQ,,
//	-90aa…,multi,,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,GZQ,20,
//
// station, day and number; then a row of the manifest each, with + where it was sold and -
// where it was taken back. Of what is said of a ticket, what has the highest number counts: an
// addition that comes again, or late, changes nothing.
type Addition struct {
	Station string
	Day     int    // yyyymmdd
	Serial  uint64 // the station's own numbers rise
	Changes []Change
}

// A Change is a ticket that was sold, or taken back.
type Change struct {
	Row      Row
	Refunded bool
}

// MaxChanges bounds the rows of one addition.
const MaxChanges = 64

const (
	additionHeader = "railgate.tickets/v1"
	maxAddition    = 32 << 10
)

// ErrAddition is one that is not the station's, or not as it must be.
var ErrAddition = errors.New("an addition to the day's tickets is refused")

// Sign makes the note of an addition.
func (a *Addition) Sign(by note.Signer) ([]byte, error) {
	text := a.text()
	if _, err := parseAddition(text); err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: text}, by)
}

// OpenAddition reads a station's addition that its key has signed.
func OpenAddition(msg []byte, station string, key note.Verifier) (*Addition, error) {
	if len(msg) > maxAddition {
		return nil, fmt.Errorf("%w: %d bytes; want %d at most", ErrAddition, len(msg), maxAddition)
	}
	n, err := note.Open(msg, note.VerifierList(key))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAddition, err)
	}
	a, err := parseAddition(n.Text)
	if err == nil && a.Station != station {
		err = fmt.Errorf("%w: it is of station %q", ErrAddition, a.Station)
	}
	return a, err
}

func (a *Addition) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s %d %d\n", additionHeader, a.Station, a.Day, a.Serial)
	for i := range a.Changes {
		sign := byte('+')
		if a.Changes[i].Refunded {
			sign = '-'
		}
		b.WriteByte(sign)
		b.WriteString(a.Changes[i].Row.CSV())
		b.WriteByte('\n')
	}
	return b.String()
}

// parseAddition reads a text in the one way in which it is written.
func parseAddition(text string) (*Addition, error) {
	bad := func(format string, args ...any) (*Addition, error) {
		return nil, fmt.Errorf("%w: %s", ErrAddition, fmt.Sprintf(format, args...))
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || len(lines) > 2+MaxChanges || lines[0] != additionHeader {
		return bad("%d lines; want %s, and 1 to %d rows", len(lines), additionHeader, MaxChanges)
	}
	a, err := parsePlace(lines[1])
	if err != nil {
		return nil, err
	}
	ids := map[[32]byte]bool{}
	for i, line := range lines[2:] {
		if line == "" || len(line) > maxLine {
			return bad("row %d has %d bytes", i+1, len(line))
		}
		row, err := parseRow(i+1, []byte(line[1:]))
		switch {
		case err != nil:
			return bad("row %v", err)
		case ids[row.ID()]:
			return bad("row %d: one ticket is there twice", i+1)
		}
		ids[row.ID()] = true
		a.Changes = append(a.Changes, Change{row, line[0] == '-'})
	}
	if a.text() != text {
		return bad("it is not written as it must be")
	}
	return a, nil
}

// parsePlace reads station, day and number.
func parsePlace(line string) (*Addition, error) {
	f := strings.Split(line, " ")
	if len(f) != 3 || f[0] == "" || !goodName(f[0], 32) {
		return nil, fmt.Errorf("%w: %q; want station, day and number", ErrAddition, line)
	}
	_, errDay := time.Parse("20060102", f[1])
	day, errNumber := strconv.Atoi(f[1])
	serial, errSerial := strconv.ParseUint(f[2], 10, 63)
	if err := errors.Join(errDay, errNumber, errSerial); err != nil || serial == 0 {
		return nil, fmt.Errorf("%w: %q; want station, day and number (%v)", ErrAddition, line, err)
	}
	return &Addition{Station: f[0], Day: day, Serial: serial}, nil
}

// CSV is the row's line in a manifest, without its end, as this program writes it.
func (r *Row) CSV() string {
	kind := map[Kind]string{Single: "single", Multi: "multi", Period: "period"}[r.Kind]
	at := func(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
	count, people := "", ""
	if r.Kind == Multi || r.Kind == Single && r.Count != 1 {
		count = strconv.Itoa(r.Count)
	}
	if r.People != 1 {
		people = strconv.Itoa(r.People)
	}
	return strings.Join([]string{hex.EncodeToString([]byte(r.Holder)), kind, r.Train, at(r.From), at(r.Until), r.Station, count, people}, ",")
}
