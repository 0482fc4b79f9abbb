package hub

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A stream that once met a full disk, or another error of writing, is written no more until
// the server starts again. So the hub starts its server again, once the disk has room.

const (
	mendEvery = 2 * time.Second
	mendAgain = 30 * time.Second // after it did: gates are disconnected by it for a moment
	needs     = 8 << 20          // bytes that must be free
)

func (h *Hub) mend(ctx context.Context) {
	var mended time.Time
	for tick := time.NewTicker(mendEvery); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		if time.Since(mended) < mendAgain || !stuck(h.running()) || !room(h.dir) {
			continue
		}
		mended = time.Now()
		if err := h.restart(); err != nil {
			h.log.Error("the message server was not started again; it is tried again", "err", err)
			continue
		}
		h.log.Info("the message server was started again: a stream could not be written, and the disk has room now")
	}
}

// restart ends the server and starts another one with the same address and users.
func (h *Hub) restart() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, ok := h.server.Addr().(*net.TCPAddr); ok {
		h.options.Port = at.Port
	}
	end(h.server)
	s, err := h.run(h.options)
	if err == nil {
		h.server = s
	}
	return err
}

// stuck tells whether a stream is written no more, or no server runs.
func stuck(s *server.Server) bool {
	if !s.Running() {
		return true
	}
	r, err := http.NewRequest(http.MethodGet, "/healthz?details=true", nil)
	if err != nil {
		return false
	}
	var a answer
	s.HandleHealthz(&a, r)
	return strings.Contains(a.String(), "write error")
}

// answer is what a server says of its health.
type answer struct{ bytes.Buffer }

func (a *answer) Header() http.Header { return http.Header{} }
func (a *answer) WriteHeader(int)     {}

// room tells whether a folder's disk takes some more.
func room(dir string) bool {
	f, err := os.CreateTemp(dir, "room-")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	defer f.Close()
	_, err = f.Write(make([]byte, needs))
	return err == nil && f.Sync() == nil
}
