package collect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"strings"
	"sync"

	"railgate/store/durable"
)

// Anchors are the newest receipts that were given, by their log's origin.
type Anchors map[string][]byte

const maxAnchors = 1 << 30

// ErrAnchors is a file of anchors that does not say what one says.
var ErrAnchors = errors.New("the file of the newest receipts is damaged")

// ReadAnchors reads a file of anchors; none where there is no file.
func ReadAnchors(path string) (Anchors, error) {
	if path == "" {
		return Anchors{}, nil
	}
	data, err := durable.ReadFile(path, maxAnchors)
	if errors.Is(err, fs.ErrNotExist) {
		return Anchors{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a := Anchors{}
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrAnchors, err)
	}
	if a == nil { // "null"
		a = Anchors{}
	}
	return a, nil
}

// anchors keep the newest receipts in a file beside the ledger: one that was put back from a
// copy is found by them. Its methods may be called concurrently.
type anchors struct {
	path string

	mu      sync.Mutex // guards the fields below
	all     Anchors
	changed bool
}

// openAnchors goes on without a file that is damaged, which it sets aside: gates bring new
// receipts.
func openAnchors(path string, log *slog.Logger) (*anchors, error) {
	all, err := ReadAnchors(path)
	if errors.Is(err, ErrAnchors) {
		aside := path + ".damaged"
		log.Error("the newest receipts beside the ledger cannot be read; they are set aside, and begun again", "file", aside, "err", err)
		all, err = Anchors{}, os.Rename(path, aside)
	}
	return &anchors{path: path, all: all}, err
}

// put keeps a receipt; text is its head's.
func (a *anchors) put(text string, note []byte) {
	origin, _, _ := strings.Cut(text, "\n")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all[origin] = note
	a.changed = true
}

// write writes the file where it has changed.
func (a *anchors) write() error {
	a.mu.Lock()
	all, changed := maps.Clone(a.all), a.changed
	a.changed = false
	a.mu.Unlock()
	if !changed || a.path == "" {
		return nil
	}
	data, err := json.Marshal(all)
	if err == nil {
		err = durable.WriteFile(a.path, append(data, '\n'), 0o600)
	}
	if err != nil {
		a.mu.Lock()
		a.changed = true
		a.mu.Unlock()
		return fmt.Errorf("the newest receipts, beside the ledger: %w", err)
	}
	return nil
}
