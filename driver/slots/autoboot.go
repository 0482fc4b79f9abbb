package slots

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Autoboot is autoboot.txt, by which the Raspberry Pi's bootloader chooses a partition. It is
// in the first partition, and the bootloader reads no more than 512 bytes of it:
//
//	# railgate: A=2 B=3 bad=
//	[all]
//	tryboot_a_b=1
//	boot_partition=2
//	[tryboot]
//	boot_partition=3
//
// (Raspberry Pi documentation, "The config.txt file", autoboot.txt.) boot_partition of [all]
// is what every start takes, but for the one after a restart with the argument "0 tryboot",
// which takes the one of [tryboot]; tryboot_a_b says that the partition's usual config.txt is
// read then, and not its tryboot.txt. Its comment is ours: which slot is in which partition,
// and which slots are bad.
type Autoboot struct {
	Partitions map[string]int // of each slot, by its bootname
	Usual      string         // the slot that is started
	Trial      string         // the slot that is tried once; "": none
	Bad        []string       // slots that are not to be started
}

// autobootSize is what the bootloader reads, and one sector: it is written whole or not at
// all. See [Tryboot].
const autobootSize = 512

const autobootMark = "# railgate:"

// NewAutoboot is that of a machine on which both slots are as they were made: A in partition 2, B in
// partition 3, and A is started.
func NewAutoboot() *Autoboot {
	return &Autoboot{Partitions: map[string]int{"A": 2, "B": 3}, Usual: "A"}
}

// Bytes is the file, filled up with empty lines to 512 bytes.
func (a *Autoboot) Bytes() ([]byte, error) {
	var b strings.Builder
	b.WriteString(autobootMark)
	for _, name := range a.names() {
		fmt.Fprintf(&b, " %s=%d", name, a.Partitions[name])
	}
	fmt.Fprintf(&b, " bad=%s\n[all]\ntryboot_a_b=1\nboot_partition=%d\n", strings.Join(a.Bad, ","), a.Partitions[a.Usual])
	if a.Trial != "" {
		fmt.Fprintf(&b, "[tryboot]\nboot_partition=%d\n", a.Partitions[a.Trial])
	}
	if b.Len() > autobootSize {
		return nil, fmt.Errorf("autoboot.txt would have %d bytes; the bootloader reads %d", b.Len(), autobootSize)
	}
	return []byte(b.String() + strings.Repeat("\n", autobootSize-b.Len())), nil
}

// names are the slots' bootnames, in order.
func (a *Autoboot) names() []string {
	var all []string
	for name := range a.Partitions {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

var errByHand = errors.New("was not written by railgate")

// ParseAutoboot reads the file. What somebody wrote into it by hand is an error: it would be
// lost by the next update.
func ParseAutoboot(data []byte) (*Autoboot, error) {
	a := &Autoboot{Partitions: map[string]int{}}
	section, numbers, ab := "", map[string]int{}, false
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		key, value, _ := strings.Cut(line, "=")
		switch {
		case line == "":
		case strings.HasPrefix(line, autobootMark):
			if err := a.parseMark(strings.Fields(strings.TrimPrefix(line, autobootMark))); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		case line == "[all]", line == "[tryboot]":
			section = line
		case key == "tryboot_a_b" && value == "1" && section == "[all]":
			ab = true
		case key == "boot_partition" && section != "" && numbers[section] == 0:
			n, err := partition(value)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			numbers[section] = n
		default:
			return nil, fmt.Errorf("line %d, %q: %w", i+1, line, errByHand)
		}
	}
	if len(a.Partitions) < 2 || !ab {
		return nil, fmt.Errorf("it names no two slots: it %w", errByHand)
	}
	return a, a.choose(numbers)
}

// parseMark reads our comment: A=2 B=3 bad=B.
func (a *Autoboot) parseMark(words []string) error {
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		switch {
		case !ok || name == "":
			return fmt.Errorf("%q: %w", word, errByHand)
		case name == "bad":
			if value != "" {
				a.Bad = strings.Split(value, ",")
			}
			continue
		}
		n, err := partition(value)
		if err != nil {
			return err
		}
		for other, taken := range a.Partitions {
			if taken == n {
				return fmt.Errorf("slots %s and %s in one partition: %w", other, name, errByHand)
			}
		}
		a.Partitions[name] = n
	}
	for _, name := range a.Bad {
		if a.Partitions[name] == 0 {
			return fmt.Errorf("bad=%s: no such slot", name)
		}
	}
	return nil
}

// partition is the number of a partition: 1 to 128 in a GPT.
func partition(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 128 {
		return 0, fmt.Errorf("partition %q; want 1 to 128", text)
	}
	return n, nil
}

// choose finds the slots of the partitions that are started.
func (a *Autoboot) choose(numbers map[string]int) error {
	for name, n := range a.Partitions {
		if n == numbers["[all]"] {
			a.Usual = name
		}
		if n == numbers["[tryboot]"] {
			a.Trial = name
		}
	}
	switch {
	case a.Usual == "":
		return fmt.Errorf("[all] starts partition %d, which is no slot's", numbers["[all]"])
	case numbers["[tryboot]"] != 0 && a.Trial == "":
		return fmt.Errorf("[tryboot] starts partition %d, which is no slot's", numbers["[tryboot]"])
	case a.Trial == a.Usual:
		a.Trial = ""
	}
	return nil
}

// Primary is the slot that is started next.
func (a *Autoboot) Primary() string {
	if a.Trial != "" {
		return a.Trial
	}
	return a.Usual
}

// other is a slot that is good, and not the one named; "": there is none.
func (a *Autoboot) other(name string) string {
	for _, n := range a.names() {
		if n != name && !slices.Contains(a.Bad, n) {
			return n
		}
	}
	return ""
}

// SetPrimary has a slot started next: tried once, if it is not the usual one.
func (a *Autoboot) SetPrimary(name string) {
	a.setBad(name, false)
	a.Trial = name
	if name == a.Usual {
		a.Trial = ""
	}
}

// SetGood says that a slot is good. The one that runs is the usual one from then on; the
// other one may only be tried.
func (a *Autoboot) SetGood(name string, runs bool) {
	a.setBad(name, false)
	if runs && name != a.Usual {
		a.Usual, a.Trial = name, ""
	}
}

// SetBad has a slot started no more, as far as there is another one that is good.
func (a *Autoboot) SetBad(name string) {
	a.setBad(name, true)
	if a.Trial == name {
		a.Trial = ""
	}
	if other := a.other(name); a.Usual == name && other != "" {
		a.Usual, a.Trial = other, ""
	}
}

func (a *Autoboot) setBad(name string, bad bool) {
	a.Bad = slices.DeleteFunc(a.Bad, func(n string) bool { return n == name })
	if bad {
		a.Bad = append(a.Bad, name)
		slices.Sort(a.Bad)
	}
}
