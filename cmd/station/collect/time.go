package collect

import (
	"github.com/nats-io/nats.go"

	"railgate/store/bus"
)

// tellTime answers a gate that asks for the time: with its own head, which holds its fresh
// random record, cosigned by the station's clock. Nothing is kept. Who is not a gate gets no
// answer.
func (c *Collector) tellTime(m *nats.Msg) {
	h, err := c.open(bus.GateOf(m.Subject), m.Data)
	if err != nil {
		c.state.change(func(s *State) { s.Refused[refusedHead]++ })
		c.o.Log.Warn("a question for the time was refused", "subject", m.Subject, "err", err)
		return
	}
	c.hear(h.gate.ID)
	text, _, err := c.times.cosign(h.note)
	if err == nil {
		err = m.Respond(text)
	}
	if err != nil {
		c.o.Log.Warn("a question for the time was not answered", "gate", h.gate.Gate, "err", err)
		return
	}
	c.state.change(func(s *State) { s.Answered++ })
}
