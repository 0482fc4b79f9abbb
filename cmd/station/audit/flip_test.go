package audit_test

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/cmd/station/audit"
	"railgate/cmd/station/ledger"
	"railgate/cmd/station/ledger/ledgertest"
)

// furnished is an honest ledger that has something in every table.
func furnished(t *testing.T) *ward {
	t.Helper()
	w := honest(t, ledgertest.SQLite(t))
	asked, old := w.head("A07", "e2", 100), w.head("A07", "e1", 40)
	l := w.open()
	defer l.Close()
	err := l.Update(t.Context(), func(tx *ledger.Tx) error {
		e := must[*ledger.Epoch](t)(tx.Epoch(1, "e2"))
		minutes := map[ledger.Minute]int64{}
		for i := range int64(300) {
			minutes[ledger.Minute{Gate: 1, Minute: noon.Unix()/60 + i, Kind: "passage", Reason: "ok", Direction: "entry"}] = i
		}
		err := errors.Join(tx.Count(minutes), tx.Heard(map[int64]time.Time{1: noon, 2: noon}),
			tx.SetLane(1, ledger.Lane{Direction: "entry", State: "stopped", Why: "why", Since: noon}), tx.SetFact(1, ledger.FactRelease, ledger.Fact{Said: "1.4", Since: noon}),
			tx.AskedFor(e, 100, asked), tx.RolledBack(ledger.Rollback{Gate: 1, Epoch: "e1", Time: noon, Head: old, Proof: must[[]byte](t)(tx.Note(must[*ledger.Epoch](t)(tx.Epoch(1, "e1")))), Why: "why"}),
			tx.RolledBack(ledger.Rollback{Gate: 2, Epoch: "e1", Time: noon, Head: []byte{}, Proof: []byte{}, Why: "records of an epoch that had ended"}),
			tx.Refuse(ledger.Refused{Station: "GZQ", Gate: "A07", Why: "gap", N: 1, First: noon, Last: noon, Detail: "d"}), tx.SetUses("GZQ", "A07", "t1", 3),
			tx.Advance(ledger.Position{Stream: "s"}, ledger.Position{Stream: "s", Created: noon, Seq: 9}))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Add(t.Context(), "GZQ", 20261128, 0, noon, func(uint64) ([]byte, error) { return []byte("note"), nil }); err != nil {
		t.Fatal(err)
	}
	if f := findings(must[[]audit.Log](t)(w.audit(""))); f != "" {
		t.Fatalf("an honest ledger: %s", f)
	}
	return w
}

// tables are the columns of each table of a file, by their names.
func tables(t *testing.T, db *sql.DB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	rows := must[*sql.Rows](t)(db.Query(`SELECT m.name, p.name FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table'`))
	defer rows.Close()
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		all[table] = append(all[table], column)
	}
	return all
}

// flipped is a value with one bit changed, as SQL; "" where it has none.
func flipped(v any, bit int) string {
	switch v := v.(type) {
	case int64:
		return fmt.Sprint(v ^ 1<<(bit%40))
	case []byte:
		if len(v) > 0 {
			b := slices.Clone(v)
			b[bit/8%len(b)] ^= 1 << (bit % 8)
			return blob(b)
		}
	case string:
		if len(v) > 0 {
			b := []byte(v)
			b[bit/8%len(b)] ^= 1 << (bit % 5)
			return "'" + strings.ReplaceAll(string(b), "'", "''") + "'"
		}
	}
	return ""
}

// uncovered are the columns of which nothing signed says what they must be, as the package's
// first lines and docs/station.md list them.
var uncovered = []string{
	"additions.*",
	"epochs.doubted", "facts.*", "gate_keys.since", "gates.direction", "gates.heard", "gates.lane", "gates.provisioning", "gates.since", "gates.why",
	"ledger_version.*", "minutes.*", "positions.*", "receipts.hour", "refused.*", "rollbacks.time", "rollbacks.why", "uses.*",
}

func covered(column string) bool {
	table, _, _ := strings.Cut(column, ".")
	return !slices.Contains(uncovered, column) && !slices.Contains(uncovered, table+".*")
}

// A cell is one value in a file.
type cell struct {
	table, column string
	row           int64
	v             any
}

// cells are the first, a middle and the last value of each column of a file that have a bit.
func cells(t *testing.T, path string) (all []cell) {
	t.Helper()
	db := must[*sql.DB](t)(sql.Open("sqlite", path))
	defer db.Close()
	named := tables(t, db)
	for _, table := range slices.Sorted(maps.Keys(named)) {
		for _, column := range named[table] {
			values := valuesOf(t, db, table, column)
			if len(values) == 0 {
				t.Fatalf("%s.%s has no value to flip", table, column)
			}
			for _, i := range slices.Compact([]int{0, len(values) / 2, len(values) - 1}) {
				all = append(all, values[i])
			}
		}
	}
	return all
}

func valuesOf(t *testing.T, db *sql.DB, table, column string) (values []cell) {
	t.Helper()
	rows := must[*sql.Rows](t)(db.Query(fmt.Sprintf("SELECT rowid, %s FROM %s", column, table)))
	defer rows.Close()
	for rows.Next() {
		c := cell{table: table, column: column}
		if err := rows.Scan(&c.row, &c.v); err != nil {
			t.Fatal(err)
		}
		if flipped(c.v, 0) != "" {
			values = append(values, c)
		}
	}
	return values
}

// A bit that changes in any column of any row is named, but for the columns of which the audit
// says that it does not cover them.
func TestABitOfAnyColumnIsNamed(t *testing.T) {
	w := furnished(t)
	flips, named := 0, 0
	for _, v := range cells(t, w.database) {
		for _, bit := range []int{0, 3, 133} {
			c := *w
			c.database = ledgertest.Copy(t, w.database)
			if !c.raw(fmt.Sprintf("UPDATE %s SET %s = %s WHERE rowid = %d", v.table, v.column, flipped(v.v, bit), v.row)) {
				continue
			}
			flips++
			if c.isSeen() {
				named++
			} else if covered(v.table + "." + v.column) {
				t.Errorf("%s.%s: bit %d of row %d, %v: not named", v.table, v.column, bit, v.row, v.v)
			}
		}
	}
	t.Logf("%d of %d flips are named", named, flips)
}

// raw changes a file past what the ledger would do; but not to what its tables refuse.
func (w *ward) raw(statement string) bool {
	w.t.Helper()
	db := must[*sql.DB](w.t)(sql.Open("sqlite", w.database))
	defer db.Close()
	statement = strings.NewReplacer("{{", "X'", "}}", "'").Replace(statement)
	_, err := db.Exec(statement)
	if err != nil && !strings.Contains(err.Error(), "constraint failed") {
		w.t.Fatalf("%s: %v", statement, err)
	}
	return err == nil
}

// dump is every value of every table of a file, by table and column, and what SQLite says of the
// file's structure.
func dump(t *testing.T, path string) (values map[string]string, sound string) {
	t.Helper()
	values = map[string]string{}
	db := must[*sql.DB](t)(sql.Open("sqlite", path))
	defer db.Close()
	if err := db.QueryRow(`PRAGMA integrity_check(1)`).Scan(&sound); err != nil {
		return nil, err.Error()
	}
	for _, table := range known {
		rows, err := db.Query("SELECT * FROM " + table)
		if err != nil {
			return nil, err.Error()
		}
		columns := must[[]string](t)(rows.Columns())
		texts := make([]strings.Builder, len(columns))
		into := make([]any, len(columns))
		for i := range into {
			into[i] = new(any)
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				return nil, err.Error()
			}
			for i := range into {
				fmt.Fprintf(&texts[i], "%v|", *into[i].(*any))
			}
		}
		if rows.Err() != nil {
			return nil, rows.Err().Error()
		}
		rows.Close()
		for i, c := range columns {
			values[table+"."+c] = texts[i].String()
		}
	}
	return values, sound
}

