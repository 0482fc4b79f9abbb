//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The rest of the real kernel's side needs a camera: it is driven over vivid and v4l2loopback in a
// virtual machine.

func TestOpenedNodesAreNotInheritedAndNeverBlock(t *testing.T) {
	fd, err := linux{}.open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer linux{}.close(fd)
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v; want FD_CLOEXEC", flags, err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("file flags %#x, %v; want O_NONBLOCK", flags, err)
	}
}

func TestOpenOfWhatIsNoCamera(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		os.DevNull:          "is not a video device (VIDIOC_QUERYCAP: ",
		file:                "is not a video device (VIDIOC_QUERYCAP: ",
		filepath.Dir(file):  "is a directory",
		file + "/not/there": "not a directory",
		file + " not there": "unplugged: no such file or directory",
	} {
		if _, err := Open(Config{Device: path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q) = %v, want %s", path, err, want)
		}
	}
}

func TestWaker(t *testing.T) {
	k := linux{}
	wake, err := k.newWaker()
	if err != nil {
		t.Fatal(err)
	}
	defer k.close(wake)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer k.close(pipe[0])
	ready := func() bool {
		t.Helper()
		fds := []unix.PollFd{{Fd: int32(wake), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 0)
		if err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	k.reset(wake)
	if ready() {
		t.Error("ready before it was signalled")
	}
	k.signal(wake)
	k.signal(wake)
	if events, err := k.poll(pipe[0], wake, time.Hour); events != 0 || err != nil || !ready() {
		t.Errorf("signalled: poll = %#x, %v", events, err)
	}
	k.reset(wake)
	if events, err := k.poll(pipe[0], wake, 0); events != 0 || err != nil || ready() {
		t.Errorf("reset: poll = %#x, %v", events, err)
	}
	unix.Write(pipe[1], []byte{1})
	if events, err := k.poll(pipe[0], wake, time.Hour); events != unix.POLLIN || err != nil {
		t.Errorf("data: poll = %#x, %v", events, err)
	}
	k.close(pipe[1])
	if events, err := k.poll(pipe[0], wake, time.Hour); events&unix.POLLHUP == 0 || err != nil {
		t.Errorf("closed: poll = %#x, %v", events, err)
	}
}

func TestClockIsTheMonotonicOne(t *testing.T) {
	a := linux{}.now()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		t.Fatal(err)
	}
	if b := time.Duration(ts.Nano()); a <= 0 || a > b {
		t.Errorf("now %v, then %v", a, b)
	}
}
