package turnstile

import (
	"os"
	"path/filepath"
	"testing"
)

// Two gates exclude each other though somebody has removed the file, or put another in its place,
// since one of them opened it.
func TestAnInterlockWhoseFileIsRemovedExcludesStill(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return os.Rename(path+".other", path) },
	} {
		path := filepath.Join(t.TempDir(), "lock")
		if err := os.WriteFile(path+".other", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		in, out := newInterlock(path), newInterlock(path)
		want := func(l *interlock, free bool) {
			t.Helper()
			if got, err := l.try(); got != free || err != nil {
				t.Errorf("%s: %v, %v; want %v", name, got, err, free)
			}
		}
		want(in, true)
		want(out, false)
		in.release()
		if err := damage(path); err != nil {
			t.Fatal(err)
		}
		out.close()
		out = newInterlock(path) // its daemon was restarted
		want(out, true)
		want(in, false)
		out.release()
		want(in, true)
		want(out, false)
		in.close()
		out.close()
	}
}