// known are the tables, in whatever way a file's own list of them is damaged.
var known = []string{"additions", "epochs", "facts", "gate_keys", "gates", "ledger_version", "minutes", "positions", "receipts", "records", "refused", "rollbacks", "uses"}

// Any bit of the file may rot. Where that changes a value, an index or the file's structure it
// is named. The rest of the file is free pages, and the free bytes of others.
func TestABitOfAnyPageIsNamed(t *testing.T) {
	w := furnished(t)
	whole := must[[]byte](t)(os.ReadFile(w.database))
	was, sound := dump(t, w.database)
	if sound != "ok" {
		t.Fatal(sound)
	}
	step := 197
	if testing.Short() {
		step = 1009
	}
	seen := map[string]int{}
	for at := 0; at < len(whole); at += step {
		c := *w
		c.database = ledgertest.SQLite(t)
		changed := slices.Clone(whole)
		changed[at] ^= 1 << (at % 8)
		if err := os.WriteFile(c.database, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if c.isSeen() {
			seen["named"]++
			continue
		}
		what := "in nothing that is used"
		now, sound := dump(t, c.database)
		if sound != "ok" {
			t.Errorf("byte %d of %d: %s, and not named", at, len(whole), sound)
		}
		for column, text := range now {
			if was[column] != text {
				what = "in " + column
				if covered(column) {
					t.Errorf("byte %d of %d changes %s, and is not named", at, len(whole), column)
				}
			}
		}
		seen[what]++
	}
	t.Logf("of %d bytes: %v", len(whole), seen)
}

// isSeen tells whether the audit finds anything, or cannot read the ledger.
func (w *ward) isSeen() bool {
	l, err := ledger.Open(w.t.Context(), w.database)
	if err != nil {
		return true
	}
	defer l.Close()
	logs, err := w.auditOf(l, "")
	return err != nil || findings(logs) != ""
}
