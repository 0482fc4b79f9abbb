package main

import (
	"encoding/base64"
	"encoding/hex"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"railgate/store/durable"
	"railgate/store/identity"
)

// blanked stands for what is left out of a text.
const blanked = "[blanked]"

// A scrubber takes out of a text what must not leave a gate.
type scrubber struct {
	words *strings.Replacer // the gate's own secrets, in the forms in which they may be written
	users *regexp.Regexp    // people's names on this machine; nil: there are none
}

// newScrubber knows the secrets of a gate and the people of its machine.
func newScrubber(h *host, dir string) *scrubber {
	s := new(scrubber)
	var pairs []string
	if seed, err := durable.ReadFile(filepath.Join(dir, identity.SeedFile), 4<<10); err == nil {
		for _, form := range formsOf(seed) {
			pairs = append(pairs, form, blanked)
		}
	}
	s.words = strings.NewReplacer(pairs...)
	if people := peopleOf(h); len(people) > 0 {
		s.users = regexp.MustCompile(`(?i)\b(` + strings.Join(people, "|") + `)\b`)
	}
	return s
}

// formsOf are the ways in which bytes may be written.
func formsOf(secret []byte) (forms []string) {
	for _, text := range []string{
		strings.TrimSpace(string(secret)), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
		base64.RawStdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret),
	} {
		if len(text) >= 8 {
			forms = append(forms, text)
		}
	}
	return forms
}

// peopleOf are the login names of people, and what is written beside them, as patterns.
func peopleOf(h *host) (people []string) {
	for line := range h.lines("/etc/passwd") {
		f := strings.Split(line, ":")
		if len(f) < 5 {
			continue
		}
		if uid, err := strconv.Atoi(f[2]); err != nil || uid < 1000 || uid >= 65534 {
			continue
		}
		for _, name := range append(strings.FieldsFunc(f[4], func(r rune) bool { return r == ',' }), f[0]) {
			if name = strings.TrimSpace(name); len(name) > 1 {
				people = append(people, regexp.QuoteMeta(name))
			}
		}
	}
	return people
}

// A pattern is what is blanked wherever it stands. Only a line that has one of its marks, in small
// letters, is searched: a log is long.
type pattern struct {
	marks []string // none: each line is searched
	find  *regexp.Regexp
	put   string // in its place
}

func anywhere(find string, marks ...string) pattern {
	return pattern{marks, regexp.MustCompile(find), blanked}
}

// after blanks what follows a name.
func after(find string, marks ...string) pattern {
	return pattern{marks, regexp.MustCompile(find), "${1}" + blanked + "${2}"}
}

// secretWords are parts of the names of what is secret or personal.
var secretWords = []string{"pass", "psk", "ssid", "secret", "token", "credential", "apikey", "api_key", "api-key", "seed", "authorization", "bearer", "cookie", "sub", "cti", "holder", "why", "because"}

