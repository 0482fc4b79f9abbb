package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"

	"railgate/cmd/inspector"
	"railgate/cmd/station/repository"
)

// inspector is the page for conductors and clerks, by this station's time, the nation's keyset as it
// is published here, and what is revoked, where the station was told where lists are.
func (s *station) inspector() http.Handler {
	o := inspector.Options{Now: s.d.now, Keys: s.keyset, Log: s.log}
	if s.o.revocations != "" {
		read := func(path string) func() ([]byte, error) { return func() ([]byte, error) { return os.ReadFile(path) } }
		o.Revokers, o.Revocations = read(s.revokersPath()), read(filepath.Join(s.d.part(stationPart), "public", revocationsFile))
	}
	return http.StripPrefix("/inspect", inspector.New(o))
}

// keyset is the nation's keys.json.
func (s *station) keyset() ([]byte, error) {
	r, err := repository.Open(s.d.part(nationPart), s.d.now)
	if err != nil {
		return nil, err
	}
	path := r.Path("keys.json")
	if path == "" {
		return nil, errNoKeyset
	}
	return os.ReadFile(path)
}

var errNoKeyset = errors.New("no keyset is published here; station publish keyset does it in the nation's folder")
