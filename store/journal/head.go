package journal

import (
	"errors"
	"fmt"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// longestName bounds what stations and gates may be called: they become parts of subjects,
// paths and origins.
const longestName = 32

// GoodName tells whether a station or a gate may have a name: 1 to 32 letters, digits,
// underscores and hyphens of ASCII. A gate asks it of two names of every message that it hears.
func GoodName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return 1 <= len(name) && len(name) <= longestName
}

// Origin names a gate's log: an epoch of its journal, which ends when its store does.
func Origin(station, gate, epoch string) (string, error) {
	for _, name := range []string{station, gate, epoch} {
		if !GoodName(name) {
			return "", fmt.Errorf("name %q; want 1 to 32 letters, digits, - and _", name)
		}
	}
	return strings.Join([]string{"railgate", station, gate, epoch}, "."), nil
}

// SignHead signs a tree's head as a checkpoint (C2SP tlog-checkpoint): a note (C2SP
// signed-note) of origin, number of leaves, root.
func SignHead(origin string, t tlog.Tree, signers ...note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: origin, Tree: t}.String()}, signers...)
}

// OpenHead reads a checkpoint that all of the verifiers have signed, of one origin.
func OpenHead(msg []byte, origin string, verifiers ...note.Verifier) (tlog.Tree, *note.Note, error) {
	n, err := note.Open(msg, note.VerifierList(verifiers...))
	if err != nil {
		return tlog.Tree{}, nil, fmt.Errorf("checkpoint: %w", err)
	}
	if len(n.Sigs) != len(verifiers) {
		return tlog.Tree{}, nil, fmt.Errorf("checkpoint: %d of %d signatures", len(n.Sigs), len(verifiers))
	}
	c, err := torchwood.ParseCheckpoint(n.Text)
	switch {
	case err != nil:
		return tlog.Tree{}, nil, err
	case c.Origin != origin:
		return tlog.Tree{}, nil, fmt.Errorf("checkpoint of %q; want one of %q", c.Origin, origin)
	case c.Extension != "":
		return tlog.Tree{}, nil, fmt.Errorf("checkpoint of %q: unknown extension", c.Origin)
	}
	return c.Tree, n, nil
}

// UnverifiedHead reads what a checkpoint says, whoever has signed it: to name what is
// missing, never to believe it.
func UnverifiedHead(msg []byte) (origin string, t tlog.Tree, err error) {
	text, _, ok := strings.Cut(string(msg), "\n\n")
	if !ok {
		return "", tlog.Tree{}, errors.New("checkpoint: it has no signatures")
	}
	c, err := torchwood.ParseCheckpoint(text + "\n")
	if err != nil {
		return "", tlog.Tree{}, err
	}
	return c.Origin, c.Tree, nil
}
