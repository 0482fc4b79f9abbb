package identity

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nkeys"
)

// A gate's public keys for somebody who reads them out, or types them: lines of four groups of
// four characters, each with a check of its own, so that a slip is found on its line. The
// characters are Crockford's base32: no I, L, O or U, and who types I, L or O gets 1, 1 or 0.
//
//	line = base32 of 9 bytes ‖ the first byte of SHA-256(number of the line ‖ these)
//
// The 9 bytes are those of journal (32) ‖ bus (32) ‖ provisioning (32) ‖ the first 3 bytes of
// SHA-256 over the 96: eleven lines.
const (
	lineBytes  = 9
	lineChars  = 16
	keyBytes   = 96
	checkBytes = 3
	lineCount  = (keyBytes + checkBytes) / lineBytes
)

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Lines are the gate's public keys, to be read out. Its names are not in them.
func (p Public) Lines() ([]string, error) {
	bus, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(p.Bus))
	if err != nil {
		return nil, fmt.Errorf("the gate's key on the bus: %w", err)
	}
	data := append(append(append([]byte{}, p.Journal...), bus...), p.Provisioning...)
	if len(data) != keyBytes {
		return nil, errors.New("a gate's keys have 32 bytes each")
	}
	data = append(data, sumOf(data)[:checkBytes]...)
	var lines []string
	for n := range lineCount {
		part := data[n*lineBytes : (n+1)*lineBytes]
		lines = append(lines, groups(spell(append(append([]byte{}, part...), lineCheck(n, part)))))
	}
	return lines, nil
}

// ParseLines reads what somebody typed of Lines: in any case, with any spaces, hyphens and line
// breaks. Its error names the line that is wrong.
func ParseLines(text string) (Public, error) {
	digits, err := digitsOf(text)
	if err != nil {
		return Public{}, err
	}
	var data []byte
	for n := range lineCount {
		if len(digits) < (n+1)*lineChars {
			return Public{}, fmt.Errorf("line %d ends early: want %d lines of %d characters", n+1, lineCount, lineChars)
		}
		line := unspell(digits[n*lineChars : (n+1)*lineChars])
		if line[lineBytes] != lineCheck(n, line[:lineBytes]) {
			return Public{}, fmt.Errorf("line %d has a wrong character: read it again", n+1)
		}
		data = append(data, line[:lineBytes]...)
	}
	if len(digits) > lineCount*lineChars {
		return Public{}, fmt.Errorf("there is more after line %d", lineCount)
	}
	keys, check := data[:keyBytes], data[keyBytes:]
	if string(sumOf(keys)[:checkBytes]) != string(check) {
		return Public{}, errors.New("the lines are not of one gate")
	}
	bus, err := nkeys.Encode(nkeys.PrefixByteUser, keys[32:64])
	if err != nil {
		return Public{}, err
	}
	p := Public{Journal: keys[:32], Bus: string(bus), Provisioning: keys[64:]}
	return p, p.check()
}

// digitsOf are the values of the characters of a text that are digits of base32.
func digitsOf(text string) (digits []byte, err error) {
	line := 1 + len(digits)/lineChars
	for _, r := range strings.ToUpper(text) {
		switch r {
		case ' ', '\t', '\r', '\n', '-', '.', ':':
			continue
		case 'I', 'L':
			r = '1'
		case 'O':
			r = '0'
		}
		i := strings.IndexRune(crockford, r)
		if i < 0 {
			return nil, fmt.Errorf("line %d: %q is not one of %s", line, r, crockford)
		}
		digits = append(digits, byte(i))
		line = 1 + len(digits)/lineChars
	}
	return digits, nil
}

// spell writes 10 bytes as 16 characters.
func spell(data []byte) string {
	var b strings.Builder
	bits, n := uint(0), 0
	for _, c := range data {
		bits, n = bits<<8|uint(c), n+8
		for ; n >= 5; n -= 5 {
			b.WriteByte(crockford[bits>>(n-5)&31])
		}
	}
	return b.String()
}

// unspell is the 10 bytes of 16 digits.
func unspell(digits []byte) (data []byte) {
	bits, n := uint(0), 0
	for _, d := range digits {
		bits, n = bits<<5|uint(d), n+5
		if n >= 8 {
			data, n = append(data, byte(bits>>(n-8))), n-8
		}
	}
	return data
}

func groups(s string) string {
	return s[:4] + " " + s[4:8] + " " + s[8:12] + " " + s[12:]
}

func lineCheck(n int, part []byte) byte { return sumOf(append([]byte{byte(n)}, part...))[0] }

func sumOf(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}
