package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
)

// patient is what the checks look at.
type patient struct {
	gate *gate
	host *host
	as   string // the user whose rights count; "": the service's

	config string          // the configuration's path
	data   string          // the data folder; "": not known
	cfg    *configs.Config // nil: there is none, or it is wrong
	unit   *unit           // nil: there is none
	user   *account        // whose rights count; nil: those of the user who runs the doctor
	status *control.Status // nil: the daemon does not answer
	pid    int             // the daemon's, whose files are its own business; 0: not known

	forbidden bool // the doctor may not ask the daemon
	outside   bool // who runs it is neither root nor the service's user: what they may not, the service may
}

// examine makes all checks. What the daemon says comes with what was found beside it, and
// gives way to a finding that says more.
func (p *patient) examine(ctx context.Context) []finding {
	var findings []finding
	add := func(check string, found ...finding) {
		for _, f := range found {
			f.Check = check
			findings = append(findings, f)
		}
	}
	p.unit = p.host.unit()
	add("config", p.readConfig(ctx)...)
	said := p.askDaemon(ctx)
	add("user", p.findUser()...)
	add("config", p.configRights()...)
	add("daemon", p.daemon(ctx)...)
	if p.data != "" {
		add("keyset", p.keyset()...)
		add("devices", p.devices()...)
		add("clock", p.clock()...)
		add("disk", p.disk()...)
		add("store", p.store()...)
		add("http", p.http()...)
		add("outputs", p.outputs()...)
		add("update", p.update()...)
	}
	return p.merge(once(findings), said)
}

// once leaves of what the caller may not only the first: one command mends all of it.
func once(findings []finding) []finding {
	said := false
	return slices.DeleteFunc(findings, func(f finding) bool {
		again := f.Cause == control.MayNotAsk && said
		said = said || f.Cause == control.MayNotAsk
		return again
	})
}

// health is what the doctor says of the gate as a whole.
func (p *patient) health(findings []finding) control.Health {
	worst := control.Healthy
	if p.status != nil {
		worst = p.status.Health
	}
	for _, f := range findings {
		worst = worse(worst, f.Level)
	}
	return worst
}

// now is the gate's time, or this machine's, by the clock of the gate's zone.
func (p *patient) now() time.Time {
	if p.status != nil {
		return p.status.Clock.Time.In(p.zone())
	}
	return time.Now().In(p.zone())
}

// zone is the gate's zone, as far as is known.
func (p *patient) zone() *time.Location {
	if p.status != nil {
		return zoneOf(p.status.Zone)
	}
	return zoneOf("")
}

// refined are the causes that the doctor finds behind one of the daemon's.
var refined = map[string][]string{
	control.ScannerDown:      {control.ScannerMissing, control.ScannerBusy, control.UserNotInGroup, control.DeviceForbidden},
	control.TurnstileDown:    {control.GPIOChipMissing, control.GPIOLineMissing, control.GPIOLineBusy, control.UserNotInGroup, control.DeviceForbidden},
	control.PanelDown:        {control.GPIOChipMissing, control.GPIOLineMissing, control.GPIOLineBusy, control.UserNotInGroup, control.DeviceForbidden},
	control.StoreDown:        {control.DataMissing, control.DataUnwritable, control.DiskFull, control.DiskReadOnly, control.DiskFailing, control.StoreBusy},
	control.KeysetMissing:    {control.KeysetUnreadable},
	control.KeysetUnreadable: {control.KeysetMissing},
}

