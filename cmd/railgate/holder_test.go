package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// hold is the child of a test that has something: an address, or a file and its lock. It
// says so, and ends with its input.
func hold(what string) {
	if l, err := net.Listen("tcp", what); err == nil {
		defer l.Close()
	} else if f, err := os.OpenFile(what, os.O_RDWR, 0); err == nil {
		unix.Flock(int(f.Fd()), unix.LOCK_EX)
		defer f.Close()
	}
	fmt.Println("held")
	bufio.NewReader(os.Stdin).ReadByte()
	os.Exit(0)
}

// another has another process hold something until the test ends. It returns its number.
func another(t *testing.T, what string) int {
	t.Helper()
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(me)
	c.Env = append(os.Environ(), "RAILGATE_TEST_HOLD="+what)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("%q, %v; want it held", line, err)
	}
	gone := make(chan struct{})
	go func() { c.Wait(); close(gone) }() // one that is killed must not stay a zombie
	t.Cleanup(func() { in.Close(); <-gone })
	return c.Process.Pid
}

func TestUnitOf(t *testing.T) {
	for line, want := range map[string]string{
		"0::/system.slice/ModemManager.service":                                     "ModemManager.service",
		"0::/system.slice/system-serial\\x2dgetty.slice/serial-getty@ttyS0.service": "serial-getty@ttyS0.service",
		"0::/user.slice/user-1000.slice/session-1.scope":                            "",
		"0::/": "",
		"1:name=systemd:/system.slice/a b.service":  "",
		"1:name=systemd:/system.slice/cron.service": "cron.service",
	} {
		if got := unitOf(line); got != want {
			t.Errorf("unitOf(%q) = %q; want %q", line, got, want)
		}
	}
}

func FuzzProc(f *testing.F) {
	f.Add("0::/system.slice/ModemManager.service")
	f.Add("   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21415 1 0000000000000000 100 0 0 10 0")
	f.Add("::")
	f.Fuzz(func(t *testing.T, line string) {
		if u := unitOf(line); strings.ContainsAny(u, " ;&|$`'\"") {
			t.Errorf("unitOf(%q) = %q; want nothing that a shell takes for more", line, u)
		}
		if inode, ok := listensOn(line, 8080); ok && !strings.Contains(line, inode) {
			t.Errorf("listensOn(%q) = %q", line, inode)
		}
	})
}
