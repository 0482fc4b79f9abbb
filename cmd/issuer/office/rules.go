package office

import (
	"slices"
	"time"

	"railgate/verify"
	"railgate/verify/mint"
)

// The rules of the electronic temporary ID, R1 to R16, as the railway announced
// them for its app; slip.go has the police window's, R17 to R20. Everything here is a pure function of what is on record and of a
// time that it is given; form.go has the rules about what is filled in, reasons.go
// what a passenger is told.
const (
	validFor    = mint.Validity // R5: from the approval
	perMonth    = 3             // R6: approved applications a person
	reapplyIn   = 3 * time.Hour // R7: before the valid one ends
	codePeriod  = mint.Period   // R8
	liveFor     = mint.Liveness // R9: after a real-person check
	historyBack = 1             // R11: months
)

// RailwayTime is Asia/Shanghai, which has had no summer time since 1991.
var RailwayTime = time.FixedZone("Asia/Shanghai", 8*60*60)

// A Certificate is an approved application.
type Certificate struct {
	ID       verify.CertificateID
	Rotation verify.Rotation `cbor:"Way"` // who makes its codes
	Approved time.Time
	Live     time.Time       // the last real-person check
	Session  string          // which may see it: the one that passed that check
	From     time.Time       // its codes are signed as of this or later: what was before is revoked; zero: nothing is
	Guardian verify.HolderID `cbor:",omitempty"` // who applied for a companion (R21); "": the holder did
}

func (c *Certificate) Ends() time.Time { return c.Approved.Add(validFor) }

func (c *Certificate) valid(now time.Time) bool {
	return !now.Before(c.Approved) && now.Before(c.Ends())
}

// LiveUntil is when the page must ask for a new real-person check.
func (c *Certificate) LiveUntil() time.Time { return c.Live.Add(liveFor) }

// An Application is one line of the history.
type Application struct {
	Time        time.Time
	Denied      Reason               // empty: approved
	Certificate verify.CertificateID // of an approved one
	Guardian    verify.HolderID      `cbor:",omitempty"` // who applied for a companion (R21); "": the holder did
}

// Ends is when the certificate of an approved one ends.
func (a *Application) Ends() time.Time { return a.Time.Add(validFor) }

// A dossier is what is on record of one person, oldest first.
type dossier struct {
	Certificates []Certificate
	Applications []Application
	Slips        []Slip // paper certificates, slip.go
}

// current is the newest certificate that is valid; nil: none is.
func (d *dossier) current(now time.Time) *Certificate {
	for i := len(d.Certificates) - 1; i >= 0; i-- {
		if c := &d.Certificates[i]; c.valid(now) {
			return c
		}
	}
	return nil
}

// last is the newest certificate, valid or not; nil: there is none.
func (d *dossier) last() *Certificate {
	if len(d.Certificates) == 0 {
		return nil
	}
	return &d.Certificates[len(d.Certificates)-1]
}

// review decides about an application of somebody who has passed the real-person
// check (R4): the reason why it is denied, or none.
func (d *dossier) review(now time.Time) Reason {
	// R7 first: who has a valid one needs no other, and is not sent away.
	if c := d.current(now); c != nil && c.Ends().Sub(now) > reapplyIn {
		return StillValid
	}
	if d.approvedIn(now) >= perMonth {
		return MonthlyLimit
	}
	return ""
}

// approvedIn counts the approvals in the calendar month of a time (R6). What was
// denied, seen or verified again is none of them.
func (d *dossier) approvedIn(now time.Time) int {
	year, month, _ := now.In(RailwayTime).Date()
	n := 0
	for _, c := range d.Certificates {
		if y, m, _ := c.Approved.In(RailwayTime).Date(); y == year && m == month {
			n++
		}
	}
	return n
}

// apply reviews an application, records the outcome, and returns the certificate or the
// reason why there is none. Where one is still valid, the check that was passed serves
// to see that one; a guardian's check serves to see what that guardian has applied for, and
// nothing else (R21).
func (d *dossier) apply(id verify.CertificateID, rotation verify.Rotation, session string, guardian verify.HolderID, now time.Time) (*Certificate, Reason) {
	now = now.Truncate(time.Second) // the wire has seconds, and exp must be iat's day at most
	if r := d.review(now); r != "" {
		d.Applications = append(d.Applications, Application{Time: now, Denied: r, Guardian: guardian})
		if !d.heldByAnother(guardian, now) {
			d.reverify(session, now)
		}
		return nil, r
	}
	d.Applications = append(d.Applications, Application{Time: now, Certificate: id, Guardian: guardian})
	d.Certificates = append(d.Certificates, Certificate{ID: id, Rotation: rotation, Approved: now, Live: now, Session: session, Guardian: guardian})
	return d.last(), ""
}

// from is the first second as of which a code is signed; 0: whenever.
func (c *Certificate) from() uint64 {
	if c.From.IsZero() {
		return 0
	}
	return mint.Seconds(c.From)
}

// reverify lets a session see the certificate after a real-person check (R9, R10). What
// another session's phone holds of it is void.
func (d *dossier) reverify(session string, now time.Time) (*Certificate, Reason) {
	c := d.current(now)
	switch {
	case c == nil && d.last() != nil:
		return nil, CertificateEnded
	case c == nil:
		return nil, NoCertificate
	}
	if c.Session != session {
		c.void(now)
	}
	c.Live, c.Session = now.Truncate(time.Second), session
	return c, ""
}

