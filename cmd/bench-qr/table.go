package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A printer prints titles and tables, for a terminal or as Markdown.
type printer struct {
	out      io.Writer
	markdown bool
}

func (p printer) title(format string, args ...any) {
	mark := ""
	if p.markdown {
		mark = "### "
	}
	fmt.Fprintf(p.out, "\n%s%s\n\n", mark, fmt.Sprintf(format, args...))
}

// rows prints a table whose first row is its head.
func (p printer) rows(rows [][]string) error {
	if p.markdown {
		for i, row := range rows {
			fmt.Fprintf(p.out, "| %s |\n", strings.Join(row, " | "))
			if i == 0 {
				fmt.Fprintf(p.out, "|%s\n", strings.Repeat(" --- |", len(row)))
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t\n", strings.Join(row, "\t"))
	}
	return w.Flush()
}

// print prints all that was measured.
func (p printer) print(tables []Table) error {
	for _, t := range tables {
		p.title("%s: %s", t.Set, t.holds())
		if err := p.rows(t.main()); err != nil {
			return err
		}
		if len(t.Scores) > 0 && len(t.Scores[0].Pitches) > 0 {
			p.title("%s: read, by pixels a module", t.Set)
			if err := p.rows(t.byPitch()); err != nil {
				return err
			}
		}
		if len(t.Scores) > 0 && t.Scores[0].Sequences != nil {
			p.title("%s: first frame read", t.Set)
			if err := p.rows(t.swings()); err != nil {
				return err
			}
		}
	}
	if rows := extremes(tables); rows != nil {
		p.title("Worst of any frame")
		return p.rows(rows)
	}
	return nil
}

// reads prints one row a set: how many each engine read, scenes where those are sequences, and how
// many it read wrong.
func (p printer) reads(tables []Table) error {
	p.title("Read under each condition, of so many scenes")
	head := []string{"condition, strength", "of"}
	for _, s := range tables[0].Scores {
		head = append(head, s.Engine)
	}
	rows, sums, scenes := [][]string{head}, make([]int, len(head)), 0
	for _, t := range tables {
		row, n := []string{t.Set, ""}, t.Pictures
		for i, s := range t.Scores {
			read := s.Read
			if s.Sequences != nil {
				read, n = s.Sequences.Read, s.Sequences.Sequences
			}
			cell := fmt.Sprint(read)
			if wrong := s.Misread + s.False; wrong > 0 {
				cell += fmt.Sprintf(" (%d wrong)", wrong)
			}
			row, sums[i] = append(row, cell), sums[i]+read
		}
		row[1], scenes = fmt.Sprint(n), scenes+n
		rows = append(rows, row)
	}
	last := []string{"all", fmt.Sprint(scenes)}
	for i := range tables[0].Scores {
		last = append(last, fmt.Sprint(sums[i]))
	}
	return p.rows(append(rows, last))
}

// holds says what is in a set.
func (t *Table) holds() string {
	parts := []string{fmt.Sprintf("%d pictures", t.Pictures)}
	if t.Texts > 0 {
		parts = append(parts, fmt.Sprintf("%d with their text", t.Texts))
	}
	if t.Codeless > 0 {
		parts = append(parts, fmt.Sprintf("%d without a code", t.Codeless))
	}
	if unknown := t.Pictures - t.Texts - t.Codeless; unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d of unknown text, %d of them agreed on", unknown, t.Agreed))
	}
	return strings.Join(parts, ", ")
}

func (t *Table) main() [][]string {
	base := "x base"
	if t.Base != "" {
		base = "x " + t.Base
	}
	rows := [][]string{{"engine", "read", "misread", "false", "unconfirmed", "stuck", "median ms", "p95 ms", "worst ms", base, "p95/median", "allocations"}}
	for _, s := range t.Scores {
		rows = append(rows, []string{
			s.Engine, fmt.Sprint(s.Read), fmt.Sprint(s.Misread), fmt.Sprint(s.False), fmt.Sprint(s.Unconfirmed), fmt.Sprint(s.Stuck),
			ms(s.Median), ms(s.P95), s.worst(), ratio(s.Ratio, 1), ratio(s.P95, s.Median), s.allocations(),
		})
	}
	return rows
}

func ms(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// worst is the longest time, with a mark if it was cut off.
func (s *Score) worst() string {
	if s.Stuck > 0 {
		return "> " + ms(s.Worst)
	}
	return ms(s.Worst)
}

func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}

func (s *Score) allocations() string {
	if s.Allocs < 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", s.Allocs)
}

func (t *Table) byPitch() [][]string {
	head := []string{"engine"}
	for _, p := range t.Scores[0].Pitches {
		switch {
		case p.From == 0:
			head = append(head, fmt.Sprintf("< %g", p.To))
		case p.To == 0:
			head = append(head, fmt.Sprintf(">= %g", p.From))
		default:
			head = append(head, fmt.Sprintf("%g to %g", p.From, p.To))
		}
	}
	rows := [][]string{head}
	for _, s := range t.Scores {
		row := []string{s.Engine}
		for _, p := range s.Pitches {
			row = append(row, fmt.Sprintf("%d of %d", p.Read, p.Pictures))
		}
		rows = append(rows, row)
	}
	return rows
}

func (t *Table) swings() [][]string {
	rows := [][]string{{"engine", "sequences read", "mean first frame"}}
	for _, s := range t.Scores {
		rows = append(rows, []string{s.Engine, fmt.Sprintf("%d of %d", s.Sequences.Read, s.Sequences.Sequences), fmt.Sprintf("%.2f", s.Sequences.First)})
	}
	return rows
}

// extremes are the engines' worst times of all sets, and what part they are of the
// base's 95th percentile with nobody there; nil if that was not measured.
func extremes(tables []Table) [][]string {
	empty := 0.0
	for _, t := range tables {
		for _, s := range t.Scores {
			if t.Set == "empty720" && s.Engine == t.Base {
				empty = s.P95
			}
		}
	}
	if empty == 0 {
		return nil
	}
	rows := [][]string{{"engine", "in", "worst ms", "x p95 of " + tables[0].Base + " in empty720"}}
	for j := range tables[0].Scores {
		worst, in := &tables[0].Scores[j], tables[0].Set
		for i := range tables {
			if s := &tables[i].Scores[j]; s.Worst > worst.Worst {
				worst, in = s, tables[i].Set
			}
		}
		rows = append(rows, []string{worst.Engine, in, worst.worst(), ratio(worst.Worst, empty)})
	}
	return rows
}
