package main

import (
	"context"
	"io"
	"os"

	tea "charm.land/bubbletea/v2"

	"railgate/cmd/control"
)

// watchLive shows the gate on a terminal until q, Ctrl-C or a signal, and leaves the terminal as
// it was.
func watchLive(ctx context.Context, client *control.Client, in io.Reader, out io.Writer) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	w := newWatchModel(func() (*control.Status, error) { return client.Status(ctx) }, painter{on: os.Getenv("NO_COLOR") == ""})
	// Signals end ctx, and the program with it.
	p := tea.NewProgram(w, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler())
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		follow(ctx, client, p.Send)
	}()
	_, err := p.Run()
	if ctx.Err() != nil {
		err = nil // a signal
	}
	end()
	<-followed
	if err != nil {
		return err
	}
	return w.err
}

// follow hands the daemon's events to a program until ctx ends.
func follow(ctx context.Context, client *control.Client, send func(tea.Msg)) {
	err := events(ctx, client, func(e control.Event) bool { send(eventMsg{e}); return true }, func() { send(goneMsg{}) })
	if err != nil {
		send(brokenMsg{err})
	}
}
