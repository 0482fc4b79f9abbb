package scanner

import (
	"time"

	"railgate/driver"
)

// This file is about codes before a camera that are not worth a reading: a sticker, a poster, a
// passenger's payment code.

const (
	// foreignShown is for how long such a code is delivered all the same, so that who holds it
	// up by mistake is told. After that it is a part of the hall.
	foreignShown = 5 * time.Second
	// foreignGone is after how long without it a code has left.
	foreignGone = 3 * time.Second
	// foreignKept is for how long a code that has left is remembered as a part of the hall.
	foreignKept = 10 * time.Minute
	// foreignLogged is how often the log may say it.
	foreignLogged = 10 * time.Minute
	maxForeign    = 16 // codes that are remembered
)

// A foreign keeps account of such codes. It is owned by the camera's Run.
type foreign struct {
	codes  map[string]*sighting
	since  time.Time // when the first of those was seen that are there now
	last   time.Time // when the last was seen
	ours   time.Time // when a code that is worth a reading was read last
	noted  bool
	logged time.Time
}

// A sighting is one code's.
type sighting struct{ first, last time.Time }

// see takes in a frame: the texts in it that are not worth a reading, and whether it had one
// that is. It returns those texts that are to be delivered.
func (f *foreign) see(texts []string, ours bool, now time.Time) (deliver []string) {
	if ours {
		f.ours, f.since = now, now
	}
	if len(texts) == 0 {
		return nil
	}
	if now.Sub(f.last) > foreignGone {
		f.since = now
	}
	f.last = now
	for _, text := range texts {
		if s := f.sighting(text, now); now.Sub(s.first) < foreignShown && now.Sub(f.ours) > foreignGone {
			deliver = append(deliver, text)
		}
	}
	return deliver
}

func (f *foreign) sighting(text string, now time.Time) *sighting {
	s := f.codes[text]
	if s == nil || now.Sub(s.last) > foreignKept || now.Sub(s.last) > foreignGone && s.last.Sub(s.first) < foreignShown {
		if len(f.codes) >= maxForeign {
			clear(f.codes)
		}
		s = &sighting{first: now}
		f.codes[text] = s
	}
	s.last = now
	return s
}

// there tells whether such a code has been there for a while, with none that is worth a reading.
func (f *foreign) there(now time.Time) bool {
	return now.Sub(f.last) <= foreignGone && f.last.Sub(f.since) >= foreignShown
}

// sayForeign says in the camera's health what it sees beside readings.
func (c *Camera) sayForeign(count int, now time.Time) {
	f := &c.foreign
	there := f.there(now)
	if count == 0 && there == f.noted {
		return
	}
	news := there != f.noted
	f.noted = there
	note := ""
	if there {
		note = "a code that is not ours has been before it for " + now.Sub(f.since).Round(time.Second).String() + ": is there a sticker or a poster?"
	}
	c.Update(func(h *driver.Health) { h.Foreign, h.Note = h.Foreign+uint64(count), note })
	if there && news && (f.logged.IsZero() || now.Sub(f.logged) >= foreignLogged) {
		f.logged = now
		c.log.Warn("the camera sees only codes that are not for gates", "for", now.Sub(f.since).Round(time.Second))
	}
}
