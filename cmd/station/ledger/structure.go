package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// mostProblems is how many problems of a file are told: one is enough to restore a copy.
const mostProblems = 20

// Structure is what is wrong with an SQLite file as such: its pages, its indexes, rows that
// belong to nobody, values of another type than their column's, tables that this program has
// not made. It says nothing of values. A PostgreSQL server looks after its own files.
func (l *Ledger) Structure(ctx context.Context) ([]string, error) {
	if !l.file {
		return nil, nil
	}
	var problems []string
	for _, look := range []func(context.Context) ([]string, error){l.pages, l.orphans, l.schema, l.types} {
		found, err := look(ctx)
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil { // what cannot be read is damaged
			found = append(found, err.Error())
		}
		problems = append(problems, found...)
	}
	return problems[:min(len(problems), mostProblems)], nil
}

func text(scan func(...any) error) (s string, err error) { err = scan(&s); return s, err }

// pages are SQLite's own findings.
func (l *Ledger) pages(ctx context.Context) ([]string, error) {
	found, err := collect(ctx, l.read, text, fmt.Sprintf(`PRAGMA integrity_check(%d)`, mostProblems))
	if err == nil && len(found) == 1 && found[0] == "ok" {
		return nil, nil
	}
	for i := range found {
		found[i] = strings.Join(strings.Fields(found[i]), " ")
	}
	return found, err
}

// orphans are rows whose gate or epoch is not there.
func (l *Ledger) orphans(ctx context.Context) ([]string, error) {
	return collect(ctx, l.read, func(scan func(...any) error) (string, error) {
		var table, parent string
		var row, key sql.NullInt64
		err := scan(&table, &row, &parent, &key)
		return fmt.Sprintf("row %d of %s belongs to none of %s", row.Int64, table, parent), err
	}, `PRAGMA foreign_key_check`)
}

const schemaQuery = `SELECT coalesce(type, '') || ' ' || coalesce(name, '') || ' ' || coalesce(tbl_name, '') || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY name`

// schema holds the tables and indexes against those that the migrations make.
func (l *Ledger) schema(ctx context.Context) ([]string, error) {
	made, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer made.Close()
	made.SetMaxOpenConns(1) // each connection is a memory of its own
	if err := (&Ledger{write: made}).migrate(ctx); err != nil {
		return nil, err
	}
	want, err := collect(ctx, made, text, schemaQuery)
	if err != nil {
		return nil, err
	}
	have, err := collect(ctx, l.read, text, schemaQuery)
	if err != nil {
		return nil, err
	}
	if strings.Join(want, "\n") != strings.Join(have, "\n") {
		return []string{"its tables are not those that this version makes"}, nil
	}
	return nil, nil
}

// types are values of another type than their column's: SQLite keeps any in any.
func (l *Ledger) types(ctx context.Context) ([]string, error) {
	tests, err := collect(ctx, l.read, func(scan func(...any) error) (string, error) {
		var table, column, declared string
		var demanded, key bool
		if err := scan(&table, &column, &declared, &demanded, &key); err != nil {
			return "", err
		}
		want := map[string]string{"BIGINT": "'integer'", "TEXT": "'text'", "BYTEA": "'blob'"}[declared]
		if !demanded && !key {
			want += ", 'null'"
		}
		return fmt.Sprintf(`SELECT '%s.%s: ' || count(*) || ' values are of another type' FROM %s WHERE typeof(%s) NOT IN (%s) HAVING count(*) > 0`, table, column, table, column, want), nil
	}, `SELECT m.name, p.name, p.type, p."notnull", p.pk > 0 FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table'`)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, test := range tests {
		problems, bad := collect(ctx, l.read, text, test)
		found, err = append(found, problems...), errors.Join(err, bad)
	}
	return found, err
}
