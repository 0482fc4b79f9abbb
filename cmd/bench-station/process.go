package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of /proc/PID/stat: USER_HZ, which is 100 on every architecture that
// Go runs on.
const clockTick = 10 * time.Millisecond

// cpuOf is the processor time of a process, proc_pid_stat(5).
func cpuOf(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick
}

// usageOf is what a process took since it had used some processor time.
func usageOf(pid int, before, in time.Duration) Usage {
	u := Usage{CPU: 100 * (cpuOf(pid) - before).Seconds() / in.Seconds()}
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		var kb float64
		fmt.Sscan(value, &kb)
		switch name {
		case "VmRSS":
			u.Resident = kb / 1024
		case "RssAnon":
			u.Anonymous = kb / 1024
		}
	}
	return u
}
