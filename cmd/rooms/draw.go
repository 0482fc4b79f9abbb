package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The picture's measures, in pixels.
const (
	boxHeight  = 34
	boxGap     = 16
	levelGap   = 78
	margin     = 24
	charWidth  = 7.4
	boxPadding = 22
)

// A box is a room's place in the picture.
type box struct {
	x, y, width float64
}

func (b box) middle() float64 { return b.x + b.width/2 }

// colours are of the top-level folders; each has enough contrast with its black text.
func colour(path string) string {
	switch top, _, _ := strings.Cut(path, "/"); top {
	case "verify":
		return "#cfe8cf"
	case "store":
		return "#cfe0f3"
	case "driver":
		return "#f6e3bd"
	case "configs":
		return "#e8d6ee"
	}
	return "#e9e9e9"
}

// draw makes the picture: programs at the top, what knows nothing of the others at the bottom.
func draw(rooms map[string]*room) string {
	boxes, width, height := place(rooms)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="DejaVu Sans Mono, monospace" font-size="12">`+"\n", width, height)
	b.WriteString("<title>The packages of railgate; an arrow goes from a package to one that it imports</title>\n")
	b.WriteString(`<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#666"/></marker></defs>` + "\n")
	fmt.Fprintf(&b, `<rect width="%.0f" height="%.0f" fill="#fff"/>`+"\n", width, height)
	paths := slices.Sorted(maps.Keys(rooms))
	for _, from := range paths {
		for _, to := range arrows(rooms, rooms[from]) {
			if rooms[to] != nil {
				drawArrow(&b, boxes[from], boxes[to])
			}
		}
	}
	for _, path := range paths {
		at := boxes[path]
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="5" fill="%s" stroke="#555"/>`, at.x, at.y, at.width, boxHeight, colour(path))
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", at.middle(), at.y+boxHeight/2+4, path)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func drawArrow(b *strings.Builder, from, to box) {
	x1, y1, x2, y2 := from.middle(), from.y+boxHeight, to.middle(), to.y
	bend := (y2 - y1) * 0.45
	fmt.Fprintf(b, `<path d="M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f" fill="none" stroke="#888" marker-end="url(#tip)"/>`+"\n",
		x1, y1, x1, y1+bend, x2, y2-bend, x2, y2)
}

// place gives each room a box: a row for each floor, and in a row next to what it imports.
func place(rooms map[string]*room) (boxes map[string]box, width, height float64) {
	rows := floors(rooms)
	boxes = map[string]box{}
	for _, row := range rows {
		width = max(width, rowWidth(row))
	}
	for i := len(rows) - 1; i >= 0; i-- {
		at := map[string]float64{}
		for _, path := range rows[i] {
			at[path] = wanted(rooms[path], boxes)
		}
		slices.SortStableFunc(rows[i], func(a, b string) int { return cmp.Or(cmp.Compare(at[a], at[b]), cmp.Compare(a, b)) })
		spread(rows[i], margin+float64(i)*(boxHeight+levelGap), width, boxes)
	}
	return boxes, width + 2*margin, float64(len(rows))*(boxHeight+levelGap) - levelGap + 2*margin
}

// floors are the rooms by floor, the highest first: programs, then what they import.
func floors(rooms map[string]*room) [][]string {
	var rows [][]string
	var programs []string
	for _, path := range slices.Sorted(maps.Keys(rooms)) {
		if rooms[path].program {
			programs = append(programs, path)
			continue
		}
		n := floor(rooms, path)
		for len(rows) <= n {
			rows = append(rows, nil)
		}
		rows[n] = append(rows[n], path)
	}
	slices.Reverse(rows)
	return append([][]string{programs}, rows...)
}

// wanted is where a room would like its middle to be: over what it imports.
func wanted(r *room, boxes map[string]box) float64 {
	sum, n := 0.0, 0
	for _, to := range r.imports {
		if b, ok := boxes[to]; ok {
			sum += b.middle()
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

func boxWidth(path string) float64 { return float64(len(path))*charWidth + boxPadding }

func rowWidth(row []string) float64 {
	w := float64(len(row)-1) * boxGap
	for _, path := range row {
		w += boxWidth(path)
	}
	return w
}

// spread puts a row's boxes over the picture's width, in their order.
func spread(row []string, y, width float64, boxes map[string]box) {
	extra := (width - rowWidth(row)) / float64(len(row)+1)
	x := margin + extra
	for _, path := range row {
		boxes[path] = box{x: x, y: y, width: boxWidth(path)}
		x += boxWidth(path) + boxGap + extra
	}
}
