package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"railgate/cmd/control"
	"railgate/store/sync"
)

// postSync asks the repositories now, or takes those that come as a tar archive, such as
// from a USB stick that only the caller may read. It answers when that has ended.
func (s *server) postSync(w http.ResponseWriter, r *http.Request) {
	y := s.lane.sync
	if y == nil {
		http.Error(w, errNoSync.Error(), http.StatusConflict)
		return
	}
	if r.Header.Get("Content-Type") == control.TarType {
		files, err := sync.ReadArchive(http.MaxBytesReader(w, r.Body, sync.MaxArchive))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		used, err := y.round(r.Context(), y.onStick(files))
		if err == nil && used == 0 {
			err = errNoStick
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
	} else {
		select {
		case <-y.askNow():
		case <-r.Context().Done():
			return
		}
	}
	var status control.Status
	y.status(&status)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(status.Sync)
}

var errNoStick = errors.New("no repository is there; want nation/ or station/ with timestamp.json in it, or timestamp.json itself for the nation's")

// onStick is where each repository is on a stick that may hold one of them or both.
func (y *syncer) onStick(files sync.Archive) func(*feed) (sources, bool) {
	return func(r *feed) (sources, bool) {
		folders := sync.NationFolders()
		if r == y.station {
			folders = sync.StationFolders(y.cfg.Station)
		}
		folder, ok := files.Find(folders)
		return sources{sync.Below(files, folder), sync.Below(files, folder+"/targets")}, ok
	}
}