// merge puts what the daemon says first. A cause that the daemon says as well, or says less
// of, is there once, with the doctor's remedy and the daemon's severity. What only the
// doctor finds beside a daemon that answers does not close the lane.
func (p *patient) merge(findings, said []finding) []finding {
	if p.status == nil {
		return findings
	}
	for i := range findings {
		if findings[i].Level == control.OutOfService {
			findings[i].Level = control.Degraded
		}
	}
	var kept []finding
	for _, s := range said {
		same := func(f finding) bool {
			ofOther := f.About != "" && s.About != "" && f.About != s.About
			return f.Cause != "" && !ofOther && (f.Cause == s.Cause || slices.Contains(refined[s.Cause], f.Cause))
		}
		if !slices.ContainsFunc(findings, same) {
			kept = append(kept, s)
			continue
		}
		for i := range findings {
			if same(findings[i]) {
				f := &findings[i]
				f.Level = worse(f.Level, s.Level)
				f.since(s)
			}
		}
	}
	return append(kept, findings...)
}

// found is a finding of a cause, with what is known of the gate in its remedy.
func (p *patient) found(id, why string, names ...string) finding {
	names = append(names, "{config}", p.config, "{data}", p.data, "{drop_ins}", p.host.path(filepath.Join(unitDirs[0], unitName+".d")), "{etc_keys}", p.host.path("/etc/railgate/keys.json"))
	if p.cfg != nil {
		names = append(names, "{keys}", p.cfg.Keys, "{sync}", p.cfg.Sync.Nation)
	}
	if p.user != nil {
		names = append(names, "{user}", p.user.name, "{group}", p.host.groupName(p.user.gid))
	} else if p.unit == nil {
		names = append(names, "{user}", fmt.Sprint(os.Geteuid()), "{group}", fmt.Sprint(os.Getegid()))
	}
	f := sick(control.NewCause(id, why, names...))
	if p.unit == nil { // a bench's daemon is not systemd's
		f.Fix = strings.TrimSuffix(f.Fix, " && systemctl restart railgated")
	}
	return f
}

// readConfig reads the configuration. One that only the daemon knows is asked for.
func (p *patient) readConfig(ctx context.Context) []finding {
	p.config, p.data = cmp.Or(p.gate.config, configs.DefaultPath), p.gate.data
	cfg, err := configs.Load(p.config)
	if p.gate.config == "" && p.data != "" {
		if s, statusErr := control.NewClient(p.data).Status(ctx); statusErr == nil && s.Config != "" {
			p.config = s.Config
			cfg, err = configs.Load(p.config)
		} else if err == nil && cfg.Data != p.data {
			err = fs.ErrNotExist // the machine's configuration is another gate's
		}
		if errors.Is(err, fs.ErrNotExist) {
			return []finding{good("not looked at: only --data was given")}
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		p.data = cmp.Or(p.data, "/var/lib/railgate")
		return nil // configRights says it
	}
	if err != nil {
		return p.configProblems(err)
	}
	p.cfg, p.data = cfg, cmp.Or(p.data, cfg.Data)
	return []finding{good("%s", p.config)}
}

// configProblems makes a finding of each problem of a configuration.
func (p *patient) configProblems(err error) (found []finding) {
	for _, problem := range allErrors(err) {
		line := "1"
		var at *configs.Problem
		if errors.As(problem, &at) && at.Line > 0 {
			line = fmt.Sprint(at.Line)
		}
		f := p.found(control.ConfigInvalid, problem.Error(), "{line}", line)
		if errors.Is(problem, fs.ErrNotExist) {
			path := control.Quote(p.config)
			f.Fix = "railgate config > " + path + " && editor " + path + " && railgated --check --config " + path
			f.Hands = "Write this gate's own devices and keyset into it; the check that follows says whether all is well."
		}
		found = append(found, f)
	}
	return found
}

// allErrors are the errors that one joins.
func allErrors(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, allErrors(e)...)
		}
		return all
	}
	return []error{err}
}

