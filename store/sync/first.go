package sync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrOtherRoot is a repository whose first root is another than the gate was told.
var ErrOtherRoot = errors.New("has another fingerprint than this gate was told: it is not the repository that it should be")

const firstRoot = "1.root.json"

// FirstRoot brings a repository's first root, which must have a fingerprint: SHA-256 of the
// file, in hexadecimal digits. What was brought is kept, and not asked for again. A gate that is
// told another fingerprint than before begins again: what the other repository said is forgotten.
func FirstRoot(ctx context.Context, name, fingerprint string, from Source, state State) ([]byte, error) {
	matches := func(data []byte) bool {
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:]) == fingerprint
	}
	kept, err := state.File(name, firstRoot)
	if err != nil {
		return nil, err
	}
	if kept != nil && matches(kept) {
		return kept, nil
	}
	data, err := read(ctx, from, firstRoot, maxRoot)
	if err != nil {
		return nil, err
	}
	if !matches(data) {
		return nil, fmt.Errorf("%s %w", firstRoot, ErrOtherRoot)
	}
	files := map[string][]byte{firstRoot: data}
	if kept != nil {
		for _, role := range []string{"root.json", "timestamp.json", "snapshot.json", "targets.json"} {
			files[role] = nil
		}
	}
	return data, state.PutFiles(name, files)
}
