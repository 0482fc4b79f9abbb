package main

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"railgate/cmd/control"
	"railgate/store/journal"
)

// What the watch is told beside keys and sizes.
type (
	statusMsg struct{ status *control.Status }
	eventMsg  struct{ event control.Event }
	goneMsg   struct{} // the events have ended: the daemon does not answer
	silentMsg struct{} // nor does it tell its status
	askMsg    struct{} // it is time to ask for the status again
	brokenMsg struct{ err error }
)

// askEvery is how often the status is asked for.
const askEvery = time.Second

// eventsKept bounds the events that a watch remembers.
const eventsKept = 1000

// A watch is the live view's state. ask fetches the status.
type watch struct {
	ask   func() (*control.Status, error)
	paint painter
	zone  *time.Location

	width, height int
	status        *control.Status  // nil: none has come yet
	absent        bool             // the daemon does not answer; the status is its last one
	records       []journal.Record // the last ones, oldest first
	seen          bool             // an event has come: the status's records are older
	held          bool             // p: nothing on the screen changes
	late          int              // events since it was held
	causes        bool             // c: the causes alone
	scroll        int              // of the causes, in lines
	err           error
}

func newWatchModel(ask func() (*control.Status, error), p painter) *watch {
	return &watch{ask: ask, paint: p, zone: zoneOf(""), width: 80, height: 24}
}

// Init implements [tea.Model].
func (w *watch) Init() tea.Cmd { return w.fetch }

// fetch asks for the status.
func (w *watch) fetch() tea.Msg {
	s, err := w.ask()
	if err != nil {
		return silentMsg{}
	}
	return statusMsg{s}
}

// Update implements [tea.Model].
func (w *watch) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	again := tea.Tick(askEvery, func(time.Time) tea.Msg { return askMsg{} })
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		w.width, w.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return w, w.key(msg.String())
	case askMsg:
		return w, w.fetch
	case statusMsg:
		w.take(msg.status)
		return w, again
	case silentMsg:
		w.absent = true
		return w, again
	case goneMsg:
		w.absent = true
	case eventMsg:
		w.note(&msg.event)
	case brokenMsg:
		w.err = msg.err
		return w, tea.Quit
	}
	return w, nil
}

// key does what a key says.
func (w *watch) key(name string) tea.Cmd {
	switch name {
	case "q", "ctrl+c", "esc":
		return tea.Quit
	case "p", "space":
		w.held, w.late = !w.held, 0
	case "c", "tab":
		w.causes, w.scroll = !w.causes, 0
	case "down", "j":
		w.scroll++
	case "up", "k":
		w.scroll = max(0, w.scroll-1)
	}
	return nil
}

// take takes a status. The first one brings the gate's last records.
func (w *watch) take(s *control.Status) {
	w.absent = false
	if w.held {
		return
	}
	w.status, w.zone = s, zoneOf(s.Zone)
	if !w.seen && len(w.records) == 0 {
		w.records = s.History.Recent
	}
}

// note takes an event.
func (w *watch) note(e *control.Event) {
	w.absent = false
	if e.Record == nil {
		return
	}
	if w.held {
		w.late++
	}
	if !w.seen {
		w.seen, w.records = true, append([]journal.Record(nil), w.records...) // the status's own
	}
	if len(w.records) >= 2*eventsKept {
		w.records = append(w.records[:0], w.records[eventsKept:]...)
	}
	w.records = append(w.records, *e.Record)
}
