//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A ControlID names a control, for example 0x9a0902 ("Camera Control Reference").
type ControlID uint32

// The controls that a gate's camera may need.
const (
	Brightness       ControlID = 0x980900
	AutoGain         ControlID = 0x980912 // 0, 1
	Gain             ControlID = 0x980913
	PowerLine        ControlID = 0x980918 // flicker: 0 off, 1 50 Hz, 2 60 Hz, 3 automatic
	ExposureAuto     ControlID = 0x9a0901 // 0 automatic, 1 manual, 2 shutter priority, 3 aperture priority
	ExposureAbsolute ControlID = 0x9a0902 // units of 100 µs
	ExposureSlows    ControlID = 0x9a0903 // 1: in the dark the rate may drop (EXPOSURE_AUTO_PRIORITY)
	FocusAbsolute    ControlID = 0x9a090a
	FocusAuto        ControlID = 0x9a090c // 0, 1
)

const (
	ExposureUnit = 100 * time.Microsecond

	exposureAutomatic = 0
	exposureManual    = 1
	exposureShutter   = 2
	exposureAperture  = 3
)

// A Control is one that the camera has.
type Control struct {
	ID            ControlID
	Name          string // the driver's
	Min, Max      int32
	Step, Initial int32
	Value         int32
	ReadOnly      bool
	Inactive      bool // without effect until another control is changed, such as an automatic
}

// Controls returns the camera's controls that are numbers, switches and menus, by number.
func (c *Camera) Controls() ([]Control, error) {
	var cs []Control
	err := c.with(func(n *node) error {
		cs = n.controls()
		return nil
	})
	return cs, err
}

// Set sets a control. The error says so if the camera has none like that, or gives its range.
func (c *Camera) Set(id ControlID, value int32) error {
	return c.with(func(n *node) error { return n.set(id, value) })
}

// SetExposure sets the time that light is gathered for a frame, to 100 µs; 0 makes it automatic, as
// far as the camera can.
func (c *Camera) SetExposure(d time.Duration) error {
	return c.with(func(n *node) error { return n.setExposure(d) })
}

// SetFocus sets the focus, in the device's units; nil makes it automatic, if the camera can.
func (c *Camera) SetFocus(at *int) error {
	return c.with(func(n *node) error { return n.setFocus(at) })
}

// with calls fn with the node, which stays open meanwhile. Next may run.
func (c *Camera) with(fn func(*node) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.wrap(os.ErrClosed)
	}
	return c.wrap(fn(c.node))
}

// applyControls brings exposure and focus to what cfg says. What cfg leaves to the camera, and the
// camera then refuses, is a note.
func (n *node) applyControls(cfg *Config, info *Info) error {
	note := func(err error) {
		if err != nil {
			info.Notes = append(info.Notes, err.Error())
		}
	}
	if _, ok := n.control(ExposureSlows); ok {
		note(n.set(ExposureSlows, 0)) // a phone's screen is bright enough, and the rate is worth more
	}
	exposure, focus := n.setExposure(cfg.Exposure), n.setFocus(cfg.Focus)
	if cfg.Exposure != 0 && exposure != nil {
		return exposure
	}
	if cfg.Focus != nil && focus != nil {
		return focus
	}
	note(exposure)
	note(focus)
	return nil
}

func (n *node) setExposure(d time.Duration) error {
	if d == 0 {
		return n.setMode(ExposureAuto, exposureAperture, exposureAutomatic)
	}
	if d < 0 || d > 100*time.Second {
		return fmt.Errorf("exposure of %v (want 100µs to 100s)", d)
	}
	if err := n.setMode(ExposureAuto, exposureManual, exposureShutter); err != nil {
		return err
	}
	if err := n.set(ExposureAbsolute, int32(max(d/ExposureUnit, 1))); err != nil {
		return fmt.Errorf("exposure of %v, in units of %v: %w", d, ExposureUnit, err)
	}
	return nil
}

func (n *node) setFocus(at *int) error {
	if at == nil {
		return n.setMode(FocusAuto, 1)
	}
	if err := n.setMode(FocusAuto, 0); err != nil {
		return err
	}
	return n.set(FocusAbsolute, int32(min(max(*at, math.MinInt32), math.MaxInt32)))
}

// setMode sets a control that the camera may do without to the first of values that it has.
func (n *node) setMode(id ControlID, values ...int32) error {
	q, ok := n.control(id)
	if !ok {
		return nil
	}
	for _, v := range values {
		if q.typ != ctrlMenu || do(n, vidQueryMenu, &queryMenu{id: uint32(id), index: uint32(v)}) == nil {
			return n.set(id, v)
		}
	}
	return fmt.Errorf("control %q has none of the modes %v", cString(q.name[:]), values)
}

// set sets a control ("ioctl VIDIOC_G_CTRL, VIDIOC_S_CTRL").
func (n *node) set(id ControlID, value int32) error {
	q, ok := n.control(id)
	name := cString(q.name[:])
	switch {
	case !ok:
		return fmt.Errorf("the camera has no control %#x", uint32(id))
	case q.flags&ctrlReadOnly != 0:
		return fmt.Errorf("control %q can only be read", name)
	case value < q.min || value > q.max:
		return fmt.Errorf("control %q cannot be %d (want %d to %d)", name, value, q.min, q.max)
	}
	if err := do(n, vidSetControl, &control{id: uint32(id), value: value}); errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ERANGE) {
		return fmt.Errorf("control %q cannot be %d (want %d to %d in steps of %d)", name, value, q.min, q.max, q.step)
	} else if err != nil {
		return fmt.Errorf("setting control %q to %d: %w", name, value, broken(err))
	}
	return nil
}

// control asks for one control ("ioctls VIDIOC_QUERYCTRL").
func (n *node) control(id ControlID) (queryControl, bool) {
	q := queryControl{id: uint32(id)}
	err := do(n, vidQueryControl, &q)
	return q, err == nil && q.flags&ctrlDisabled == 0
}

// controls asks for all of them.
func (n *node) controls() []Control {
	var cs []Control
	q := queryControl{}
	for range maxEntries {
		q = queryControl{id: q.id | ctrlNext}
		if do(n, vidQueryControl, &q) != nil {
			break
		}
		usable := q.typ == ctrlInteger || q.typ == ctrlBoolean || q.typ == ctrlMenu || q.typ == ctrlIntegerMenu
		if !usable || q.flags&(ctrlDisabled|ctrlWrite) != 0 {
			continue
		}
		v := control{id: q.id}
		if do(n, vidGetControl, &v) != nil {
			continue
		}
		cs = append(cs, Control{
			ID: ControlID(q.id), Name: cString(q.name[:]), Min: q.min, Max: q.max, Step: q.step, Initial: q.initial,
			Value: v.value, ReadOnly: q.flags&ctrlReadOnly != 0, Inactive: q.flags&ctrlInactive != 0,
		})
	}
	return cs
}
