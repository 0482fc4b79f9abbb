package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"railgate/cmd/control"
)

// openSocket opens the socket in the runtime folder, which is in memory, or else in the
// data folder, which may be on a disk that is full or read-only.
func (s *server) openSocket() (l net.Listener, err error) {
	paths := []string{filepath.Join(s.cfg.Data, control.SocketName)}
	if dir := runtimeFolder(); dir != "" {
		paths = append([]string{filepath.Join(dir, control.SocketName)}, paths...)
	}
	var errs []error
	for _, path := range paths {
		l, err := listenUnix(path)
		if err == nil {
			return l, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// listenUnix opens a socket in place of the one that a dead daemon left.
func listenUnix(path string) (net.Listener, error) {
	short, done, err := control.Shorten(path)
	if err != nil {
		return nil, err
	}
	defer done()
	if c, err := net.Dial("unix", short); err == nil {
		c.Close()
		return nil, fmt.Errorf("another railgated answers at %s", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", short)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // it would look for the short name
	return namedListener{l, path}, os.Chmod(path, 0o660)
}

// A namedListener has the socket's whole path as its address.
type namedListener struct {
	net.Listener
	path string
}

func (l namedListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

func (s *socket) opened(path string, again context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.path, s.again = path, again
	s.info, _ = os.Lstat(path)
}

// gone tells whether another file, or none, has the open socket's name.
func (s *socket) gone() bool {
	info, err := os.Lstat(s.path)
	return err != nil || !os.SameFile(info, s.info)
}

// checkSocket opens the control socket again if it was removed, alone or with its folder.
// The data folder, where tools try first, gets a link to one in the runtime folder.
func (s *server) checkSocket() {
	k := &s.socket
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.path == "" {
		return
	}
	if k.gone() {
		s.log.Warn("the control socket was removed; opening it again", "path", k.path)
		k.path = ""
		k.again()
		return
	}
	link := filepath.Join(s.cfg.Data, control.SocketName)
	if to, err := os.Readlink(link); link == k.path || err == nil && to == k.path {
		return
	}
	os.Remove(link)
	os.Symlink(k.path, link) // if that fails, tools find the socket in the usual runtime folder
}
