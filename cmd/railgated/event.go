package main

import (
	"time"

	"railgate/driver"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// The events.
type (
	// evReading: a scanner read a text at a monotonic instant.
	evReading struct {
		reading driver.Reading
		at      time.Duration
	}
	// evVerdict answers effDecide.
	evVerdict struct {
		reading  driver.Reading
		at       time.Duration
		verdict  verify.Verdict
		crossing *journal.LastPassage // the holder's last passage; nil: none is known
	}
	// evSpent answers effSpend.
	evSpent struct {
		seq uint64
		err error
	}
	// evOpened answers effOpen.
	evOpened struct{ err error }
	// evSensor: the passage sensor changed.
	evSensor struct{ active bool }
	// evEmergency: the emergency input changed.
	evEmergency struct{ active bool }
	// evCause: something that the lane needs is missing; why is "" when it is back.
	evCause struct {
		cause cause
		why   string
	}
	// evService: a technician takes the lane over, or gives it back.
	evService struct {
		mode serviceMode
		by   string
	}
	// evBlind: the store does not know which codes were used before an instant.
	evBlind struct{ since time.Time }
	// evNote: something to journal that is not the lane's.
	evNote struct{ record journal.Record }
	// evTick: time has passed.
	evTick struct{}
)

type event any

// The effects, to be carried out in their order.
type (
	// effDecide: verify a reading; evVerdict answers.
	effDecide struct {
		reading driver.Reading
		at      time.Duration
	}
	// effSpend: write a grant and its spent code durably; evSpent answers.
	effSpend struct {
		use    journal.Use
		until  time.Time
		record journal.Record
	}
	// effOpen: energise the relay; evOpened answers.
	effOpen struct{ window time.Duration }
	// effClose: end a held opening.
	effClose struct{}
	// effRelease: make the relay inactive at once.
	effRelease struct{}
	// effJournal: append a record.
	effJournal struct{ record journal.Record }
	// effPassed: append the record of a passage and remember it for anti-passback.
	effPassed struct{ record journal.Record }
	// effShow: show something, for a while or until the next.
	effShow struct {
		occasion lane.Occasion
		d        time.Duration
	}
	// effDrop: a reading was passed over.
	effDrop struct{ reason string }
)

type effect any
