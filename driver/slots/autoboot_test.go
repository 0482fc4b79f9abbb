package slots

import (
	"strings"
	"testing"
)

// The bootloader reads no more than 512 bytes.
func TestAFileThatIsTooLong(t *testing.T) {
	a := NewAutoboot()
	empty, err := a.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	room := autobootSize - len(strings.TrimRight(string(empty), "\n")) - len("\n =9") // its last line's end, and what stands around a name
	for _, tt := range []struct {
		long int
		ok   bool
	}{{room, true}, {room + 1, false}} {
		a := NewAutoboot()
		a.Partitions[strings.Repeat("C", tt.long)] = 9
		if data, err := a.Bytes(); (err == nil) != tt.ok || tt.ok && len(data) != autobootSize {
			t.Errorf("a name of %d bytes: %d bytes, %v; want it written: %v", tt.long, len(data), err, tt.ok)
		}
	}
}

func FuzzParseAutoboot(f *testing.F) {
	good, _ := NewAutoboot().Bytes()
	tried := NewAutoboot()
	tried.SetPrimary("B")
	other, _ := tried.Bytes()
	for _, seed := range []string{string(good), string(other), "", "[all]\nboot_partition=2", "# railgate: A=2 B=2 bad=A\n[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=2\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseAutoboot(data)
		if err != nil {
			return
		}
		again, err := a.Bytes()
		if err != nil {
			return // too long for the bootloader
		}
		b, err := ParseAutoboot(again)
		if err != nil || b.Partitions[b.Usual] != a.Partitions[a.Usual] || b.Partitions[b.Trial] != a.Partitions[a.Trial] {
			t.Errorf("%q became %q, %v", data, again, err)
		}
	})
}
