package office

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/issuer/acts"
)

// A Record is the record of acts in an issuer's folder, to be read.
type Record struct {
	db  *bbolt.DB
	key note.Verifier
}

// OpenRecord opens the record of an issuer's folder, and makes and changes nothing there. An
// issuer that is running has the file: [Office.CopyRegister] gives a copy of it.
func OpenRecord(dir string) (*Record, error) {
	return OpenRecordIn(dir, filepath.Join(dir, registerName))
}

// OpenRecordIn is [OpenRecord] of a copy of the folder's register.
func OpenRecordIn(dir, path string) (*Record, error) {
	keyPath := filepath.Join(dir, vaultKeyName)
	if _, err := os.Stat(keyPath); err != nil {
		return nil, fmt.Errorf("the key of the names: %w", err)
	}
	v, err := openVault(keyPath)
	if err != nil {
		return nil, err
	}
	log, err := acts.NewLog(v.heads)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w (is the issuer running?)", path, err)
	}
	return &Record{db, log.Verifier()}, nil
}

func (r *Record) Close() error { return r.db.Close() }

// CopyRegister writes a copy of the register as it is at an instant; the issuer goes on meanwhile.
func (s *Office) CopyRegister(w io.Writer) error {
	return s.register.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(w)
		return err
	})
}

// Key opens the record's heads.
func (r *Record) Key() note.Verifier { return r.key }

// Verify is [acts.Verify].
func (r *Record) Verify(kept []tlog.Tree, each func(number int64, a acts.Act) error) (tree tlog.Tree, err error) {
	err = r.db.View(func(tx *bbolt.Tx) (err error) {
		tree, err = acts.Verify(tx, r.key, kept, each)
		return err
	})
	return tree, err
}

// Head is the last head as it was signed; empty: there are no acts yet.
func (r *Record) Head() (head []byte, err error) {
	err = r.db.View(func(tx *bbolt.Tx) error { head = acts.Head(tx); return nil })
	return head, err
}
