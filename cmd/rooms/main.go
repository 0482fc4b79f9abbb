// Rooms draws the packages of this module and which imports which, as the SVG picture of
// docs/architecture.md:
//
//	go run ./cmd/rooms > docs/architecture.svg
//
// An arrow that others already imply is left out: where a imports b and b imports c, a → c
// is not drawn. Its tests hold the picture against the code, and the imports against rules.
package main

import (
	"fmt"
	"os"
)

func main() {
	dir := "."
	if len(os.Args) == 2 {
		dir = os.Args[1]
	}
	if len(os.Args) > 2 {
		fmt.Fprintln(os.Stderr, "usage: rooms [FOLDER OF go.mod]")
		os.Exit(2)
	}
	rooms, err := read(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rooms:", err)
		os.Exit(1)
	}
	os.Stdout.WriteString(draw(rooms))
}