// askDaemon asks the daemon how it is, and returns what it says is wrong.
func (p *patient) askDaemon(ctx context.Context) (said []finding) {
	if p.data == "" {
		return nil
	}
	s, err := control.NewClient(p.data).Status(ctx)
	if errors.Is(err, fs.ErrPermission) {
		p.forbidden = true
	}
	if err != nil {
		return nil
	}
	p.status, p.pid = s, s.PID
	told := map[string]bool{}
	for _, c := range s.Causes {
		f := sick(c)
		f.Check, told[c.Why] = "daemon", true
		said = append(said, f)
	}
	for _, problem := range s.Problems { // of a daemon that names no cause for it
		if !told[problem] {
			said = append(said, finding{Check: "daemon", Level: s.Health, Text: problem, Fix: "railgate watch"})
		}
	}
	return said
}

// findUser finds whose rights count: those of the user that was named, of the daemon that
// answers, or of the service's.
func (p *patient) findUser() []finding {
	name, group := p.as, ""
	var more []string
	switch {
	case name != "":
	case p.ofService():
		name, group, more = p.unit.user, p.unit.group, p.unit.groups
	case p.status != nil:
		name = p.processUser(p.pid)
	}
	if name == "" {
		return nil
	}
	a, err := p.host.account(name, group, more)
	if err != nil {
		return []finding{p.found(control.UserMissing, err.Error(), "{user}", name)}
	}
	switch self := p.host.self; {
	case self == a.uid || self == 0:
		p.user = a
		return []finding{good("looked at with the rights of %s", a.name)}
	default:
		p.outside = true
		return []finding{good("looked at with your own rights; as root, with those of %s", a.name)}
	}
}

// ofService tells whether the gate is the service's: its daemon, where it answers, has the
// service's user.
func (p *patient) ofService() bool {
	if p.unit == nil || p.status == nil {
		return p.unit != nil
	}
	a, err := p.host.account(p.unit.user, p.unit.group, p.unit.groups)
	return err == nil && strconv.Itoa(a.uid) == p.processUser(p.pid)
}

// processUser is the number of the user that a process runs as; "" where that is not known.
func (p *patient) processUser(pid int) string {
	for line := range p.host.lines(fmt.Sprintf("/proc/%d/status", pid)) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "Uid:" {
			return f[2]
		}
	}
	return ""
}

// configRights checks that the service's user may read the configuration.
func (p *patient) configRights() []finding {
	r, err := p.user.access(p.config, rOK)
	if err != nil || r == nil || !errors.Is(r.err, fs.ErrPermission) {
		return nil
	}
	return []finding{p.rights(control.ConfigUnreadable, r, p.config, "read")}
}

// rights is a finding of a file that the user may not use. Where a folder on the way to it
// stops them, that folder is opened to their group.
func (p *patient) rights(id string, r *refusal, path, way string) finding {
	who := "you"
	if p.user != nil {
		who = "user " + p.user.name
	}
	why := fmt.Sprintf("%s may not %s %s (%s)", who, way, path, p.host.owner(path))
	if p.outside { // nothing is wrong with the gate by that, and no right of the service's is to be changed
		return p.found(control.MayNotAsk, why)
	}
	if r.where == path {
		return p.found(id, why)
	}
	f := p.found(id, fmt.Sprintf("%s may not %s %s, for the folder %s is closed to them (%s)", who, way, path, r.where, p.host.owner(r.where)))
	if p.user != nil {
		f.Fix = fmt.Sprintf("chgrp %s %s && chmod g+x %[2]s && %s", control.Quote(p.host.groupName(p.user.gid)), control.Quote(r.where), f.Fix)
	}
	return f
}

