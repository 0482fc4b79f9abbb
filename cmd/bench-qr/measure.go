package main

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// A cell is what one engine made of one picture.
type cell struct {
	cpu    time.Duration // the least of all readings
	allocs int           // the least of all readings; -1: not counted
	texts  []string      // of the first reading
	wrong  []string      // texts of later readings that the first had not
	stuck  bool          // it did not answer in time, or ended; cpu is then its time-out
	read   bool          // it was shown the picture at all
}

// A bench measures.
type bench struct {
	core     int
	rounds   int
	reps     int
	patience time.Duration // for one picture, by the wall's clock
	engines  []engine
	sets     []set
	progress *progress
	warn     io.Writer
}

// results are cells by set, engine and picture.
type results [][][]cell

// run shows every picture to every engine, rounds times reps. All engines have a set
// before the next set begins, and the order of engines turns from round to round: so
// what else the machine does meets them alike. Within its turn an engine sees the whole
// set reps times over, never one picture twice in a row: a reader that remembers where
// the last code was gains nothing by it.
func (b *bench) run() (results, error) {
	all := make(results, len(b.sets))
	for i := range all {
		all[i] = make([][]cell, len(b.engines))
		for j := range all[i] {
			all[i][j] = make([]cell, len(b.sets[i].pictures))
		}
	}
	for round := range b.rounds {
		for i := range b.sets {
			for k := range b.engines {
				j := (k + round) % len(b.engines)
				if err := b.turn(&b.sets[i], &b.engines[j], all[i][j]); err != nil {
					return nil, fmt.Errorf("%s: %w", b.engines[j].name, err)
				}
			}
		}
	}
	b.progress.done()
	return all, nil
}

// turn is one engine's with one set.
func (b *bench) turn(s *set, e *engine, cells []cell) error {
	b.progress.say(s.name, e.name)
	var p *process
	for range b.reps {
		for i := range cells {
			b.progress.step()
			if cells[i].stuck {
				continue
			}
			var err error
			if p, err = b.show(p, e, s.pictures[i].path, &cells[i]); err != nil {
				return err
			}
		}
	}
	if p == nil {
		return nil
	}
	return p.close()
}

// show shows one picture; p is started if it is nil, and nil again if the engine had to
// be stopped over the picture.
func (b *bench) show(p *process, e *engine, path string, c *cell) (*process, error) {
	if p == nil {
		var err error
		if p, err = start(e.command, b.core); err != nil {
			return nil, err
		}
	}
	a, err := p.ask(path, b.patience)
	var ended *endedError
	switch {
	case errors.Is(err, errStuck):
	case errors.As(err, &ended):
		fmt.Fprintln(b.warn, "bench-qr:", err)
	case err != nil:
		return nil, errors.Join(err, p.kill())
	default:
		c.add(a)
		return p, nil
	}
	*c = cell{cpu: b.patience, allocs: -1, stuck: true, read: true}
	return nil, nil
}

// add counts one more reading.
func (c *cell) add(a answered) {
	if !c.read {
		*c = cell{cpu: a.cpu, allocs: a.allocs, texts: a.texts, read: true}
		return
	}
	c.cpu = min(c.cpu, a.cpu)
	c.allocs = min(c.allocs, a.allocs)
	for _, text := range a.texts {
		if !contains(c.texts, text) && !contains(c.wrong, text) {
			c.wrong = append(c.wrong, text)
		}
	}
}
