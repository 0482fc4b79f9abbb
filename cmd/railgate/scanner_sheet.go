package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"rsc.io/qr"

	"railgate/driver/scanset"
	"railgate/store/durable"
)

//go:embed scanner_sheet.html
var sheetHTML string

var sheetTemplate = template.Must(template.New("sheet").Parse(sheetHTML))

// A sheet is what is printed: what setup does, what is done by hand, and the test card.
type sheet struct {
	Family *scanset.Family
	Card   template.HTML // SVG
	Text   string        // the card's
}

func newScannerSheet() *cobra.Command {
	var family, file string
	c := &cobra.Command{
		Use:   "sheet",
		Short: "Print a sheet for setting a scanner up by hand, with the test card",
		Long: `Sheet prints a page (HTML, A4) for the technician's folder: what railgate scanner setup sets, what is left to the
barcodes of the scanner's own manual, in their order, and the test card on paper. It has no maker's barcodes itself: how
these are encoded is not in what we could read, and a wrong one may lock a scanner.`,
		Example: "  railgate scanner sheet --family gm65 --output sheet.html",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f := scanset.FamilyOf(family)
			if f == nil {
				return usageError{errors.New("scanner sheet: which --family? One of " + strings.Join(familyNames(), ", "))}
			}
			var page bytes.Buffer
			if err := writeSheet(&page, f); err != nil {
				return err
			}
			out, isFile := c.OutOrStdout().(*os.File)
			switch {
			case file != "":
				if err := durable.WriteFile(file, page.Bytes(), 0o644); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "%s is written: open it in a browser, and print it on A4.\n", file)
				return err
			case isFile && term.IsTerminal(int(out.Fd())):
				return usageError{errors.New("scanner sheet: it is a page for a browser, and this is a terminal: railgate scanner sheet --family " + f.Name + " --output sheet.html")}
			}
			_, err := c.OutOrStdout().Write(page.Bytes())
			return err
		},
	}
	c.Flags().StringVar(&family, "family", "", "the `maker`: "+strings.Join(familyNames(), ", "))
	c.Flags().StringVarP(&file, "output", "o", "", "write the page into a `file`; without it, on standard output")
	return c
}

func writeSheet(out io.Writer, f *scanset.Family) error {
	code, err := qr.Encode(testCard, qr.M)
	if err != nil {
		return err
	}
	return sheetTemplate.Execute(out, sheet{f, drawSVG(code), testCard})
}

// drawSVG draws a code with its quiet zone, a path a row.
func drawSVG(code *qr.Code) template.HTML {
	const quiet = 4
	var b strings.Builder
	size := code.Size + 2*quiet
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" shape-rendering="crispEdges" role="img" aria-label="the test card"><path d="`, size, size)
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String())
}
