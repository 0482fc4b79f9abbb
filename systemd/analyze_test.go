package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// analyze runs systemd-analyze, where it is.
func analyze(t *testing.T, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("skipped: it needs systemd-analyze (apt install systemd)")
	}
	cmd := exec.Command("systemd-analyze", append([]string{"--no-pager"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "COLUMNS=200")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// mostExposed is ten times the score that a unit may have.
const mostExposed = "16"

func TestTheGateIsShutOff(t *testing.T) {
	dir := t.TempDir()
	copyTo(t, dir, "railgated.service", nil)
	if out, err := analyze(t, "security", "--offline=true", "--threshold="+mostExposed, filepath.Join(dir, "railgated.service")); err != nil {
		t.Errorf("%v: more exposed than %s/10\n%s", err, mostExposed, out)
	}
	// The same without what shuts it off is refused: the threshold is looked at.
	copyTo(t, dir, "railgated.service", func(s string) string { return strings.ReplaceAll(s, "CapabilityBoundingSet=\n", "") })
	if out, err := analyze(t, "security", "--offline=true", "--threshold="+mostExposed, filepath.Join(dir, "railgated.service")); err == nil {
		t.Errorf("capabilities for everything, and not refused:\n%s", out)
	}
}

// copyTo copies a unit, edited.
func copyTo(t *testing.T, dir, name string, edit func(string) string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	if edit != nil {
		text = edit(text)
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// systemd reads every key of every unit. Programs that this machine lacks are not what is asked.
func TestUnitsAreUnderstood(t *testing.T) {
	dir := t.TempDir()
	program, err := exec.LookPath("true")
	if err != nil {
		t.Skip("skipped: it needs true(1)")
	}
	programs := strings.NewReplacer("/usr/bin/railgated", program, "/usr/bin/railgate ", program+" ", "/usr/bin/cage", program, "/usr/bin/curl", program, "/usr/bin/rauc", program, "/usr/bin/systemctl", program, "/usr/bin/networkctl", program, "Documentation=", "# Documentation=")
	names := []string{
		"railgated.service", "railgate-kiosk.service", "railgate.target",
		"railgate-update.path", "railgate-update.service", "railgate-trial.service", "railgate-trial-failed.service",
		"railgate-provision.service", "railgate-provision@.service", "railgate-network.service", "railgate-network.path",
	}
	args := []string{"verify", "--man=no"}
	for _, name := range names {
		copyTo(t, dir, name, programs.Replace)
		args = append(args, filepath.Join(dir, name))
	}
	if out, err := analyze(t, args...); err != nil || strings.Contains(out, dir) {
		t.Errorf("%v\n%s", err, out)
	}
	copyTo(t, dir, "railgated.service", func(s string) string {
		return programs.Replace(strings.ReplaceAll(s, "WatchdogSec=", "WatchdogSecs="))
	})
	if out, _ := analyze(t, args...); !strings.Contains(out, "WatchdogSecs") {
		t.Errorf("a misspelled key is not said:\n%s", out)
	}
}

// calls are the system calls of a railgated that was traced with strace(1): scanner, camera, screen, control socket,
// store, start and end; and those of a serial line, a camera and a GPIO line.
const calls = `nanosleep epoll_pwait futex getdents64 close openat rt_sigaction getpid clock_gettime read write fcntl rt_sigreturn
tgkill rt_sigprocmask mmap epoll_ctl pwrite64 sigaltstack pread64 gettid newfstatat fdatasync setsockopt sched_yield fstat clone
socket sched_getaffinity accept4 fsync flock unlinkat madvise getsockname bind statfs renameat munmap listen ftruncate uname
readlinkat prlimit64 prctl fchmodat faccessat exit_group execve eventfd2 epoll_create1 connect sendto sendmsg ioctl select
pselect6 poll ppoll mkdirat lseek getrandom kill`

func TestTheFilterLetsTheDaemonWork(t *testing.T) {
	allowed := map[string]bool{}
	for _, line := range parseUnit(t, "railgated.service")["Service.SystemCallFilter"] {
		names, take := strings.CutPrefix(line, "~")
		for name := range strings.FieldsSeq(names) {
			for _, call := range callsOf(t, name) {
				allowed[call] = !take
			}
		}
	}
	for call := range strings.FieldsSeq(calls) {
		if !allowed[call] {
			t.Errorf("the unit's SystemCallFilter forbids %s(2)", call)
		}
	}
	for _, call := range []string{"adjtimex", "mount", "ptrace", "init_module", "setuid", "clock_settime"} {
		if allowed[call] {
			t.Errorf("the unit's SystemCallFilter allows %s(2)", call)
		}
	}
}

// callsOf gives a call, or the calls of a set (@name), with the sets in it.
func callsOf(t *testing.T, name string) (found []string) {
	if !strings.HasPrefix(name, "@") {
		return []string{name}
	}
	out, err := analyze(t, "syscall-filter", name)
	if err != nil {
		t.Fatal(err, out)
	}
	for line := range strings.Lines(out) {
		if call := strings.TrimSpace(line); line[0] == ' ' && !strings.HasPrefix(call, "#") {
			found = append(found, callsOf(t, call)...)
		}
	}
	return found
}

// The users and folders are made below a folder of the test's own.
func TestUsersAndFoldersAreMade(t *testing.T) {
	for _, program := range []string{"systemd-sysusers", "systemd-tmpfiles"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("skipped: it needs %s (apt install systemd)", program)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("skipped: it needs root: folders are given to users")
	}
	root := t.TempDir()
	for _, dir := range []string{"etc/railgate/roots", "run/lock"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mine, first := filepath.Join(root, "etc/railgate/railgated.toml"), filepath.Join(root, "etc/railgate/roots/nation.root.json")
	for _, path := range []string{mine, first} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"systemd-sysusers", "--root=" + root, "sysusers.d/railgate.conf"}, {"systemd-tmpfiles", "--root=" + root, "--create", "tmpfiles.d/railgate.conf"}} {
		file, err := filepath.Abs(args[len(args)-1])
		if err != nil {
			t.Fatal(err)
		}
		args[len(args)-1] = file
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	for path, want := range map[string]os.FileMode{mine: 0o640, first: 0o640, filepath.Dir(first): os.ModeDir | 0o750, filepath.Join(root, "etc/railgate"): os.ModeDir | 0o750, filepath.Join(root, "run/lock/railgate"): os.ModeDir | 0o770} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", path, info, err, want)
		}
	}
}
