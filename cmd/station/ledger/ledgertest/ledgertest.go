// Package ledgertest gives tests an empty database of each kind that a ledger may be in.
package ledgertest

import (
	"database/sql"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Each runs a test with an empty SQLite file, and with an empty database of Debian's
// PostgreSQL where that is installed.
func Each(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite is the path of a file that is not there yet.
func SQLite(t testing.TB) string { return filepath.Join(t.TempDir(), "ledger.db") }

// server is the one that a test program shares, and its URL; "" before it runs.
var server struct {
	sync.Mutex
	dir, url string
	err      error
}

var databases atomic.Int64

// Postgres is the URL of an empty database. The test is skipped where PostgreSQL is not
// installed. Main must stop the server.
func Postgres(t testing.TB) string {
	t.Helper()
	base, err := start()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		t.Skip("PostgreSQL is not installed (apt install postgresql)")
	}
	if err != nil {
		t.Fatalf("PostgreSQL: %v", err)
	}
	db, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := fmt.Sprintf("test%d", databases.Add(1))
	server.Lock() // two at a time find the template in use
	_, err = db.Exec("CREATE DATABASE " + name)
	server.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = name
	return u.String()
}

//go:embed postgres.sh
var script string

func postgres(do, dir string) *exec.Cmd {
	return exec.Command("sh", "-c", script, "postgres.sh", do, dir)
}

func start() (string, error) {
	server.Lock()
	defer server.Unlock()
	if server.url != "" || server.err != nil {
		return server.url, server.err
	}
	if server.dir, server.err = os.MkdirTemp("", "railgate-postgres-"); server.err != nil {
		return "", server.err
	}
	var stderr strings.Builder
	cmd := postgres("start", server.dir)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		server.err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	server.url = strings.TrimSpace(string(out))
	return server.url, server.err
}

// Main runs a package's tests and stops the server that they have shared: call it from
// TestMain.
func Main(m *testing.M) int {
	flag.Parse()
	flag.Set("test.parallel", "6") // a station's tests wait more than they work; the flag is there
	code := m.Run()
	server.Lock()
	defer server.Unlock()
	if server.url != "" {
		if err := postgres("stop", server.dir).Run(); err != nil {
			fmt.Fprintln(os.Stderr, "PostgreSQL:", err)
		}
	}
	if server.dir != "" {
		os.RemoveAll(server.dir)
	}
	return code
}

// Copy is a new database with what one has that nobody is connected to.
func Copy(t testing.TB, database string) string {
	t.Helper()
	if !strings.HasPrefix(database, "postgres://") {
		data, err := os.ReadFile(database)
		if err != nil {
			t.Fatal(err)
		}
		path := SQLite(t)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", server.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := fmt.Sprintf("test%d", databases.Add(1))
	server.Lock()
	_, err = db.Exec("CREATE DATABASE " + name + " TEMPLATE " + strings.TrimPrefix(u.Path, "/"))
	server.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	u.Path = name
	return u.String()
}
