package control

import (
	"net"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// A PeerListener gives each connection of a unix socket the name of the user at its
// other end as remote address, for the record of who took a lane over.
type PeerListener struct{ net.Listener }

// Accept implements [net.Listener].
func (l PeerListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return peerConn{c, peerName(c)}, nil
}

type peerConn struct {
	net.Conn
	peer peerAddr
}

func (c peerConn) RemoteAddr() net.Addr { return c.peer }

// peerAddr is a user's name, and the number where it has none.
type peerAddr string

func (peerAddr) Network() string  { return "unix" }
func (a peerAddr) String() string { return string(a) }

// peerName asks the kernel who connected (unix(7), SO_PEERCRED).
func peerName(c net.Conn) peerAddr {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return "somebody"
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return "somebody"
	}
	var cred *unix.Ucred
	raw.Control(func(fd uintptr) { cred, _ = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if cred == nil {
		return "somebody"
	}
	return nameOf(cred.Uid)
}

// nameOf is a user's name.
func nameOf(number uint32) peerAddr {
	uid := strconv.FormatUint(uint64(number), 10)
	if found, err := user.LookupId(uid); err == nil {
		return peerAddr(found.Username)
	}
	return peerAddr("user " + uid)
}
