package main

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"rsc.io/qr"
)

// getEnroll draws the code by which a station enrolls the gate: its public keys. The screen
// shows it in diagnosis, and while the gate is no station's yet.
func (w web) getEnroll(rw http.ResponseWriter, r *http.Request) {
	text := cmp.Or(w.lane.wire.code(), w.lane.provision.code())
	if text == "" {
		http.NotFound(rw, r)
		return
	}
	svg, err := drawCode(text)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "image/svg+xml")
	rw.Write(svg)
}

// quiet is the white border that a reader of QR codes needs, in modules.
const quiet = 4

// drawCode draws a text as a QR code, in SVG.
func drawCode(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	size := code.Size + 2*quiet
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><rect width="%d" height="%d" fill="#fff"/><path d="`, size, size, size, size)
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return []byte(b.String()), nil
}
