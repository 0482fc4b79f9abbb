//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ctrl makes a control; menu lists the items of a menu.
func ctrl(id ControlID, typ uint32, name string, least, most, step int32, menu ...uint32) fakeControl {
	c := fakeControl{queryControl: queryControl{id: uint32(id), typ: typ, min: least, max: most, step: step}, menu: menu, value: -1}
	copy(c.name[:], name)
	return c
}

// uvcControls are those of a common USB camera.
func uvcControls() []fakeControl {
	return []fakeControl{
		ctrl(Brightness, ctrlInteger, "Brightness", 0, 255, 1),
		ctrl(Gain, ctrlInteger, "Gain", 0, 100, 1),
		ctrl(ExposureAuto, ctrlMenu, "Auto Exposure", 0, 3, 1, exposureManual, exposureAperture),
		ctrl(ExposureAbsolute, ctrlInteger, "Exposure Time, Absolute", 3, 2047, 1),
		ctrl(ExposureSlows, ctrlBoolean, "Exposure, Dynamic Framerate", 0, 1, 1),
		ctrl(FocusAbsolute, ctrlInteger, "Focus, Absolute", 0, 250, 5),
		ctrl(FocusAuto, ctrlBoolean, "Focus, Automatic Continuous", 0, 1, 1),
	}
}

func (c *fakeCamera) values() map[ControlID]int32 {
	m := map[ControlID]int32{}
	for _, f := range c.controls {
		if f.value != -1 {
			m[ControlID(f.id)] = f.value
		}
	}
	return m
}

func TestOpenSetsExposureAndFocus(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
		want map[ControlID]int32
	}{
		{"automatic", Config{}, map[ControlID]int32{ExposureAuto: 3, ExposureSlows: 0, FocusAuto: 1}},
		{"by hand", Config{Exposure: 5 * time.Millisecond, Focus: new(30)},
			map[ControlID]int32{ExposureAuto: 1, ExposureAbsolute: 50, ExposureSlows: 0, FocusAuto: 0, FocusAbsolute: 30}},
		{"focus at 0", Config{Focus: new(0)}, map[ControlID]int32{ExposureAuto: 3, ExposureSlows: 0, FocusAuto: 0, FocusAbsolute: 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newFakeKernel(t)
			fc := webcam()
			fc.controls = uvcControls()
			tt.cfg.Device = k.plug("video0", fc)
			c, err := open(k, tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got := fc.values(); !reflect.DeepEqual(got, tt.want) || len(c.Info().Notes) > 0 {
				t.Errorf("set %v, notes %q; want %v", got, c.Info().Notes, tt.want)
			}
		})
	}
}

func TestControlsThatCannotBeSet(t *testing.T) {
	only := func(cs ...fakeControl) []fakeControl { return cs }
	readOnly := ctrl(FocusAbsolute, ctrlInteger, "Focus", 0, 9, 1)
	readOnly.flags = ctrlReadOnly
	disabled := ctrl(ExposureAbsolute, ctrlInteger, "Exposure", 0, 9, 1)
	disabled.flags = ctrlDisabled
	for _, tt := range []struct {
		name     string
		controls []fakeControl
		cfg      Config
		want     string
	}{
		{"no exposure", nil, Config{Exposure: time.Millisecond}, `exposure of 1ms, in units of 100µs: the camera has no control 0x9a0902`},
		{"exposure disabled", only(disabled), Config{Exposure: time.Millisecond}, `exposure of 1ms, in units of 100µs: the camera has no control 0x9a0902`},
		{"exposure too short", uvcControls(), Config{Exposure: 200 * time.Microsecond}, `exposure of 200µs, in units of 100µs: control "Exposure Time, Absolute" cannot be 2 (want 3 to 2047)`},
		{"exposure negative", uvcControls(), Config{Exposure: -1}, `exposure of -1ns (want 100µs to 100s)`},
		{"automatic only", only(ctrl(ExposureAuto, ctrlMenu, "Auto Exposure", 0, 3, 1, exposureAutomatic)), Config{Exposure: time.Millisecond}, `control "Auto Exposure" has none of the modes [1 2]`},
		{"no focus", nil, Config{Focus: new(1)}, `the camera has no control 0x9a090a`},
		{"focus too far", uvcControls(), Config{Focus: new(251)}, `control "Focus, Absolute" cannot be 251 (want 0 to 250)`},
		{"focus beyond 32 bits", uvcControls(), Config{Focus: new(1<<31 - 1)}, `control "Focus, Absolute" cannot be 2147483647 (want 0 to 250)`},
		{"focus fixed", only(readOnly), Config{Focus: new(1)}, `control "Focus" can only be read`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newFakeKernel(t)
			fc := webcam()
			fc.controls = tt.controls
			tt.cfg.Device = k.plug("video0", fc)
			c, err := open(k, tt.cfg)
			if err == nil {
				c.Close()
			}
			if err == nil || !strings.HasSuffix(err.Error(), ": "+tt.want) {
				t.Errorf("Open: %v, want …: %s", err, tt.want)
			}
		})
	}
}

// What was not asked for does not keep a camera from working.
func TestRefusedAutomaticIsANote(t *testing.T) {
	k := newFakeKernel(t)
	fc := webcam()
	fc.controls = uvcControls()
	fc.fail = map[uintptr]error{vidSetControl: unix.EPIPE}
	c, err := open(k, Config{Device: k.plug("video0", fc)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n := c.Info().Notes; len(n) != 3 || n[1] != `setting control "Auto Exposure" to 3: broken pipe` {
		t.Errorf("notes %q", n)
	}
}

func TestControlsWhileItRuns(t *testing.T) {
	k := newFakeKernel(t)
	fc := webcam()
	fc.controls = append(uvcControls(), ctrl(0x9a0999, 5, "an integer of 64 bits", 0, 1, 1))
	c, err := open(k, Config{Device: k.plug("video0", fc)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Set(Gain, 40); err != nil {
		t.Error(err)
	}
	if err := c.SetExposure(10 * time.Millisecond); err != nil {
		t.Error(err)
	}
	if err := c.SetFocus(new(25)); err != nil {
		t.Error(err)
	}
	cs, err := c.Controls()
	if err != nil || len(cs) != 7 {
		t.Fatalf("%d controls, %v; want 7", len(cs), err)
	}
	got := map[ControlID]int32{}
	for _, f := range cs {
		got[f.ID] = f.Value
	}
	want := map[ControlID]int32{Brightness: -1, Gain: 40, ExposureAuto: 1, ExposureAbsolute: 100, ExposureSlows: 0, FocusAuto: 0, FocusAbsolute: 25}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("controls %v, want %v", got, want)
	}
	if f := cs[1]; f.Name != "Gain" || f.Min != 0 || f.Max != 100 || f.Step != 1 {
		t.Errorf("%+v", f)
	}
}
