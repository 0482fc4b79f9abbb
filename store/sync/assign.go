package sync

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"railgate/verify"
)

// An Assignment is assign.json: which release each gate gets. A gate that it does not
// name gets the default; "" is none.
type Assignment struct {
	Default string            `json:"default"`
	Gates   map[string]string `json:"gates"`
}

// Of is a gate's release; "": none.
func (a Assignment) Of(gate string) string {
	if own, ok := a.Gates[gate]; ok {
		return own
	}
	return a.Default
}

// ErrNotReleased is a release that the station assigns and the nation does not list.
var ErrNotReleased = errors.New("the nation does not list it")

// ParseAssignment reads assign.json; listed are the nation's files, of which every release
// that it names must have one. No bytes are an empty one.
func ParseAssignment(data []byte, listed []string) (a Assignment, err error) {
	if data == nil {
		return a, nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return Assignment{}, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return Assignment{}, errors.New("there is more behind the object")
	}
	if err := verify.UniqueMembers(data); err != nil {
		return Assignment{}, err
	}
	versions := []string{a.Default}
	for _, version := range a.Gates {
		versions = append(versions, version)
	}
	for _, version := range versions {
		released := slices.ContainsFunc(listed, func(name string) bool { return strings.HasPrefix(name, "release/"+version+"/") })
		if version != "" && (!released || strings.Contains(version, "/")) {
			return Assignment{}, fmt.Errorf("release %q: %w", version, ErrNotReleased)
		}
	}
	return a, nil
}
