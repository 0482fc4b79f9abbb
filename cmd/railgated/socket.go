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

// openSocket opens the socket in the runtime folder, which no full or read-only disk
// keeps from being written, or else in the data folder.
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
	l.(*net.UnixListener).SetUnlinkOnClose(false) // by its short name it would not be found
	return namedListener{l, path}, os.Chmod(path, 0o660)
}

// A namedListener has a socket's whole path for address.
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

// gone tells whether the open socket's name leads to it no more.
func (s *socket) gone() bool {
	info, err := os.Lstat(s.path)
	return err != nil || !os.SameFile(info, s.info)
}

// checkSocket opens the control socket again if it was removed, with its folder perhaps.
// Of one in the runtime folder it leaves a link in the data folder, where tools look first.
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
	os.Symlink(k.path, link) // tools find the socket without it, where the runtime folder is the usual one
}
