package scanner

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"railgate/driver"
	"railgate/driver/evdev"
)

// A Keyboard is a scanner that types. It belongs to this driver alone while that has it open: what it
// types reaches no console.
type Keyboard struct {
	typist
	cfg  USBConfig
	open func(path string) (keys, error) // evdev.Open but in tests
}

// keys are a keyboard's.
type keys interface {
	Type(text []byte, deadline time.Time) (int, error)
	Strange() evdev.Strange
	Close() error
}

var _ driver.Scanner = (*Keyboard)(nil)

// NewKeyboard prepares a scanner; Run opens its device.
func NewKeyboard(cfg USBConfig, log *slog.Logger) *Keyboard {
	k := &Keyboard{typist: typist{name: cfg.Name, suffix: cfg.Suffix, log: log.With("scanner", cfg.Name)}, cfg: cfg}
	k.open = func(path string) (keys, error) { return evdev.Open(path) }
	return k
}

// grabAgain is how often a keyboard that is not there is looked for: what it types before it is
// grabbed reaches whoever else hears keyboards.
const grabAgain = retryMin

// Run reads the keyboard, and opens it again for as long as it is unplugged.
func (k *Keyboard) Run(ctx context.Context, deliver func(driver.Reading)) error {
	return keepTryingEach(ctx, &k.Monitor, k.log, "scanner", grabAgain, func() error { return k.session(ctx, deliver) })
}

func (k *Keyboard) session(ctx context.Context, deliver func(driver.Reading)) error {
	path, err := FindUSB("keyboard", k.cfg.Device)
	if err != nil {
		return err
	}
	dev, err := k.open(path)
	if err != nil {
		return err
	}
	defer dev.Close()
	src := &strokes{dev: dev}
	k.remark = func(text string) (string, bool) { return remarkKeys(text, k.cfg.Prefix, src.news()) }
	return k.run(ctx, src, path, deliver)
}

// strokes are a keyboard as a source.
type strokes struct {
	dev  keys
	wait time.Duration
	seen evdev.Strange
}

func (s *strokes) SetReadTimeout(d time.Duration) error { s.wait = d; return nil }

// ResetInputBuffer has nothing to do: the kernel keeps what is typed for who has the keyboard open,
// and reading takes it.
func (s *strokes) ResetInputBuffer() error { return nil }

func (s *strokes) Read(buf []byte) (int, error) { return s.dev.Type(buf, time.Now().Add(s.wait)) }

// news is what was typed since it was last asked for that is no character.
func (s *strokes) news() evdev.Strange {
	now := s.dev.Strange()
	n := evdev.Strange{Lost: now.Lost - s.seen.Lost, Keys: now.Keys - s.seen.Keys, Code: now.Code, Chords: now.Chords - s.seen.Chords}
	s.seen = now
	return n
}

// remarkKeys says what is wrong with a text that was typed, and whether that can be told. A text that
// begins as codes do shows that all is well.
func remarkKeys(text, prefix string, s evdev.Strange) (wrong string, known bool) {
	switch layouts := evdev.Layouts(text, prefix); {
	case prefix != "" && strings.HasPrefix(text, prefix) && s == evdev.Strange{Code: s.Code}:
		return "", true
	case len(layouts) > 0:
		return fmt.Sprintf("it types by another layout (%s): scan its code for \"US keyboard\"; railgate scanner test shows what it types", strings.Join(layouts, " or ")), true
	case prefix != "" && evdev.SwapCase(text, prefix):
		return "it types small letters for capitals: scan its code for \"no case conversion\", or press Caps Lock where it has keys", true
	case s.Chords > 0:
		return "it types with Ctrl or Alt: scan its codes for \"US keyboard\", and for keys in place of Alt with digits", true
	case s.Keys > 0:
		return fmt.Sprintf("it types keys that have no character (the last has code %d): scan its code for \"US keyboard\"", s.Code), true
	case s.Lost > 0:
		return "the machine was too slow for its keys, and some were lost: set it to type more slowly (delay between characters)", true
	}
	return "", false
}
