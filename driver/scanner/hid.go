package scanner

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"railgate/driver"
	"railgate/driver/evdev"
	"railgate/driver/hid"
)

// A HID is a HID-POS scanner.
type HID struct {
	typist
	cfg  USBConfig
	open func(path string) (parts, error) // hid.Open but in tests
	bad  string                           // what is wrong with its reports; owned by Run
}

// parts are a HID-POS device's.
type parts interface {
	Next(deadline time.Time) (hid.Part, bool, error)
	Close() error
}

var _ driver.Scanner = (*HID)(nil)

// NewHID prepares a scanner; Run opens its device.
func NewHID(cfg USBConfig, log *slog.Logger) *HID {
	h := &HID{typist: typist{name: cfg.Name, log: log.With("scanner", cfg.Name)}, cfg: cfg}
	h.remark = func(text string) (string, bool) {
		return h.bad, h.bad != "" || cfg.Prefix != "" && strings.HasPrefix(text, cfg.Prefix)
	}
	h.open = func(path string) (parts, error) { return hid.Open(path) }
	return h
}

// Run reads the device, and opens it again for as long as it is unplugged.
func (h *HID) Run(ctx context.Context, deliver func(driver.Reading)) error {
	return keepTrying(ctx, &h.Monitor, h.log, "scanner", func() error { return h.session(ctx, deliver) })
}

func (h *HID) session(ctx context.Context, deliver func(driver.Reading)) error {
	path, err := FindUSB("hid", h.cfg.Device)
	if err != nil {
		return err
	}
	dev, err := h.open(path)
	if err != nil {
		return err
	}
	defer dev.Close()
	src := &reports{dev: dev, bad: &h.bad}
	return h.run(ctx, src, path, deliver)
}

// reports are a HID-POS device as a source: a text ends where a report says so.
type reports struct {
	dev  parts
	wait time.Duration
	rest string // of a text, that did not fit into what was read
	more bool   // a text has begun, and its report said that it goes on
	bad  *string
}

func (r *reports) SetReadTimeout(d time.Duration) error { r.wait = d; return nil }

// ResetInputBuffer has nothing to do: the kernel keeps what comes for who has it open, and reading
// takes it.
func (r *reports) ResetInputBuffer() error { return nil }

func (r *reports) ended() bool { return r.rest == "" && !r.more }

func (r *reports) Read(buf []byte) (int, error) {
	if r.rest == "" {
		part, ok, err := r.dev.Next(time.Now().Add(r.wait))
		switch {
		case errors.Is(err, hid.ErrReport):
			*r.bad, r.rest, r.more = err.Error(), evdev.Unknown, false // a text that is no code
		case err != nil:
			return 0, err
		case !ok:
			r.more = false // the silence that follows ends it
			return 0, nil
		default:
			r.rest = r.join(part)
			*r.bad = ""
		}
	}
	n := copy(buf, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// join is what a part adds. The first of a text begins with its identifier, as a serial scanner
// that is set so sends it, unless the scanner puts it before the data too.
func (r *reports) join(p hid.Part) string {
	first := !r.more
	r.more = p.Continued
	if first && !strings.HasPrefix(p.Text, p.AIM) {
		return p.AIM + p.Text
	}
	return p.Text
}
