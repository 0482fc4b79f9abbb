package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// boards are the boards of configs/boards, with the label that the kernel gives their GPIO chip.
var boards = map[string]string{
	"raspberry-pi-4":        "pinctrl-bcm2711",
	"raspberry-pi-cm4":      "pinctrl-bcm2711",
	"raspberry-pi-5":        "pinctrl-rp1",
	"raspberry-pi-zero-2-w": "pinctrl-bcm2835",
	"industrial-pc":         "cp2112_gpio",
}

func boardConfig(t *testing.T, board string) *Config {
	t.Helper()
	c, err := Load(filepath.Join("boards", board, "railgated.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lines are the lines of a configuration, by purpose.
func (c *Config) boardLines() map[string]string {
	return map[string]string{"open": c.Turnstile.Open, "passage": c.Turnstile.Passage, "emergency": c.Turnstile.Emergency,
		"green": c.Panel.Green, "red": c.Panel.Red, "buzzer": c.Panel.Buzzer}
}

func TestEveryBoardHasAConfiguration(t *testing.T) {
	folders, err := os.ReadDir("boards")
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) != len(boards) {
		t.Errorf("%d folders in boards; want %d", len(folders), len(boards))
	}
	for board, label := range boards {
		c := boardConfig(t, board)
		seen := map[string]string{}
		for purpose, line := range c.boardLines() {
			chip, offset, _ := strings.Cut(line, ":")
			n, err := strconv.Atoi(offset)
			if chip != label || err != nil || n < 0 || (strings.HasPrefix(board, "raspberry") && n > 27) || (label == "cp2112_gpio" && n > 7) {
				t.Errorf("%s: %s = %q; want a line of %s's header", board, purpose, line, label)
			}
			if other, ok := seen[line]; ok {
				t.Errorf("%s: %s is the line of %s and %s", board, line, other, purpose)
			}
			seen[line] = purpose
		}
		if !slices.Equal(c.Turnstile.ActiveLow, []string{"emergency"}) {
			t.Errorf("%s: active_low = %v; want the fire loop's contact, closed while all is well, and an active-high relay", board, c.Turnstile.ActiveLow)
		}
		if c.Turnstile.Driver != "gpio" || c.Turnstile.Pulse == 0 || c.Scanners[0].Port != "/dev/railgate/scanner" || c.HTTP.Listen != "127.0.0.1:8080" || !c.Clock.RequireSync {
			t.Errorf("%s: %+v; want a pulse on GPIO, udev's scanner, the kiosk's address, a clock that is right", board, c)
		}
		text, err := os.ReadFile(filepath.Join("boards", board, "railgated.toml"))
		if err != nil || !strings.Contains(string(text), "What only a real board can tell:\n#   - ") {
			t.Errorf("%s does not say what only a real board can tell (%v)", board, err)
		}
	}
}

// A setting is a line of config.txt, with the filter under which it stands.
type setting struct{ filter, key, value string }

// readBoot reads config.txt: [filter], key=value, # comment; 98 characters a line at the most, for the firmware reads
// no more.
func readBoot(text string) (settings []setting, err error) {
	filter := "all"
	for i, line := range strings.Split(text, "\n") {
		key, value, isSetting := strings.Cut(line, "=")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case len(line) > 98:
			return nil, fmt.Errorf("line %d: %d characters; the firmware reads 98", i+1, len(line))
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			filter = strings.Trim(line, "[]")
		case isSetting && !strings.ContainsAny(line, " \t") && value != "":
			settings = append(settings, setting{filter, key, value})
		default:
			return nil, fmt.Errorf("line %d: %q is not a setting", i+1, line)
		}
	}
	if filter != "all" {
		return nil, fmt.Errorf("the last filter is [%s]; want [all], or what is added later is filtered too", filter)
	}
	return settings, nil
}

func TestBootSettingsAreRead(t *testing.T) {
	for _, bad := range []string{"gpio\n", "gpio =17\n", "gpio=\n", "[pi4]\ngpio=1=ip\n", "x=" + strings.Repeat("y", 97) + "\n"} {
		if got, err := readBoot(bad); err == nil {
			t.Errorf("%q read as %v; want an error", bad, got)
		}
	}
}

// knownFilters are those of config.txt that a file here may use, as Raspberry Pi's documentation has them (config_txt,
// conditional filters).
var knownFilters = []string{"all", "pi4", "cm4", "pi5", "pi02"}

// knownSettings are the values that a setting may have: gpio's by the same documentation (config_txt, gpio), those of the
// device tree by the overlays' README in Raspberry Pi's kernel. The firmware says nothing of one that it does not know.
var knownSettings = map[string]*regexp.Regexp{
	"gpio":      regexp.MustCompile(`^[0-9]+(,[0-9]+)*=(ip|op|dh|dl|pu|pd|pn|np)(,(dh|dl|pu|pd|pn|np))*$`),
	"dtparam":   regexp.MustCompile(`^(strict_gpiod|(watchdog|i2c_arm|i2c_vc)=on|rtc_bbat_vchg=[0-9]+)$`),
	"dtoverlay": regexp.MustCompile(`^(i2c-rtc,(ds3231|pcf85063a)(,i2c_csi_dsi)?|dwc2,dr_mode=(host|peripheral|otg))$`),
}

func (s setting) isKnown() bool {
	form := knownSettings[s.key]
	onlyFive := strings.HasPrefix(s.value, "rtc_bbat_vchg") // of the clock that no other board has
	return form != nil && form.MatchString(s.value) && slices.Contains(knownFilters, s.filter) && (!onlyFive || s.filter == "pi5")
}

func TestSettingsThatNoFirmwareKnows(t *testing.T) {
	for _, s := range []setting{
		{"pi4", "gpio", "17"}, {"pi4", "gpio", "17=out"}, {"pi4", "gpio", "=op,dl"}, {"pi4", "gpio", "GPIO17=op"},
		{"pi4", "dtparam", "strict-gpiod"}, {"pi4", "dtparam", "watchdog"}, {"pi4", "dtparam", "rtc_bbat_vchg=3000000"},
		{"pi4", "dtoverlay", "i2c_rtc,ds3231"}, {"pi4", "dtoverlay", "i2c-rtc,ds3232"}, {"pi4", "dtoverlays", "dwc2,dr_mode=host"},
		{"pi6", "dtparam", "watchdog=on"}, {"zero2w", "dtparam", "watchdog=on"},
	} {
		if s.isKnown() {
			t.Errorf("%v passes for a setting", s)
		}
	}
}

// headerPins are the pins of the 40-pin header, by the number of the GPIO line; the same on every board that has it.
var headerPins = map[string]string{
	"0": "27", "1": "28", "2": "3", "3": "5", "4": "7", "5": "29", "6": "31", "7": "26", "8": "24", "9": "21", "10": "19", "11": "23", "12": "32", "13": "33",
	"14": "8", "15": "10", "16": "36", "17": "11", "18": "12", "19": "35", "20": "38", "21": "40", "22": "15", "23": "16", "24": "18", "25": "22", "26": "37", "27": "13",
}

// The pin that a comment names is the line's.
func TestCommentsNameTheHeadersPins(t *testing.T) {
	comment := regexp.MustCompile(`"pinctrl-[a-z0-9]+:([0-9]+)" +# pin ([0-9]+)\n`)
	for board, label := range boards {
		text, err := os.ReadFile(filepath.Join("boards", board, "railgated.toml"))
		if err != nil {
			t.Fatal(err)
		}
		lines := comment.FindAllStringSubmatch(string(text), -1)
		if strings.HasPrefix(label, "pinctrl-") && len(lines) != len(boardConfig(t, board).boardLines()) {
			t.Errorf("%s: %d lines say their pin; want each", board, len(lines))
		}
		for _, line := range lines {
			if headerPins[line[1]] != line[2] {
				t.Errorf("%s: GPIO%s is said to be at pin %s; want %s", board, line[1], line[2], headerPins[line[1]])
			}
		}
	}
}

// gpioSettings are the pins that gpio= lines set, each with its options.
func gpioSettings(settings []setting) map[string]string {
	pins := map[string]string{}
	for _, s := range settings {
		if s.key != "gpio" {
			continue
		}
		numbers, options, _ := strings.Cut(s.value, "=")
		for pin := range strings.SplitSeq(numbers, ",") {
			pins[pin] = options
		}
	}
	return pins
}

// What config.txt says from power-on must be what railgated.toml says later.
func TestBootSettingsFitTheConfiguration(t *testing.T) {
	filters := map[string]string{"raspberry-pi-4": "pi4", "raspberry-pi-cm4": "cm4", "raspberry-pi-5": "pi5", "raspberry-pi-zero-2-w": "pi02"}
	clocks := map[string]setting{
		"raspberry-pi-4":        {"pi4", "dtoverlay", "i2c-rtc,ds3231"},
		"raspberry-pi-cm4":      {"cm4", "dtoverlay", "i2c-rtc,pcf85063a,i2c_csi_dsi"},
		"raspberry-pi-5":        {"pi5", "dtparam", "rtc_bbat_vchg=3000000"},
		"raspberry-pi-zero-2-w": {"pi02", "dtoverlay", "i2c-rtc,ds3231"},
	}
	for board, filter := range filters {
		data, err := os.ReadFile(filepath.Join("boards", board, "config.txt"))
		if err != nil {
			t.Fatal(err)
		}
		settings, err := readBoot(string(data))
		if err != nil {
			t.Errorf("%s: %v", board, err)
			continue
		}
		for _, want := range []setting{{filter, "dtparam", "strict_gpiod"}, {filter, "dtparam", "watchdog=on"}, clocks[board]} {
			if !slices.Contains(settings, want) {
				t.Errorf("%s: no %v", board, want)
			}
		}
		for _, s := range settings {
			if !s.isKnown() {
				t.Errorf("%s: the firmware knows no %s=%s in [%s]", board, s.key, s.value, s.filter)
			}
		}
		pins := gpioSettings(settings)
		for purpose, line := range boardConfig(t, board).boardLines() {
			want := "op,dl" // an output that is low, which is inactive
			if purpose == "passage" || purpose == "emergency" {
				want = "ip,pd" // an input whose broken wire is nobody passing, or an emergency
			}
			_, pin, _ := strings.Cut(line, ":")
			if pins[pin] != want {
				t.Errorf("%s: gpio=%s=%s for %s; want %s", board, pin, pins[pin], purpose, want)
			}
			delete(pins, pin)
		}
		if len(pins) > 0 {
			t.Errorf("%s: pins %v are set and used for nothing", board, pins)
		}
	}
}
