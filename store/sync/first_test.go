package sync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"
)

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func TestTheFirstRootHasItsFingerprint(t *testing.T) {
	f, state := newFake(t), newMemory()
	want := hashOf(f.files[firstRoot])
	if _, err := FirstRoot(context.Background(), "nation", strings.Repeat("0", 64), f, state); !errors.Is(err, ErrOtherRoot) {
		t.Errorf("another repository's root: %v; want ErrOtherRoot", err)
	}
	if kept, _ := state.File("nation", firstRoot); kept != nil {
		t.Error("a root that is refused is kept")
	}
	root, err := FirstRoot(context.Background(), "nation", want, f, state)
	if err != nil || hashOf(root) != want {
		t.Fatalf("FirstRoot: %v", err)
	}
	opened := len(f.opened)
	if again, err := FirstRoot(context.Background(), "nation", want, f, state); err != nil || hashOf(again) != want || len(f.opened) != opened {
		t.Errorf("asked for again: %v, %v", f.opened[opened:], err)
	}
	r := &Repository{Name: "nation", Root: root, Metadata: f, Targets: f, State: state, Now: func() time.Time { return noon }}
	if _, err := r.Refresh(context.Background()); err != nil {
		t.Errorf("Refresh from it: %v", err)
	}
}

// A gate that is provisioned for another nation is not held to what the first one said.
func TestAnotherFingerprintBeginsAgain(t *testing.T) {
	one, two, state := newFake(t), newFake(t), newMemory()
	for _, f := range []*fakeRepository{one, two} {
		root, err := FirstRoot(context.Background(), "nation", hashOf(f.files[firstRoot]), f, state)
		if err != nil {
			t.Fatal(err)
		}
		r := &Repository{Name: "nation", Root: root, Metadata: f, Targets: f, State: state, Now: func() time.Time { return noon }}
		if _, err := r.Refresh(context.Background()); err != nil {
			t.Errorf("Refresh: %v", err)
		}
	}
}
