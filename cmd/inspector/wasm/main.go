//go:build js && wasm

// Wasm is the inspector as WebAssembly: railgate/cmd/inspector/inspect for a page's worker, which
// finds it as the object "inspector". Instants are two numbers of milliseconds, performance.now()
// and Date.now(); answers are JSON.
package main

import (
	"errors"
	"image"
	"syscall/js"
	"time"

	"railgate/cmd/inspector/inspect"
	"railgate/verify"
)

func main() {
	p := &page{inspect.New(), image.Gray{}}
	o := js.Global().Get("Object").New()
	for name, f := range map[string]func([]js.Value) any{
		"look": p.look, "read": p.read, "hear": p.hear, "keys": p.keys, "revocations": p.revocations, "status": p.status, "resume": p.resume, "end": p.end,
	} {
		o.Set(name, js.FuncOf(func(_ js.Value, args []js.Value) any { return f(args) }))
	}
	js.Global().Set("inspector", o)
	select {} // it answers for as long as the worker lives
}

// A page is the one that this worker is of.
type page struct {
	*inspect.Inspector
	frame image.Gray // whose memory is used again
}

// look (pixels, width, height, stride, mono, wall) gives an answer, or null. The pixels are a byte
// each, of brightness.
func (p *page) look(args []js.Value) any {
	w, h, stride := args[1].Int(), args[2].Int(), args[3].Int()
	n := stride * h
	if w <= 0 || h <= 0 || stride < w || args[0].Length() < n {
		return nil
	}
	if cap(p.frame.Pix) < n {
		p.frame.Pix = make([]byte, n)
	}
	p.frame.Pix, p.frame.Stride, p.frame.Rect = p.frame.Pix[:n], stride, image.Rect(0, 0, w, h)
	js.CopyBytesToGo(p.frame.Pix, args[0])
	a, ok := p.Look(&p.frame, instant(args[4:]))
	if !ok {
		return nil
	}
	return inspect.JSON(a)
}

// read (text, mono, wall) gives an answer.
func (p *page) read(args []js.Value) any {
	return inspect.JSON(p.Read(args[0].String(), instant(args[1:])))
}

// hear (server, sent mono, sent wall, got mono, got wall) tells whether the time was taken.
func (p *page) hear(args []js.Value) any {
	return p.Hear(time.UnixMilli(int64(args[0].Float())), instant(args[1:]), instant(args[3:]))
}

// keys (text, fetched) gives "", "older" or what is wrong with the keyset.
func (p *page) keys(args []js.Value) any {
	return text(p.TakeKeys([]byte(args[0].String()), time.UnixMilli(int64(args[1].Float()))))
}

// revocations (revokers, list, mono, wall) gives the same about a list of revocations, which is bytes.
func (p *page) revocations(args []js.Value) any {
	list := make([]byte, min(args[1].Length(), verify.MaxRevocations+1))
	js.CopyBytesToGo(list, args[1])
	return text(p.TakeRevocations([]byte(args[0].String()), list, instant(args[2:])))
}

// status (mono, wall) gives a status.
func (p *page) status(args []js.Value) any { return inspect.JSON(p.Status(instant(args))) }

// resume (shift) gives "" or what is wrong with it.
func (p *page) resume(args []js.Value) any { return text(p.Resume([]byte(args[0].String()))) }

func (p *page) end([]js.Value) any {
	p.EndShift()
	return nil
}

func instant(args []js.Value) inspect.Instant {
	return inspect.Instant{Mono: time.Duration(args[0].Float() * 1e6), Wall: time.UnixMilli(int64(args[1].Float()))}
}

func text(err error) string {
	if errors.Is(err, inspect.ErrOlder) {
		return "older"
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
