package main

import (
	"encoding/json"
	"net/http"

	"railgate/cmd/control"
	"railgate/store/sync"
)

// postSync asks the repository now, or takes the one that comes as a tar archive, such as
// from a USB stick that only the caller may read. It answers when that has ended.
func (s *server) postSync(w http.ResponseWriter, r *http.Request) {
	y := s.lane.sync
	if y == nil {
		http.Error(w, errNoSync.Error(), http.StatusConflict)
		return
	}
	if r.Header.Get("Content-Type") == control.TarType {
		files, err := sync.ReadArchive(http.MaxBytesReader(w, r.Body, maxArchive))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := y.round(r.Context(), sources{files, sync.Below(files, "targets")}); err != nil {
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

const maxArchive = 96 << 20 // bytes