var (
	// secrets are secret, or lead to somebody, in any text.
	secrets = []pattern{
		after(`(\w+://)[^/@\s"']+(@)`, "@"),
		after(`(\w+://[^\s"'?#]*[?#])[^\s"']+()`, "://"),
		after(`(/home/)[^/\s:"']+()`, "/home/"),
		anywhere(`(?i)\bRG[A-Z]{0,3}1(:|%3A)[0-9A-Z $%*+./:-]{8,}`, "1:", "1%3a"), // codes
		anywhere(`\bAGE-SECRET-KEY-[0-9A-Z]+`, "age-secret"),                      // age
		anywhere(`\bS[A-Z][A-Z2-7]{54,}\b`),                                       // nkeys' seeds
		anywhere(`\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)*`, "eyj"),              // JWTs
		anywhere(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}`, "@"),
	}
	// personal are somebody's in a free text; in a table of numbers they may be a number.
	personal = []pattern{
		after(`(, by [^":,]{1,80}: )(?:[^"\\]|\\.)*()`, ", by "),            // a reason that staff gave, as records have it
		after(`(, by (?:user )?)[^\s":,\\]+([":,\\]|$)`, ", by "),           // and who gave it
		after(`(?i)(authorization["']?\s*[=:]\s*)\S.*()$`, "authorization"), // a scheme, and what it proves
		after(`(?im)\b((?:pass(?:word|phrase)?|psk|ssid|why|because)["']?\s*:\s*)[^"'\s].*()$`, "pass", "psk", "ssid", "why", "because"),
		after(`(?i)((?:pass(?:word|phrase|wd)?|psk|ssid|secret|token|credentials?|api[_-]?key|seed|authorization|bearer|cookie|sub|cti|holder|why|because)["']?\s*[=:]\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;]+)()`, secretWords...),
		anywhere(`\b[1-9]\d{5}(19|20)\d{9}[\dXx]\b`),                                         // resident IDs
		anywhere(`(?:\b(?:00)?86[- ]?|\+86[- ]?|\b)1[3-9]\d[- ]?\d{4}[- ]?\d{4}\b`),          // telephones
		anywhere(`\b(?:0x)?[0-9A-Fa-f]{16,}\b|\b(?:[0-9A-Fa-f]{2}[:-]){7,}[0-9A-Fa-f]{2}\b`), // ids, digests, keys
	}
	// pem is what stands in many lines.
	pem = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*-----.*?(-----END [A-Z ]*-----|$)`)
	// longs are what may be base64 of something.
	longs = regexp.MustCompile(`[A-Za-z0-9+/_-]{22,}={0,2}`)
)

func blank(line string, all []pattern) string {
	small := strings.ToLower(line)
	for _, p := range all {
		if len(p.marks) == 0 || slices.ContainsFunc(p.marks, func(mark string) bool { return strings.Contains(small, mark) }) {
			line = p.find.ReplaceAllString(line, p.put)
		}
	}
	return line
}

// eachLine changes a text line by line.
func eachLine(text string, change func(string) string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		whole := strings.TrimSuffix(line, "\n")
		out.WriteString(change(whole))
		out.WriteString(line[len(whole):])
	}
	return out.String()
}

// known takes out of a text whose form is known what is nobody's business.
func (s *scrubber) known(text string) string {
	return eachLine(pem.ReplaceAllString(text, blanked), func(line string) string { return blank(s.words.Replace(line), secrets) })
}

// text takes out of a free text all that might be somebody's, too.
func (s *scrubber) text(text string) string {
	return eachLine(s.known(text), func(line string) string {
		line = blank(line, personal)
		if s.users != nil {
			line = s.users.ReplaceAllString(line, blanked)
		}
		return longs.ReplaceAllStringFunc(line, func(run string) string {
			if looksRandom(run) {
				return blanked
			}
			return run
		})
	})
}

// uuids name partitions and file systems.
var uuids = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// looksRandom tells base64 of something from a long word or a path: its letters, capitals and
// digits alternate, in all of it or in one piece.
func looksRandom(run string) bool {
	if uuids.MatchString(run) {
		return false
	}
	all, changes := alternations(strings.NewReplacer("/", "", "-", "", "_", "", "+", "", "=", "").Replace(run))
	if changes*3 >= all {
		return true
	}
	return slices.ContainsFunc(strings.FieldsFunc(run, func(r rune) bool { return strings.ContainsRune("/-_+=", r) }), func(piece string) bool {
		n, changes := alternations(piece)
		return n >= 16 && changes >= 4
	})
}

// alternations counts letters and digits, and how often small letters, capitals and digits change.
func alternations(text string) (n, changes int) {
	before := 0
	for i := range len(text) {
		class := 3
		switch c := text[i]; {
		case c >= 'a' && c <= 'z':
			class = 1
		case c >= 'A' && c <= 'Z':
			class = 2
		}
		if class != before && before != 0 {
			changes++
		}
		before = class
	}
	return len(text), changes
}

// secretKeys are the configuration's keys whose value is never shown.
var secretKeys = regexp.MustCompile(`(?i)pass|secret|token|credential|psk|ssid|private|seed`)

// setting is a key's value as it may be shown.
func (s *scrubber) setting(key string, value any) any {
	switch v := value.(type) {
	case string:
		if secretKeys.MatchString(key) && v != "" {
			return blanked
		}
		return s.known(v)
	case []string:
		out := make([]any, len(v))
		for i := range v {
			out[i] = s.setting(key, v[i])
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = s.setting(key, v[i])
		}
		return out
	}
	return value
}
