package main

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"rsc.io/qr"

	"railgate/cmd/station/ledger"
	"railgate/store/durable"
	"railgate/store/identity"
	"railgate/verify"
)

// This file is about the sheet of a whole station: a code for each gate.

// A sheetRow is a gate of the file that a sheet is made of.
type sheetRow struct {
	Gate      string   `toml:"gate"`
	Direction string   `toml:"direction"`
	Keys      string   `toml:"keys"` // RGID1:…, JSON or the lines that were read out
	Network   string   `toml:"network"`
	Gateway   string   `toml:"gateway"`
	DNS       []string `toml:"dns"`
	line      string   // for errors
}

const (
	maxSheet = 1 << 20 // bytes of the file
	maxGates = 1000
)

// sheetColumns are those that a CSV file may have.
var sheetColumns = []string{"gate", "direction", "keys", "network", "gateway", "dns"}

// parseRows reads the gates of a file: TOML where it is named so, else CSV with a header.
func parseRows(name string, data []byte) ([]sheetRow, error) {
	read := rowsOfCSV
	if strings.EqualFold(filepath.Ext(name), ".toml") {
		read = rowsOfTOML
	}
	rows, err := read(bytes.TrimPrefix(data, []byte("\ufeff")))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(rows) == 0:
		return nil, fmt.Errorf("%s: no gate in it", name)
	case len(rows) > maxGates:
		return nil, fmt.Errorf("%s: %d gates; want %d at most", name, len(rows), maxGates)
	}
	return rows, nil
}

func rowsOfTOML(data []byte) ([]sheetRow, error) {
	var file struct {
		Gate []sheetRow `toml:"gate"`
	}
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		var strict *toml.StrictMissingError
		if errors.As(err, &strict) {
			return nil, fmt.Errorf("an unknown key; want [[gate]] with %s:\n%s", strings.Join(sheetColumns, ", "), strict.String())
		}
		return nil, err
	}
	for i := range file.Gate {
		file.Gate[i].line = fmt.Sprintf("gate %d", i+1)
	}
	return file.Gate, nil
}

func rowsOfCSV(data []byte) (rows []sheetRow, err error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.TrimLeadingSpace = true
	if first, _, _ := bytes.Cut(data, []byte("\n")); bytes.ContainsRune(first, ';') && !bytes.ContainsRune(first, ',') {
		r.Comma = ';' // as a spreadsheet writes it where a comma is in numbers
	}
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("no header; want %s", strings.Join(sheetColumns, ","))
	}
	for i, column := range head {
		head[i] = strings.ToLower(strings.TrimSpace(column))
		if !slices.Contains(sheetColumns, head[i]) || slices.Contains(head[:i], head[i]) {
			return nil, fmt.Errorf("column %q; want each of %s once, at most", column, strings.Join(sheetColumns, ","))
		}
	}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		row := sheetRow{line: fmt.Sprintf("line %d", line)}
		for i, field := range fields {
			row.set(head[i], strings.TrimSpace(field))
		}
		rows = append(rows, row)
	}
}

func (row *sheetRow) set(column, value string) {
	switch column {
	case "gate":
		row.Gate = value
	case "direction":
		row.Direction = strings.ToLower(value) // a spreadsheet begins cells with a capital
	case "keys":
		row.Keys = value
	case "network":
		row.Network = value
	case "gateway":
		row.Gateway = value
	case "dns":
		row.DNS = strings.Fields(value)
	}
}

