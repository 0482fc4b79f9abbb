// Package slots is the machine's two systems, A and B: which of them runs, which is
// started next, and how the other one is written. RAUC (https://rauc.io) does the work; this
// package speaks with it by its command line, for three reasons: it is what a technician
// types and a log shows, it is the same in every version since 1.2, and it needs no D-Bus
// library in a program that runs as root.
//
// Where a bootloader counts attempts (U-Boot, GRUB), RAUC knows it. The Raspberry Pi's has
// one attempt and no counter: [Tryboot] is RAUC's custom backend for it.
package slots

import (
	"context"
	"errors"
)

// A Slot is one of the two systems.
type Slot struct {
	Name     string // RAUC's: rootfs.0
	Bootname string // the bootloader's: A, B
	Device   string
	Booted   bool   // it runs now
	Good     bool   // the bootloader may start it
	Version  string // of the bundle that was installed there; "": not known
}

// State is what the slots are now.
type State struct {
	Compatible string // which machines' bundles fit: railgate-raspberry-pi
	Primary    string // the bootname of the slot that is started next; "": not known
	Slots      []Slot
}

// Booted is the slot that runs. There is none where a machine was started from elsewhere.
func (s *State) Booted() *Slot {
	for i := range s.Slots {
		if s.Slots[i].Booted {
			return &s.Slots[i]
		}
	}
	return nil
}

// Other is the first slot that does not run: the one that an installation writes.
func (s *State) Other() *Slot {
	for i := range s.Slots {
		if !s.Slots[i].Booted && s.Slots[i].Bootname != "" {
			return &s.Slots[i]
		}
	}
	return nil
}

// Slots are a machine's.
type Slots interface {
	// State asks what the slots are. ErrNone is the answer of a machine that has none.
	State(ctx context.Context) (*State, error)
	// Ready tells why an update could not be tried on this machine; nil: it could.
	Ready() error
	// Version is the version that a bundle says it has, by its signed manifest. It says nothing of whether
	// the bundle is whole (RAUC's issue 1970): hash it first.
	Version(ctx context.Context, bundle string) (string, error)
	// Install writes a bundle into the other slot, and has the bootloader start that one
	// next. progress is told how far it is, in percent. After an error the other slot is
	// not started; the one that runs is as it was.
	Install(ctx context.Context, bundle string, progress func(percent int, doing string)) error
	// MarkGood keeps the slot that runs: it is started from now on.
	MarkGood(ctx context.Context) error
	// MarkBad gives a slot up, by its name: the bootloader starts the other one from now on.
	MarkBad(ctx context.Context, name string) error
	// Reboot restarts the machine, into the slot that is started next.
	Reboot(ctx context.Context) error
}

// ErrNone is a machine without slots: it was not made from an image, or RAUC is missing.
var ErrNone = errors.New("this machine has no two systems to update: it was not made from an image of ours")