// seenBy is the certificate that a session may see: the one whose last real-person
// check it passed (R10), after its end too, so that the passenger can be told so.
func (d *dossier) seenBy(session string) *Certificate {
	for i := len(d.Certificates) - 1; i >= 0; i-- {
		if c := &d.Certificates[i]; session != "" && c.Session == session {
			return c
		}
	}
	return nil
}

// leave makes a session see nothing any more (R10).
func (d *dossier) leave(session string) {
	for i := range d.Certificates {
		if c := &d.Certificates[i]; c.Session == session {
			c.Session = ""
		}
	}
}

// A Beside is a certificate of the same person that is valid too, beside the one that is shown.
type Beside struct {
	Kind string // than the one that is shown: earlier, newer; or paper
	Ends time.Time
}

// beside are those that are valid beside a certificate; none, where that one is not.
func (d *dossier) beside(c *Certificate, now time.Time) (all []Beside) {
	if !c.valid(now) {
		return nil
	}
	kind := "earlier" // the order of the record
	for i := range d.Certificates {
		switch other := &d.Certificates[i]; {
		case other.ID == c.ID:
			kind = "newer"
		case other.valid(now):
			all = append(all, Beside{kind, other.Ends()})
		}
	}
	if sl := d.validSlip(now); sl != nil {
		all = append(all, Beside{"paper", sl.Ends()})
	}
	return all
}

// Renewable is when a new application is taken (R7).
func (c *Certificate) Renewable() time.Time { return c.Ends().Add(-reapplyIn) }

// MayShow tells why no code of a certificate may be made now (R5, R9), if so.
func (c *Certificate) MayShow(now time.Time) Reason {
	switch {
	case !c.valid(now):
		return CertificateEnded
	case !now.Before(c.LiveUntil()):
		return LivenessDue
	}
	return ""
}

// claims are what is signed for a code, or for a phone's codes, from now on (R8):
// each begins when it is asked for.
func (c *Certificate) claims(holder verify.HolderID, now time.Time) verify.Claims {
	return verify.Claims{
		Holder: holder, Certificate: c.ID, Class: verify.Temporary,
		IssuedAt: max(mint.Seconds(now), c.from()), Live: mint.Seconds(c.Live), Expires: mint.Seconds(c.Ends()),
	}
}

// paperClaims are those of a paper certificate from the police window (R16): a
// static code, valid as long as an electronic one.
func paperClaims(holder verify.HolderID, id verify.CertificateID, now time.Time) verify.Claims {
	return verify.Claims{
		Holder: holder, Certificate: id, Class: verify.Paper,
		IssuedAt: mint.Seconds(now), Live: mint.Seconds(now), Expires: mint.Seconds(now) + uint64(validFor/time.Second),
	}
}

// history are the applications of the last month, newest first, for a signed-in
// user; a visitor sees none (R11). A month ends with the day of the same number: what
// was applied for on 1 March is seen until the end of 1 April, and on 31 March all of
// 28 February is. A guardian sees of a companion's those that the guardian made (R21); "": the
// holder sees all.
func (d *dossier) history(signedIn bool, guardian verify.HolderID, now time.Time) []Application {
	if !signedIn {
		return nil
	}
	since := monthsBefore(now, historyBack)
	var out []Application
	for _, a := range slices.Backward(d.Applications) {
		if !a.Time.Before(since) && (guardian == "" || a.Guardian == guardian) {
			out = append(out, a)
		}
	}
	return out
}

// monthsBefore is the beginning of the day of the same number n months ago, or of that
// month's last day where it has no such day.
func monthsBefore(now time.Time, n int) time.Time {
	year, month, day := now.In(RailwayTime).Date()
	last := time.Date(year, month-time.Month(n)+1, 0, 0, 0, 0, 0, RailwayTime).Day()
	return time.Date(year, month-time.Month(n), min(day, last), 0, 0, 0, 0, RailwayTime)
}

// keepFor is how long anything of a person is kept: two months hold the calendar
// month that R6 counts, and the month that R11 shows.
const (
	keepMonths     = 2
	keptPerDossier = 32 // applications: many denied ones are not kept
)

// prune forgets what no rule asks for any more, and tells whether anything is left.
func (d *dossier) prune(now time.Time) bool {
	since := monthsBefore(now, keepMonths)
	d.Certificates = slices.DeleteFunc(d.Certificates, func(c Certificate) bool { return c.Approved.Before(since) })
	d.Applications = slices.DeleteFunc(d.Applications, func(a Application) bool { return a.Time.Before(since) })
	d.Applications = slices.Delete(d.Applications, 0, max(0, len(d.Applications)-keptPerDossier))
	d.Slips = slices.DeleteFunc(d.Slips, func(sl Slip) bool { return sl.Issued.Before(since) })
	return d.size() > 0
}

func (d *dossier) size() int { return len(d.Certificates) + len(d.Applications) + len(d.Slips) }

// Tickets are the kinds with which a passenger may enter (R13), and Uses the occasions
// at which the certificate stands for the identity card (R14), for the page to name.
// Who may pass with which is the gate's, the counter's and the conductor's to decide.
func Tickets() []string { return []string{"single", "multi_ride", "period"} }

func Uses() []string {
	return []string{"buying", "refunding", "changing", "id_check", "entry", "exit", "on_board"}
}