// newGates are the gates of a file, each whole, no two of one name or with one key.
func (e *enrolment) newGates(at *place, rows []sheetRow) (all []newGate, err error) {
	names, keys := map[string]string{}, map[string]string{}
	for _, row := range rows {
		wrong := func(err error) error { return fmt.Errorf("%s, gate %q: %w", row.line, row.Gate, err) }
		p, err := identity.ParsePublic([]byte(row.Keys))
		if err != nil {
			return nil, wrong(err)
		}
		if p.Named() && (p.Gate != row.Gate || p.Station != at.info.Station) {
			return nil, wrong(fmt.Errorf("its keys say that it is gate %s of station %s", p.Gate, p.Station))
		}
		if row.Direction == "" {
			row.Direction = e.direction
		}
		s, err := e.settings(at, row.Gate, row.Direction, verify.Network{Address: row.Network, Gateway: row.Gateway, DNS: row.DNS})
		if err != nil {
			return nil, wrong(err)
		}
		if other, ok := names[row.Gate]; ok {
			return nil, wrong(fmt.Errorf("%s has this name too", other))
		}
		if other, ok := keys[p.Bus]; ok {
			return nil, wrong(fmt.Errorf("%s has these keys too: was one gate scanned twice?", other))
		}
		names[row.Gate], keys[p.Bus] = row.line, row.line
		p.Station, p.Gate = s.Station, s.Gate
		all = append(all, newGate{p, s})
	}
	return all, nil
}

// A card is a gate's part of the sheet.
type card struct {
	Station, Gate, Direction, Chinese, Network, Keys string
	Ends                                             string
	Size                                             int // of the code with its margin, in modules
	Path                                             template.HTMLAttr
}

//go:embed sheet.html
var sheetPage string

// printSheet enrolls all gates of a file, and writes the sheet of their codes.
func (e *enrolment) printSheet(c *cobra.Command, at *place, l *ledger.Ledger, name string) error {
	data, err := durable.ReadFile(name, maxSheet)
	if err != nil {
		return err
	}
	rows, err := parseRows(name, data)
	if err != nil {
		return err
	}
	if err := e.where.complete(e.d, at); err != nil {
		return err
	}
	gates, err := e.newGates(at, rows)
	if err != nil {
		return fmt.Errorf("%s: %w; nothing was enrolled", name, err)
	}
	key, err := at.signer()
	if err != nil {
		return err
	}
	var cards []card
	var texts []string
	var keys []identity.Public
	for i := range gates {
		g := &gates[i]
		text, ends, err := e.make(g, key)
		if err != nil {
			return fmt.Errorf("gate %s: %w", g.settings.Gate, err)
		}
		drawn, err := newCard(g, text, ends)
		if err != nil {
			return err
		}
		cards, texts, keys = append(cards, drawn), append(texts, text), append(keys, g.keys)
	}
	if err := e.enroll(c.Context(), l, keys...); err != nil {
		return fmt.Errorf("%s: %w; nothing was enrolled", name, err)
	}
	if err := e.where.remember(at); err != nil {
		return err
	}
	for i, text := range texts {
		if err := e.writeFile(gates[i].settings.Gate, text); err != nil {
			return err
		}
	}
	if err := writeSheet(e.print, at.info.Station, cards); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%d gates of station %s are enrolled. Print %s on A4 from a browser, and shred the sheet once the gates are set up.\n", len(gates), at.info.Station, e.print)
	return err
}

func newCard(g *newGate, text string, ends time.Time) (card, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return card{}, err
	}
	s := &g.settings
	network := map[string]string{"": "不变 unchanged", verify.DHCP: "DHCP"}[s.Network.Address]
	if network == "" {
		network = s.Network.Address
	}
	return card{
		Station: s.Station, Gate: s.Gate, Direction: s.Direction, Chinese: map[string]string{"entry": "进站", "exit": "出站", "check": "实名核验"}[s.Direction],
		Network: network, Keys: verify.Fingerprint(g.keys.Provisioning), Ends: ends.Local().Format("2006-01-02 15:04"),
		Size: code.Size + 2*quietZone, Path: pathOf(code),
	}, nil
}

// pathOf is a code's dark modules as the path of an SVG picture.
func pathOf(code *qr.Code) template.HTMLAttr {
	var b strings.Builder
	b.WriteString(`d="`)
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	b.WriteByte('"')
	return template.HTMLAttr(b.String())
}

func writeSheet(path, station string, cards []card) error {
	page, err := template.New("sheet").Parse(sheetPage)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, struct {
		Station string
		Cards   []card
	}{station, cards}); err != nil {
		return err
	}
	return durable.WriteFile(path, b.Bytes(), 0o600)
}
