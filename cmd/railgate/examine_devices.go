package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver/evdev"
	"railgate/driver/gpioline"
	"railgate/driver/hid"
	"railgate/driver/scanner"
	"railgate/driver/turnstile"
)

// devices checks what the configuration names, as the service's user sees it.
func (p *patient) devices() (found []finding) {
	if p.cfg == nil {
		return nil
	}
	for i := range p.cfg.Scanners {
		for _, f := range p.scanner(i) {
			f.About = p.cfg.Scanners[i].Name
			found = append(found, f)
		}
	}
	found = append(found, p.lines()...)
	found = append(found, p.otherProblems(found)...)
	if len(found) == 0 {
		found = append(found, good("every device that the configuration names is there"))
	}
	return found
}

func (p *patient) scanner(i int) []finding {
	s := &p.cfg.Scanners[i]
	if s.Frames != "" {
		return nil
	}
	path, err := devicePath(s)
	if err == nil {
		_, err = os.Stat(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return []finding{p.found(control.ScannerMissing, fmt.Sprintf("scanner %s: %v", s.Name, err))}
	} else if path == "" {
		return nil // two of a kind, which the configuration's own check says
	}
	if found := p.mayUse("scanner "+s.Name, path); found != nil {
		return p.byUdev(s, path, found)
	}
	// Others may have a keyboard open too: they hear nothing while it is grabbed.
	if others := p.host.fileHolders(path, p.pid); len(others) > 0 && s.Driver != "keyboard" {
		return []finding{p.found(control.ScannerBusy, fmt.Sprintf("scanner %s: %s is held by %v", s.Name, path, others[0]), "{end}", others[0].end())}
	}
	return nil
}

// byUdev has a rule in the place of what would last until a scanner on USB is plugged in again, or give
// railgated all keyboards.
func (p *patient) byUdev(s *configs.Scanner, path string, found []finding) []finding {
	node := path
	if target, err := filepath.EvalSymlinks(path); err == nil {
		node = target
	}
	ids := map[string]func(string, string) (uint16, uint16, bool){"hid": hid.IDs, "keyboard": evdev.IDs}[s.Driver]
	if ids == nil {
		return found
	}
	vendor, product, ok := ids(p.host.path("/sys"), filepath.Base(node))
	if !ok {
		return found
	}
	rule := fmt.Sprintf(`SUBSYSTEM=="input|hidraw", ATTRS{idVendor}=="%04x", ATTRS{idProduct}=="%04x", ENV{RAILGATE_SCANNER}="1"`, vendor, product)
	for i := range found {
		found[i].Fix = fmt.Sprintf("echo '%s' >> %s && udevadm control --reload && udevadm trigger -s input -s hidraw && systemctl restart railgated", rule, control.Quote(p.host.path("/etc/udev/rules.d/98-scanner.rules")))
	}
	return found
}

// devicePath is the device of a scanner.
func devicePath(s *configs.Scanner) (string, error) {
	switch s.Driver {
	case "serial":
		return s.Port, nil
	case "hid", "keyboard":
		return scanner.FindUSB(s.Driver, s.Device)
	}
	return s.Device, nil
}

// mayUse checks that the service's user may read and write a device.
func (p *patient) mayUse(what, path string) []finding {
	r, err := p.user.access(path, rOK|wOK)
	if err != nil || r == nil || !errors.Is(r.err, fs.ErrPermission) {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return nil
	}
	if p.user != nil && st.Mode&0o060 == 0o060 && st.Gid != 0 && !slices.Contains(p.user.groups, int(st.Gid)) {
		group := p.host.groupName(int(st.Gid))
		why := fmt.Sprintf("%s: %s is the group %s's (%s), and user %s is not in it", what, path, group, p.host.owner(path), p.user.name)
		return []finding{p.found(control.UserNotInGroup, why, "{device_group}", group)}
	}
	f := p.rights(control.DeviceForbidden, r, path, "use")
	f.Text = what + ": " + f.Text
	f.Fix = strings.ReplaceAll(f.Fix, "{device}", control.Quote(path))
	return []finding{f}
}

// lines checks the GPIO lines: the chips, that they may be used, and who holds them.
func (p *patient) lines() (found []finding) {
	lines, err := p.cfg.GPIOLines()
	var missing []error // for want of a chip: one board has them all
	for _, problem := range allErrors(err) {
		switch {
		case problem == nil:
		case errors.Is(problem, gpioline.ErrNoChip):
			missing = append(missing, problem)
		case errors.Is(problem, gpioline.ErrNotFound):
			found = append(found, p.found(control.GPIOLineMissing, problem.Error()))
		default: // a line for two purposes, a name for two lines
			found = append(found, p.found(control.ConfigInvalid, problem.Error()))
		}
	}
	if len(missing) > 0 {
		f := p.found(control.GPIOChipMissing, missing[0].Error())
		if more := keysOf(missing[1:]); len(more) > 0 {
			f.Text += "; nor can these be had: " + strings.Join(more, ", ")
		}
		found = append(found, f)
	}
	checked := map[string]bool{}
	for key, line := range lines {
		if !checked[line.Path()] {
			checked[line.Path()] = true
			found = append(found, p.mayUse(key, line.Path())...)
		}
		found = append(found, p.lineHolder(key, line)...)
	}
	return found
}

// keysOf are the configuration's keys that problems are about.
func keysOf(problems []error) (keys []string) {
	for _, problem := range problems {
		if at := new(configs.Problem); errors.As(problem, &at) {
			keys = append(keys, at.Key)
		}
	}
	return keys
}

// lineHolder says who holds a line beside a daemon that does not run. One that runs says so
// itself.
func (p *patient) lineHolder(key string, line *gpioline.Line) []finding {
	who, err := line.Holder()
	if err != nil || who == "" || p.status != nil {
		return nil
	}
	why := fmt.Sprintf("%s: %v is held under the name %q", key, line, who)
	f := p.found(control.GPIOLineBusy, why)
	// The kernel does not tell which process has which line, only who has some.
	others := p.host.holders(p.pid, func(link string) bool { return strings.HasPrefix(link, "anon_inode:gpio-line") })
	if len(others) == 1 {
		f.Text += ", by " + others[0].String()
		f.Fix = others[0].end()
	}
	return []finding{f}
}

// otherProblems are what the daemon would complain about at its start and no finding has.
func (p *patient) otherProblems(found []finding) (more []finding) {
	for _, problem := range allErrors(p.cfg.CheckDevices()) {
		var at *configs.Problem
		if problem == nil || errors.As(problem, &at) && (at.Key == "data" || at.Key == "keys") || errors.Is(problem, gpioline.ErrNoChip) {
			continue // which have checks of their own
		}
		said := func(f finding) bool {
			return f.Text == problem.Error() || at != nil && strings.HasPrefix(at.Key, "scanner") && strings.HasPrefix(f.Text, "scanner ")
		}
		if !slices.ContainsFunc(found, said) {
			more = append(more, p.found(control.ConfigInvalid, problem.Error(), "{line}", strconv.Itoa(max(1, lineOf(at)))))
		}
	}
	return more
}

func lineOf(at *configs.Problem) int {
	if at == nil {
		return 0
	}
	return at.Line
}

// http checks that the screen's port is free, or the daemon's.
func (p *patient) http() []finding {
	if p.cfg == nil || p.cfg.HTTP.Listen == "" {
		return nil
	}
	_, text, err := net.SplitHostPort(p.cfg.HTTP.Listen)
	port, err2 := strconv.Atoi(text)
	if err != nil || err2 != nil || port == 0 {
		return nil
	}
	others := p.host.portHolders(port, p.pid)
	if len(others) == 0 {
		return []finding{good("%s", p.cfg.HTTP.Listen)}
	}
	return []finding{p.found(control.HTTPPortTaken, fmt.Sprintf("%s is held by %v", p.cfg.HTTP.Listen, others[0]), "{end}", others[0].end())}
}

// outputs checks what will happen to the relay when the daemon dies.
func (p *patient) outputs() []finding {
	if p.cfg == nil || p.cfg.Turnstile.Driver != "gpio" {
		return nil
	}
	var found []finding
	if path, err := p.gate.outputsFile(); err != nil {
		found = append(found, p.found(control.OutputsUnknown, err.Error()))
	} else if _, err := turnstile.LoadOutputs(path); err != nil {
		found = append(found, p.found(control.OutputsUnknown, err.Error()))
	} else {
		found = append(found, good("outputs-safe knows them (%s)", path))
	}
	for _, module := range []string{"pinctrl_bcm2835", "pinctrl_rp1"} {
		value, err := os.ReadFile(p.host.path(filepath.Join("/sys/module", module, "parameters/persist_gpio_outputs")))
		if err == nil && strings.TrimSpace(string(value)) == "Y" {
			found = append(found, p.found(control.RelayKept, module+".persist_gpio_outputs is Y"))
		}
	}
	return found
}
