package counter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"railgate/verify"
	"railgate/verify/lane"
)

// A Request is one look-up.
type Request struct {
	Code    string  `json:"code"` // what the scanner read, without CR and LF at its end
	Purpose Purpose `json:"purpose"`
}

// maxCode bounds a code's text, in bytes. What is shorter and no code is denied as malformed.
const maxCode = 1024

// ParseRequest reads a look-up. It refuses what is not one JSON object with the members code
// and purpose, each once and spelled so, and no other. What it holds is in no error.
func ParseRequest(data []byte) (Request, error) {
	var q Request
	if !utf8.Valid(data) {
		return q, errors.New("it is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return q, errors.New("it is not a JSON object")
	}
	var purpose string
	members := map[string]*string{"code": &q.Code, "purpose": &purpose}
	for dec.More() {
		name, err := dec.Token()
		text, known := name.(string)
		value := members[text]
		switch {
		case err != nil || !known:
			return Request{}, errors.New("it is not JSON")
		case value == nil:
			return Request{}, errors.New("a member is unknown, or twice there")
		}
		delete(members, text)
		if t, err := dec.Token(); err != nil {
			return Request{}, errors.New("it is not JSON")
		} else if s, ok := t.(string); !ok {
			return Request{}, fmt.Errorf("%s is not a text", text)
		} else {
			*value = s
		}
	}
	if _, err := dec.Token(); err != nil {
		return Request{}, errors.New("it is not JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return Request{}, errors.New("there is more after the object")
	}
	q.Purpose = Purpose(purpose)
	return q, q.check()
}

func (q *Request) check() error {
	switch {
	case q.Code == "":
		return errors.New("there is no code")
	case len(q.Code) > maxCode:
		return fmt.Errorf("a code has %d bytes at most", maxCode)
	case !slices.Contains(Purposes(), q.Purpose):
		return fmt.Errorf("purpose: want one of %q", Purposes())
	}
	return nil
}

// An Answer is what a gate would say, and who the holder is as far as the caller may know.
type Answer struct {
	Decision string       `json:"decision"` // granted, denied
	Reason   string       `json:"reason"`
	Words    []lane.Words `json:"words"`
	Time     time.Time    `json:"time"` // at which it was decided

	// Where the issuer's signature holds.
	Holder      string    `json:"sub,omitempty"` // hex
	Certificate string    `json:"cti,omitempty"` // hex
	Class       int       `json:"class,omitempty"`
	Expires     time.Time `json:"expires,omitzero"`

	// Where the code is granted, and the caller has the scope.
	Name     string    `json:"name,omitempty"`     // masked
	Document string    `json:"document,omitempty"` // resident_id, …
	Number   string    `json:"number,omitempty"`   // masked
	Tickets  *[]Ticket `json:"tickets,omitempty"`  // nil: no ticketing system has answered
}

// postResolve is one look-up.
func (c *Counter) postResolve(rw http.ResponseWriter, r *http.Request) {
	a, err := c.resolve(r)
	if err != nil {
		c.refuse(rw, err)
		return
	}
	write(rw, http.StatusOK, "application/json", a)
}

// resolve finds out who asks and what for, decides, records, and only then answers.
func (c *Counter) resolve(r *http.Request) (*Answer, error) {
	now := c.now()
	if wait, ok := c.limits.lookUp(c.address(r), now); !ok {
		return nil, tooMany(wait, "requests from one address")
	}
	who, err := c.caller(r)
	if err != nil {
		return nil, err
	}
	if wait, ok := c.limits.ask(who, now); !ok {
		return nil, tooMany(wait, "look-ups of "+who.id)
	}
	q, err := readRequest(r)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(who.purposes, q.Purpose) {
		return nil, because("purpose_not_allowed", fmt.Sprintf("%s may ask for %s", who.id, list(who.purposes)))
	}
	return c.answer(r.Context(), who, q)
}

func list(purposes []Purpose) string {
	words := make([]string, len(purposes))
	for i, p := range purposes {
		words[i] = string(p)
	}
	return strings.Join(words, ", ")
}

func readRequest(r *http.Request) (Request, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return Request{}, because("unsupported_media_type", "want application/json")
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return Request{}, err
	}
	q, err := ParseRequest(data)
	if err != nil {
		return Request{}, because("bad_request", err.Error())
	}
	return q, nil
}

// answer decides about a code and makes a record of it, which is durable before anything is
// told.
func (c *Counter) answer(ctx context.Context, who *caller, q Request) (*Answer, error) {
	v, at, err := c.office.Inspect(q.Code)
	if err != nil {
		return nil, err
	}
	a := describe(&v, at)
	var shown []Scope
	if v.Granted() {
		if shown, err = c.tell(ctx, a, &v, who); err != nil {
			return nil, err
		}
	}
	act := Act{Time: at, Kind: who.kind, Who: who.id, Purpose: q.Purpose, Certificate: v.Certificate, Holder: v.Holder, Reason: a.Reason, Shown: shown}
	if err := c.record.Record(ctx, act); err != nil {
		c.log.Error("a look-up cannot be recorded, and is not answered", "err", err)
		return nil, because("no_record", "")
	}
	return a, nil
}

// describe is what every caller may know.
func describe(v *verify.Verdict, at time.Time) *Answer {
	a := &Answer{Decision: "denied", Reason: string(v.Reason), Time: at.UTC().Truncate(time.Second)}
	if v.Granted() {
		a.Decision = "granted"
	}
	occasion := lane.Occasion{Reason: a.Reason, Static: v.Rotation == verify.Static, Check: true}
	a.Words = lane.Say(occasion, lane.Languages()).Words
	if v.Signed {
		a.Holder, a.Certificate, a.Class, a.Expires = v.Holder.String(), v.Certificate.String(), int(v.Class), v.Expires
	}
	return a
}

// tell adds what a caller may know of a holder whose code is granted, and says what it is.
func (c *Counter) tell(ctx context.Context, a *Answer, v *verify.Verdict, who *caller) (shown []Scope, err error) {
	may := func(s Scope) bool { return slices.Contains(who.scopes, s) }
	if may(ResolveName) || may(ResolveNumber) {
		p, known, err := c.office.Holder(v)
		if err != nil {
			return nil, err
		}
		p = p.Masked()
		if known && may(ResolveName) {
			a.Name, a.Document = p.Name, p.Document
			shown = append(shown, ResolveName)
		}
		if known && may(ResolveNumber) {
			a.Number = p.Number
			shown = append(shown, ResolveNumber)
		}
	}
	if may(ResolveTicket) && c.tickets != nil {
		ctx, cancel := context.WithTimeout(ctx, ticketTime)
		defer cancel()
		list, err := c.tickets.Of(ctx, v.Holder, a.Time)
		if err != nil {
			c.log.Error("the ticketing system does not answer", "err", err)
			return shown, nil
		}
		list = append([]Ticket{}, list...)
		a.Tickets = &list
		shown = append(shown, ResolveTicket)
	}
	return shown, nil
}
