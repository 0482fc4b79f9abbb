package turnstile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"

	"railgate/driver/gpioline"
)

// Outputs is what must be known to make a gate's outputs inactive when
// its daemon is gone: no store, no keyset, no configuration. The daemon writes it
// before it drives anything.
type Outputs struct {
	Lines []OutputLine `json:"lines"`           // GPIO
	Trace string       `json:"trace,omitempty"` // of a simulated turnstile
}

// OutputLine is a line with the level at which it is inactive.
type OutputLine struct {
	Line     string `json:"line"` // CHIP:OFFSET
	Inactive bool   `json:"inactive"`
}

// OutputsName is the file's name in the run-time or the data folder.
const OutputsName = "outputs.json"

// Marshal is the file's text.
func (o Outputs) Marshal() ([]byte, error) { return json.Marshal(o) }

// ParseOutputs reads what Marshal gave.
func ParseOutputs(data []byte) (o Outputs, err error) {
	if err := json.Unmarshal(data, &o); err != nil {
		return Outputs{}, err
	}
	return o, nil
}

// maxOutputs bounds the file, in bytes.
const maxOutputs = 1 << 20

// readOutputs reads a file, and waits for nobody: whoever makes outputs inactive after a
// daemon's death has no time for a pipe in the file's place.
func readOutputs(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is not a file", path), err)
	}
	return io.ReadAll(io.LimitReader(f, maxOutputs))
}

// LoadOutputs reads the file.
func LoadOutputs(path string) (Outputs, error) {
	data, err := readOutputs(path)
	if err != nil {
		return Outputs{}, err
	}
	o, err := ParseOutputs(data)
	if err != nil {
		return o, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

// MakeSafe makes every output inactive. If one fails it goes on with the next.
func (o Outputs) MakeSafe() error {
	var errs []error
	for _, out := range o.Lines {
		line, err := gpioline.Find(out.Line)
		if err == nil {
			err = line.Out(gpio.Level(out.Inactive))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("line %s: %w", out.Line, err))
		}
	}
	if o.Trace != "" {
		sim := newSimLines(SimConfig{Trace: o.Trace})
		if err := errors.Join(sim.setRelay(false), sim.close()); err != nil {
			errs = append(errs, fmt.Errorf("trace: %w", err))
		}
	}
	return errors.Join(errs...)
}
