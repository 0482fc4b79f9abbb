package manifest

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Header is the first line of a manifest.
const Header = "sub,kind,train,from,until,station,count,people"

var columns = strings.Split(Header, ",")

// The limits of a manifest.
const (
	MaxRows   = 8_000_000
	maxLine   = 512 // bytes
	maxName   = 16
	maxCount  = 1000
	maxPeople = 99
	maxWindow = 400 * 24 * time.Hour
)

// A RowError is a row that is wrong: where, and why.
type RowError struct {
	Line   int
	Column string // "": the line as a whole
	Why    string
}

func (e *RowError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Why)
	}
	return fmt.Sprintf("line %d, %s: %s", e.Line, e.Column, e.Why)
}

// ReadCSV hands each row to take with its line, and each that is wrong to wrong, which
// says whether to go on (nil) or with what error to stop. Lines are of bounded length, so
// that memory is too.
func ReadCSV(r io.Reader, take func(line int, row *Row) error, wrong func(*RowError) error) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	for line := 1; ; line++ {
		text, err := readLine(lines)
		if err == io.EOF && line > 1 {
			return nil
		}
		switch {
		case err == errLong && line == 1:
			return &RowError{1, "", "is no header; want the columns " + Header}
		case err == errLong:
			err = wrong(&RowError{line, "", fmt.Sprintf("is longer than %d bytes", maxLine)})
		case err == io.EOF:
			return &RowError{1, "", "the file is empty; want the columns " + Header}
		case err != nil:
			return err
		case line == 1:
			if bytes.HasPrefix(text, []byte("\ufeff")) {
				return &RowError{1, "", "begins with a byte order mark, which spreadsheets write: save the file as UTF-8 without one; want the columns " + Header}
			}
			if string(text) != Header {
				return &RowError{1, "", fmt.Sprintf("%q; want the columns %s", text, Header)}
			}
		case line > MaxRows+1:
			return &RowError{line, "", fmt.Sprintf("a manifest has at most %d rows", MaxRows)}
		default:
			row, bad := parseRow(line, text)
			if bad != nil {
				err = wrong(bad)
			} else {
				err = take(line, &row)
			}
		}
		if err != nil {
			return err
		}
	}
}

var errLong = errors.New("line too long")

// readLine reads a line without its end, CR LF too. One that is too long is read to its
// end.
func readLine(r *bufio.Reader) ([]byte, error) {
	text, err := r.ReadSlice('\n')
	long := len(text) > maxLine
	for err == bufio.ErrBufferFull {
		_, err = r.ReadSlice('\n')
	}
	switch {
	case err != nil && err != io.EOF:
		return nil, err
	case err == io.EOF && len(text) == 0:
		return nil, io.EOF
	case long:
		return nil, errLong
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r")), nil
}

// parseRow reads one line.
func parseRow(line int, text []byte) (row Row, bad *RowError) {
	f := strings.Split(string(text), ",")
	if len(f) != len(columns) {
		return row, &RowError{line, "", fmt.Sprintf("has %d columns; want %d", len(f), len(columns))}
	}
	for i, parse := range []func(string, *Row) string{parseSub, parseKind, parseTrain, parseFrom, parseUntil, parseStation, parseCount, parsePeople} {
		if why := parse(f[i], &row); why != "" {
			return Row{}, &RowError{line, columns[i], why}
		}
	}
	return row, nil
}

func parseSub(s string, r *Row) string {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) < 8 || len(b) > subSize {
		return fmt.Sprintf("%q is not a holder; want 16 to 64 hex digits", s)
	}
	r.Holder = string(b)
	return ""
}

func parseKind(s string, r *Row) string {
	if r.Kind = kinds[s]; r.Kind == 0 {
		return fmt.Sprintf("%q is not known; want single, multi or period", s)
	}
	return ""
}

func parseTrain(s string, r *Row) string {
	if s == "" && r.Kind == Single {
		return "is missing; a single ticket has a train"
	}
	if !goodName(s, maxName) {
		return fmt.Sprintf("%q is not a train; want up to %d letters, digits, - and _", s, maxName)
	}
	r.Train = s
	return ""
}

// goodName tells whether a name is short and of plain characters; none is good too.
func goodName(s string, most int) bool {
	return len(s) <= most && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

func parseTime(s string) (seconds int64, why string) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Nanosecond() != 0 || t.Year() < 2000 || t.Year() > 2999 {
		return 0, fmt.Sprintf("%q is not a time; want one such as 2026-11-29T08:00:00+08:00", s)
	}
	return t.Unix(), ""
}

func parseFrom(s string, r *Row) (why string) {
	r.From, why = parseTime(s)
	return why
}

func parseUntil(s string, r *Row) (why string) {
	r.Until, why = parseTime(s)
	switch {
	case why != "":
	case r.Until <= r.From:
		why = fmt.Sprintf("%q is not after from", s)
	case r.Until-r.From > int64(maxWindow/time.Second):
		why = fmt.Sprintf("%q is more than 400 days after from", s)
	}
	return why
}

func parseStation(s string, r *Row) string {
	if !goodName(s, 32) {
		return fmt.Sprintf("%q is not a station; want up to 32 letters, digits, - and _", s)
	}
	r.Station = s
	return ""
}

func parseCount(s string, r *Row) string {
	switch {
	case r.Kind == Period && s == "":
		return ""
	case r.Kind == Period:
		return fmt.Sprintf("is %q; a period ticket has no count", s)
	case r.Kind == Single && s == "":
		r.Count = 1
		return ""
	}
	n, ok := parseNumber(s, maxCount)
	if !ok {
		return fmt.Sprintf("%q is not a number of rides; want 1 to %d", s, maxCount)
	}
	r.Count = n
	return ""
}

func parsePeople(s string, r *Row) string {
	if s == "" {
		r.People = 1
		return ""
	}
	n, ok := parseNumber(s, maxPeople)
	if !ok {
		return fmt.Sprintf("%q is not a number of people; want 1 to %d", s, maxPeople)
	}
	r.People = n
	return ""
}

func parseNumber(s string, most int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= most && strconv.Itoa(n) == s
}
