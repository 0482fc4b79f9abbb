package main

import (
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// same says whether two texts are one but for how its characters are spelled in bytes: a
// code's byte segments do not say whether they are UTF-8, Latin-1, Shift-JIS or GBK, and
// some readers translate them while others hand them over. White space at the ends,
// line ends and a byte order mark do not count either.
func same(a, b string) bool {
	if trimmed(a) == trimmed(b) {
		return true
	}
	others := spellings(b)
	return slices.ContainsFunc(spellings(a), func(s string) bool { return slices.Contains(others, s) })
}

// contains says whether one of the texts is the same as another.
func contains(texts []string, text string) bool {
	return slices.ContainsFunc(texts, func(t string) bool { return same(t, text) })
}

func trimmed(s string) string {
	s = strings.TrimPrefix(s, "\ufeff")
	return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
}

// spellings are the texts that the bytes may be meant as.
func spellings(s string) []string {
	all := []string{trimmed(s)}
	for _, e := range []encoding.Encoding{charmap.ISO8859_1, charmap.Windows1252, japanese.ShiftJIS, simplifiedchinese.GB18030} {
		if text, err := e.NewDecoder().String(s); err == nil {
			all = append(all, trimmed(text))
		}
	}
	return all
}
