package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A holder is a process that has something open.
type holder struct {
	pid  int
	name string
	unit string // of systemd's; "": none, or not known
}

func (o *holder) String() string {
	if o.unit != "" {
		return fmt.Sprintf("%s (pid %d, %s)", o.name, o.pid, o.unit)
	}
	return fmt.Sprintf("%s (pid %d)", o.name, o.pid)
}

// end is the command that makes the holder let go, for good where it is a service's.
func (o *holder) end() string {
	if o.unit != "" {
		return "systemctl disable --now " + o.unit
	}
	return "kill " + strconv.Itoa(o.pid)
}

// holders are the processes that have a file open whose link in /proc is as given, but
// for the one with number except. Without root only one's own processes tell.
func (h *host) holders(except int, isIt func(link string) bool) (found []*holder) {
	dirs, _ := filepath.Glob(h.path("/proc/[0-9]*")) // the pattern is good
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == except || pid == os.Getpid() {
			continue
		}
		fds, _ := os.ReadDir(filepath.Join(dir, "fd"))
		for _, fd := range fds {
			if link, err := os.Readlink(filepath.Join(dir, "fd", fd.Name())); err == nil && isIt(link) {
				found = append(found, h.holder(pid))
				break
			}
		}
	}
	return found
}

func (h *host) holder(pid int) *holder {
	o := &holder{pid: pid, name: "a process"}
	for line := range h.lines(fmt.Sprintf("/proc/%d/comm", pid)) {
		o.name = line
	}
	for line := range h.lines(fmt.Sprintf("/proc/%d/cgroup", pid)) {
		if name := unitOf(line); name != "" {
			o.unit = name
		}
	}
	return o
}

// unitOf is the system's service that a line of a process's cgroup file names
// (cgroups(7): number:controllers:/system.slice/NAME.service).
func unitOf(line string) string {
	_, path, ok := strings.Cut(line, ":/system.slice/")
	if !ok {
		return ""
	}
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasSuffix(part, ".service") && !strings.ContainsAny(part, " \t'\"$`;&|<>()") {
			return part
		}
	}
	return ""
}

// fileHolders are the processes that have a file open.
func (h *host) fileHolders(path string, except int) []*holder {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil
	}
	return h.holders(except, func(link string) bool { return link == target })
}

// portHolders are the processes that listen on a TCP port.
func (h *host) portHolders(port int, except int) []*holder {
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for line := range h.lines(table) {
			if inode, ok := listensOn(line, port); ok {
				sockets["socket:["+inode+"]"] = true
			}
		}
	}
	return h.holders(except, func(link string) bool { return sockets[link] })
}

// listensOn reads a line of /proc/net/tcp (proc(5)): the inode of a socket that listens on
// a port.
func listensOn(line string, port int) (inode string, ok bool) {
	f := strings.Fields(line)
	if len(f) < 10 || f[3] != "0A" { // TCP_LISTEN
		return "", false
	}
	_, hex, _ := strings.Cut(f[1], ":")
	n, err := strconv.ParseUint(hex, 16, 16)
	return f[9], err == nil && int(n) == port
}