// daemon says how the daemon is, and where it does not answer why that may be.
func (p *patient) daemon(ctx context.Context) []finding {
	if s := p.status; s != nil {
		return []finding{good("lane %s, version %s, since %s", s.Mode, s.Version, s.Started.In(p.zone()).Format(time.DateTime))}
	}
	if p.forbidden {
		return []finding{p.found(control.MayNotAsk, "the control socket is closed to you: you are not in the group of railgated's user")}
	}
	if s := p.host.service(ctx); s != nil && s.Load != "not-found" {
		found := p.serviceFindings(ctx, s)
		for i := range found {
			found[i].Since, found[i].Unsure = s.Since, !p.host.clock().Synced
		}
		return found
	}
	if found := p.unanswered(); found != nil {
		return found
	}
	stopped := p.found(control.DaemonStopped, "railgated does not answer, and no service of systemd's runs it")
	stopped.Fix = "railgated --config " + control.Quote(p.config)
	if p.unit == nil && p.gate.config == "" && p.gate.data == "" {
		return []finding{stopped, p.found(control.UnitMissing, unitName+" is not in "+unitDirs[0]+" nor in "+unitDirs[3])}
	}
	return []finding{stopped}
}

// unanswered are the findings of a railgated that no systemd knows of: it has the store, and
// its control socket does not answer. What it holds is its own.
func (p *patient) unanswered() []finding {
	for _, o := range p.host.fileHolders(filepath.Join(p.data, storeName), 0) {
		if o.name == "railgated" {
			p.pid = o.pid
			f := p.found(control.DaemonSilent, fmt.Sprintf("%v has the store", o))
			f.Fix = o.end() + " && railgated --config " + control.Quote(p.config)
			return p.orSocket(f)
		}
	}
	return nil
}

// orSocket is a finding of a railgated that does not answer, or of what is in the place of its
// control socket. Once that is gone railgated opens the socket by itself.
func (p *patient) orSocket(silent finding) []finding {
	for _, path := range []string{p.host.path("/run/railgate/" + control.SocketName), filepath.Join(p.data, control.SocketName)} {
		if st, err := os.Lstat(path); err == nil && st.Mode()&(fs.ModeSocket|fs.ModeSymlink) == 0 {
			f := p.found(control.ControlSocket, silent.Text+"; in the place of its control socket, "+path+", is something else")
			f.Fix, f.Hands = "rm -r "+control.Quote(path), ""
			return []finding{f}
		}
	}
	return []finding{silent}
}

func (p *patient) serviceFindings(ctx context.Context, s *service) []finding {
	switch {
	case s.Active == "active":
		p.pid, _ = strconv.Atoi(s.PID)
		return p.orSocket(p.found(control.DaemonSilent, "process "+s.PID+" runs"))
	case s.Active == "activating" && s.Sub != "auto-restart":
		p.pid, _ = strconv.Atoi(s.PID)
		f := p.found(control.DaemonStarts, "systemd waits for it ("+s.Sub+")")
		if n, _ := strconv.Atoi(s.Again); n > 0 {
			f.Text += fmt.Sprintf("; it has ended, and was started again, %d times", n)
			f.Hands = "Wait three minutes. If the number goes up, it hangs at its start: the log says after which step. Switch the gate off and on again; if that does not help, send us the log."
		}
		return []finding{f}
	case s.Load == "masked":
		f := p.found(control.DaemonStopped, "systemd says that it is masked")
		f.Fix = "systemctl unmask railgated && " + f.Fix
		return []finding{f}
	case s.Load == "bad-setting" || s.Load == "error":
		f := p.found(control.DaemonStopped, "systemd cannot read its unit")
		f.Fix, f.Hands = "systemd-analyze verify railgated.service", "Correct the line that it names, often in a drop-in ("+filepath.Join(unitDirs[0], unitName+".d")+"); then: systemctl daemon-reload && systemctl enable --now railgated."
		return []finding{f}
	case s.Active == "inactive" || s.Active == "deactivating":
		if found := p.unanswered(); found != nil { // started by hand
			return found
		}
		return []finding{p.found(control.DaemonStopped, "systemd says that it is "+s.Active)}
	}
	why := fmt.Sprintf("%s, exit status %s", s.Result, s.Status)
	if words := p.host.lastWords(ctx); len(words) > 0 {
		why += "; its last words: " + strings.Join(words, " | ")
	}
	return []finding{p.found(control.DaemonFailed, why)}
}
