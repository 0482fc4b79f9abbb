package gpioline

import (
	"errors"
	"strings"
	"testing"
)

// board has two chips, a name that both give, and a chip that has lost its names.
func board() []chip {
	chips := []chip{
		{name: "gpiochip0", label: "pinctrl-bcm2711", path: "/dev/gpiochip0", lines: []string{"ID_SDA", "GPIO17", "GPIO27", "WAKE"}},
		{name: "gpiochip1", label: "raspberrypi-exp-gpio", path: "/dev/gpiochip1", lines: []string{"BT_ON", "WAKE", "", ""}},
		{name: "gpiochip2", label: "usb-relay", path: "/dev/gpiochip2", lines: []string{"", ""}},
		{name: "gpiochip4", label: "INT34C5:00", path: "/dev/gpiochip4", lines: []string{"", "DO:1", ""}},
		{name: "gpiochip3", label: "usb-relay", path: "/dev/gpiochip3", lines: []string{"", "SPARE"}},
	}
	markShared(chips)
	return chips
}

func TestFind(t *testing.T) {
	for _, tt := range []struct{ spec, want, spelled string }{
		{"GPIO17", "GPIO17 (pinctrl-bcm2711:1)", "pinctrl-bcm2711:1"},
		{"pinctrl-bcm2711:1", "GPIO17 (pinctrl-bcm2711:1)", "pinctrl-bcm2711:1"},
		{"pinctrl-bcm2711:GPIO17", "GPIO17 (pinctrl-bcm2711:1)", "pinctrl-bcm2711:1"},
		{"raspberrypi-exp-gpio:WAKE", "WAKE (raspberrypi-exp-gpio:1)", "raspberrypi-exp-gpio:1"},
		{"gpiochip1:3", "raspberrypi-exp-gpio:3", "raspberrypi-exp-gpio:3"},
		{"gpiochip3:0", "usb-relay:0", "gpiochip3:0"},
		{"INT34C5:00:2", "INT34C5:00:2", "INT34C5:00:2"},
		{"DO:1", "DO:1 (INT34C5:00:1)", "INT34C5:00:1"},
		{"SPARE", "SPARE (usb-relay:1)", "gpiochip3:1"},
	} {
		l, err := find(board(), tt.spec)
		if err != nil {
			t.Errorf("%s: %v", tt.spec, err)
			continue
		}
		if l.String() != tt.want || l.Spec() != tt.spelled {
			t.Errorf("%s is %v, spelled %s; want %s, %s", tt.spec, l, l.Spec(), tt.want, tt.spelled)
		}
	}
}

func TestChipThatIsMissingIsTold(t *testing.T) {
	for spec, want := range map[string]bool{"pinctrl-bcm2835:17": true, "GPIO99": false, "pinctrl-bcm2711:4": false} {
		if _, err := find(board(), spec); errors.Is(err, ErrNoChip) != want || !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v; want a missing chip: %v", spec, err, want)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	for _, tt := range []struct {
		spec, words string
		notFound    bool
	}{
		{"GPIO99", `no line has that name (there are pinctrl-bcm2711 (gpiochip0, 4 lines), `, true},
		{"", `no line has that name`, true},
		{"pinctrl-bcm2711:", `no line has that name`, true},
		{"pinctrl-bcm2711:BT_ON", `no line has that name`, true},
		{"pinctrl-bcm2835:17", `chip "pinctrl-bcm2835" is not there (there are pinctrl-bcm2711`, true},
		{"pinctrl-bcm2711:4", `pinctrl-bcm2711 has lines 0 to 3`, true},
		{"pinctrl-bcm2711:-1", `no line has that name`, true},
		{"pinctrl-bcm2711:99999999999999999999", `no line has that name`, true},
		{"WAKE", `both pinctrl-bcm2711:3 and raspberrypi-exp-gpio:1 have that name; say which as chip:offset`, false},
		{"usb-relay:0", `there are two such chips`, false},
	} {
		l, err := find(board(), tt.spec)
		if err == nil {
			t.Errorf("%q is %v; want it refused", tt.spec, l)
			continue
		}
		if !strings.Contains(err.Error(), tt.words) || errors.Is(err, ErrNotFound) != tt.notFound || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want one line with %q", tt.spec, err, tt.words)
		}
	}
}

// FuzzFind gives any text: it finds a line that the machine has and that its spelling finds again, or refuses.
func FuzzFind(f *testing.F) {
	for _, spec := range []string{"GPIO17", "usb-relay:0", "gpiochip3:1", "::", ":0", "a:b:c", "pinctrl-bcm2711:0x1", "pinctrl-bcm2711:+1"} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		l, err := find(board(), spec)
		if err != nil {
			return
		}
		again, err := find(board(), l.Spec())
		if err != nil || again.path != l.path || again.Offset != l.Offset {
			t.Errorf("%q is %v, and its spelling %q %v, %v", spec, l, l.Spec(), again, err)
		}
	})
}
