package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// An account is a user as the kernel knows them: what may be opened goes by these numbers.
type account struct {
	name   string
	uid    int
	gid    int
	groups []int // with gid
}

// errNoUser is a user that the machine does not have.
var errNoUser = errors.New("there is no such user")

// account finds a user, by name or number, with the groups of /etc/group and some more.
// group is in place of the user's own; "": the user's own.
func (h *host) account(name, group string, more []string) (*account, error) {
	var a *account
	for line := range h.lines("/etc/passwd") {
		f := strings.Split(line, ":")
		if len(f) < 4 || f[0] != name && f[2] != name {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 == nil && err2 == nil {
			a = &account{name: f[0], uid: uid, gid: gid}
			break
		}
	}
	if a == nil {
		return nil, fmt.Errorf("user %q: %w", name, errNoUser)
	}
	if gid, ok := h.groupID(group); ok {
		a.gid = gid
	}
	a.groups = append(a.groups, a.gid)
	for _, g := range h.groups() {
		if slices.Contains(g.members, a.name) || slices.Contains(more, g.name) {
			a.groups = append(a.groups, g.id)
		}
	}
	return a, nil
}

// serviceUser is the user of railgated's unit; nil where there is no unit, or no such user.
func (h *host) serviceUser() *account {
	u := h.unit()
	if u == nil {
		return nil
	}
	a, err := h.account(u.user, u.group, u.groups)
	if err != nil {
		return nil
	}
	return a
}

type userGroup struct {
	name    string
	id      int
	members []string
}

func (h *host) groups() (groups []userGroup) {
	for line := range h.lines("/etc/group") {
		f := strings.Split(line, ":")
		if len(f) < 4 {
			continue
		}
		if id, err := strconv.Atoi(f[2]); err == nil {
			groups = append(groups, userGroup{f[0], id, strings.Split(f[3], ",")})
		}
	}
	return groups
}

func (h *host) groupID(name string) (id int, ok bool) {
	for _, g := range h.groups() {
		if g.name == name {
			return g.id, true
		}
	}
	return 0, false
}

// groupName is a group's name, or its number where it has none.
func (h *host) groupName(id int) string {
	for _, g := range h.groups() {
		if g.id == id {
			return g.name
		}
	}
	return strconv.Itoa(id)
}

// do runs f with the user's rights to files; nil is the user who runs the doctor. Only the
// thread that f runs on has them (setfsuid(2), setgroups(2) of the kernel's own), and it
// ends with f.
func (a *account) do(f func()) error {
	if a == nil || a.uid == os.Geteuid() {
		f()
		return nil
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		err := a.become()
		if err == nil {
			f()
		}
		done <- err
	}()
	return <-done
}

func (a *account) become() error {
	if err := unix.Setgroups(a.groups); err != nil {
		return fmt.Errorf("taking the groups of %s: %w", a.name, err)
	}
	unix.SetfsgidRetGid(a.gid)
	unix.SetfsuidRetUid(a.uid)
	if uid, _ := unix.SetfsuidRetUid(-1); uid != a.uid {
		return fmt.Errorf("taking the rights of %s: %w", a.name, unix.EPERM)
	}
	return nil
}

// refusal is why a user may not use a file: where is the file, or the folder on the way
// to it that stops them.
type refusal struct {
	where string
	err   error
}

// access says what stops the user from using a file in a way (unix.R_OK, ...); nil: nothing.
func (a *account) access(path string, way uint32) (r *refusal, err error) {
	err = a.do(func() { r = tryAccess(path, way) })
	return r, err
}

func tryAccess(path string, way uint32) *refusal {
	for dir := filepath.Dir(path); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.X_OK, unix.AT_EACCESS); errors.Is(err, unix.EACCES) {
			if up := tryAccess(dir, unix.X_OK); up != nil { // the topmost that stops them
				return up
			}
			return &refusal{dir, err}
		}
	}
	if err := unix.Faccessat(unix.AT_FDCWD, path, way, unix.AT_EACCESS); err != nil {
		return &refusal{path, err}
	}
	return nil
}

// owner describes a file's owner and mode, as ls has them.
func (h *host) owner(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return "missing"
	}
	user := strconv.Itoa(int(st.Uid))
	if a, err := h.account(user, "", nil); err == nil {
		user = a.name
	}
	return fmt.Sprintf("%s:%s, mode %04o", user, h.groupName(int(st.Gid)), st.Mode&0o7777)
}
