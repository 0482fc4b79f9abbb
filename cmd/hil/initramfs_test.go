package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// entries reads an archive back, as the kernel does.
func entries(t *testing.T, b []byte) (found []string) {
	t.Helper()
	for len(b) >= 110 {
		var mode, size, nameSize int
		if _, err := fmt.Sscanf(string(b[14:22])+" "+string(b[54:62])+" "+string(b[94:102]), "%08x %08x %08x", &mode, &size, &nameSize); err != nil || string(b[:6]) != "070701" {
			t.Fatalf("header %q: %v", b[:110], err)
		}
		name := string(b[110 : 110+nameSize-1])
		data := (110 + nameSize + 3) &^ 3
		content := string(b[data : data+size])
		if name == "TRAILER!!!" {
			return found
		}
		found = append(found, fmt.Sprintf("%s %o %q", name, mode, content))
		b = b[(data+size+3)&^3:]
	}
	t.Fatal("the archive has no end")
	return nil
}

func TestArchiveIsNewc(t *testing.T) {
	var b bytes.Buffer
	a := newArchive(&b)
	a.file("init", 0o755, []byte("abcde"))
	a.file("/etc/railgate/keys.json", 0o644, nil)
	a.file("etc/railgate/x", 0o600, []byte("12345678"))
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	want := []string{`init 100755 "abcde"`, `etc 40755 ""`, `etc/railgate 40755 ""`, `etc/railgate/keys.json 100644 ""`, `etc/railgate/x 100600 "12345678"`}
	if got := entries(t, b.Bytes()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q; want %q", got, want)
	}
	if b.Len()%4 != 0 {
		t.Errorf("%d bytes; want a multiple of four", b.Len())
	}
}

func TestArchiveOfAFileThatIsNotThere(t *testing.T) {
	if err := newArchive(new(bytes.Buffer)).copy("init", filepath.Join(t.TempDir(), "none"), 0o755); !os.IsNotExist(err) {
		t.Errorf("%v; want that it is not there", err)
	}
}
