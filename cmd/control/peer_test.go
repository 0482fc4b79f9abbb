package control

import (
	"errors"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
)

// The user at the other end of the socket has the name that the kernel says, whatever he says.
func TestACallerHasTheKernelsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	inner, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l := PeerListener{inner}
	caller, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.RemoteAddr(); got.String() != me.Username || got.Network() != "unix" {
		t.Errorf("remote address %s %s; want unix %s", got.Network(), got, me.Username)
	}
	c.Close()
	if got := peerName(c.(peerConn).Conn); got != "somebody" {
		t.Errorf("a caller that is gone is %q", got)
	}
	l.Close()
	if c, err := l.Accept(); c != nil || !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener: %v, %v; want %v", c, err, net.ErrClosed)
	}
}

// Who cannot be named is somebody, and a user without a name has a number.
func TestCallersWithoutAName(t *testing.T) {
	one, other := net.Pipe()
	defer one.Close()
	defer other.Close()
	for name, c := range map[string]net.Conn{"no socket": one, "a socket that is not open": new(net.UnixConn)} {
		if got := peerName(c); got != "somebody" {
			t.Errorf("%s: %q; want somebody", name, got)
		}
	}
	const nobody = 4_123_456_789
	if _, err := user.LookupId(strconv.Itoa(nobody)); err == nil {
		t.Skip("this machine has a user of that number")
	}
	if got := nameOf(nobody); got != "user 4123456789" {
		t.Errorf("a user without a name is %q", got)
	}
	if me, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil && nameOf(uint32(os.Getuid())) != peerAddr(me.Username) {
		t.Errorf("I am %q; want %q", nameOf(uint32(os.Getuid())), me.Username)
	}
}
