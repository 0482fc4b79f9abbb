// Package ledger keeps what a station's gates have sent, in SQL: their keys, their
// journals' records once each, the receipts that were given for them, and counts of what
// the records say. One file of SQLite serves a station, a PostgreSQL server a nation; the
// statements are the same.
//
// It keeps and checks nothing: package collect decides what is taken.
package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// A Ledger is safe for concurrent use.
type Ledger struct {
	Reader
	write    *sql.DB // one connection with SQLite, which has one writer
	read     *sql.DB
	snapshot sql.TxOptions // of a view
	file     bool          // of SQLite
}

// A Reader reads the ledger.
type Reader struct{ from querier }

// querier is a database, or one transaction of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// View runs f with a reader that sees the ledger as it is now, whatever is written meanwhile.
// One query runs at a time.
func (l *Ledger) View(ctx context.Context, f func(Reader) error) error {
	tx, err := l.read.BeginTx(ctx, &l.snapshot)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return f(Reader{tx})
}

// Open opens a ledger, and makes its tables where there are none: database is the path of
// an SQLite file, or a URL that begins with postgres://.
func Open(ctx context.Context, database string) (*Ledger, error) {
	l, err := connect(database)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if err := l.migrate(ctx); err != nil {
		l.Close()
		return nil, fmt.Errorf("ledger %s: %w", Redacted(database), err)
	}
	return l, nil
}

// IsPostgres tells whether a database is a PostgreSQL server's.
func IsPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// Redacted is a database's name without its password.
func Redacted(database string) string {
	if u, err := url.Parse(database); err == nil && IsPostgres(database) {
		return u.Redacted()
	}
	return database
}

func connect(database string) (*Ledger, error) {
	if IsPostgres(database) {
		db, err := sql.Open("pgx", database)
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(8)
		return &Ledger{Reader: Reader{db}, write: db, read: db, snapshot: sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}}, nil
	}
	if strings.Contains(database, "://") {
		return nil, fmt.Errorf("database %q; want a file's path, or postgres://…", database)
	}
	// A commit is on the disk when it returns (synchronous FULL), and a reader never waits.
	const pragmas = "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"
	source := "file:" + (&url.URL{Path: database}).EscapedPath() + pragmas
	write, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(4)
	return &Ledger{Reader: Reader{read}, write: write, read: read, snapshot: sql.TxOptions{ReadOnly: true}, file: true}, nil
}

// Close closes the connections.
func (l *Ledger) Close() error {
	err := l.write.Close()
	if l.read != l.write {
		err = errors.Join(err, l.read.Close())
	}
	return err
}

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewer is a ledger that a newer version has written.
var ErrNewer = errors.New("a newer version of this program has written it")

// migrate carries out the migrations that the ledger has not had, each in a transaction.
func (l *Ledger) migrate(ctx context.Context) error {
	if _, err := l.write.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS ledger_version (version BIGINT NOT NULL)`); err != nil {
		return err
	}
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return err
	}
	return l.Update(ctx, func(t *Tx) error {
		version := 0
		if err := t.row(`SELECT coalesce(max(version), 0) FROM ledger_version`).Scan(&version); err != nil {
			return err
		}
		if version > len(files) {
			return ErrNewer
		}
		for ; version < len(files); version++ {
			text, err := migrations.ReadFile("migrations/" + files[version].Name())
			if err != nil {
				return err
			}
			if err := t.exec(string(text)); err != nil {
				return fmt.Errorf("migration %s: %w", files[version].Name(), err)
			}
			if err := t.exec(`INSERT INTO ledger_version (version) VALUES ($1)`, version+1); err != nil {
				return err
			}
		}
		return nil
	})
}

// A Tx is one transaction: what it writes is on the disk, all of it, once Update has
// returned nil.
type Tx struct {
	ctx      context.Context
	tx       *sql.Tx
	prepared map[string]*sql.Stmt
}

// Update runs f in a transaction. Where f fails nothing is kept. After another error it is
// not known whether it was: read the position again.
func (l *Ledger) Update(ctx context.Context, f func(*Tx) error) error {
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	t := &Tx{ctx: ctx, tx: tx, prepared: map[string]*sql.Stmt{}}
	if err := f(t); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (t *Tx) exec(query string, args ...any) error {
	_, err := t.tx.ExecContext(t.ctx, query, args...)
	return err
}

// changed is exec that must change a row.
func (t *Tx) changed(query string, args ...any) (bool, error) {
	r, err := t.tx.ExecContext(t.ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

func (t *Tx) row(query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(t.ctx, query, args...)
}

// repeat is exec of a statement that comes many times.
func (t *Tx) repeat(query string, args ...any) error {
	s := t.prepared[query]
	if s == nil {
		var err error
		if s, err = t.tx.PrepareContext(t.ctx, query); err != nil {
			return err
		}
		t.prepared[query] = s
	}
	_, err := s.ExecContext(t.ctx, args...)
	return err
}

// nextID is the next id of a table.
func (t *Tx) nextID(table string) (int64, error) {
	var id int64
	err := t.row(`SELECT coalesce(max(id), 0) + 1 FROM ` + table).Scan(&id)
	return id, err
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
