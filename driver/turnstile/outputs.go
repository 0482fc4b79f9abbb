package turnstile

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"periph.io/x/conn/v3/gpio"

	"railgate/driver/gpioline"
)

// Outputs is the little that must be known to make a gate's outputs inactive when
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

// Save writes the outputs to a file, whole or not at all.
func (o Outputs) Save(path string) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(path); err == nil && string(old) == string(data) {
		return nil // a full disk is no reason not to start
	}
	f, err := os.CreateTemp(filepath.Dir(path), OutputsName+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// LoadOutputs reads what Save wrote.
func LoadOutputs(path string) (o Outputs, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return o, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

// MakeSafe makes every output inactive. It goes on where one fails.
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
