package update

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"railgate/store/durable"
)

// Folder is where root keeps what is recorded, on the data partition.
const Folder = "/var/lib/railgate-update"

// The files in it. The mark is there while a release is on trial, and says which one and in which slot: what must not
// happen twice for it takes the mark away first, and goes by the slot (railgate-trial-failed.service).
const (
	StateName = "state.json"
	MarkName  = "trial"
)

const maxState = 64 << 10

// Load reads what is recorded in a folder. No file is a gate that was never updated; one that
// cannot be read is an error: who does not know what failed must not install.
func Load(dir string) (s State, err error) {
	data, err := durable.ReadFile(filepath.Join(dir, StateName), maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, fmt.Errorf("%s: %w", filepath.Join(dir, StateName), err)
	}
	if t := s.Trial; t != nil && (t.Slot == "" || t.Phase == "") {
		return State{}, fmt.Errorf("%s: a trial without a slot or a phase", filepath.Join(dir, StateName))
	}
	return s, nil
}

// Save records a state durably, and then the mark that says whether a release is on trial.
func Save(dir string, s State) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	mark := filepath.Join(dir, MarkName)
	if s.Trial == nil || s.Trial.Phase == Failing {
		if err := os.Remove(mark); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return durable.WriteFile(filepath.Join(dir, StateName), data, 0o644)
	}
	if err := durable.WriteFile(filepath.Join(dir, StateName), data, 0o644); err != nil {
		return err
	}
	if _, err := os.Stat(mark); s.Trial.Phase == Restarting || errors.Is(err, fs.ErrNotExist) && s.Trial.Phase == Written {
		return durable.WriteFile(mark, []byte(s.Trial.Release+"\nslot="+s.Trial.Slot+"\n"), 0o644)
	}
	return nil
}
