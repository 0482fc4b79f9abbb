// Package acts is the record of what officers do at the police window, and of each code that
// is looked up at a counter or on board: one act after the other, in the issuer's own file, in the transaction that does what it tells.
//
//	acts   number (8, big-endian), from 0 on → the act, in CBOR (store/journal's encoding)
//	heads  number of acts (8), from 1 on     → the head of the tree of that many
//	edge   "edge"                            → the tree's right edge
//
// The tree is the journal's (RFC 6962, section 2.1): an act's leaf is of its CBOR, without
// its number, for that is the leaf's place. A head is a checkpoint (C2SP tlog-checkpoint)
// that the issuer signs. Each act has one: so the first act that was altered, dropped,
// moved or repeated later is known by name. What was cut off the end is known from a head
// that was kept elsewhere ([Verify]).
//
// It holds nobody's name and no document's number. A person is a keyed hash, and an officer
// the subject by which they have signed in.
package acts

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// Kind says what an act was.
type Kind string

const (
	Issued    Kind = "issued"    // a slip
	Refused   Kind = "refused"   // a slip, for what is on record of the person: Detail says what
	Printed   Kind = "printed"   // a slip, for the first time
	Reprinted Kind = "reprinted" // again
	Cancelled Kind = "cancelled" // a slip that was made by mistake, and not used
	Revoked   Kind = "revoked"   // a slip, or what a phone holds: Detail says why
	LookedUp  Kind = "looked_up" // a person, by the number of a document
	Resolved  Kind = "resolved"  // a code, at a counter or on board: Detail is what a gate would say
)

// An Act is one line of the record.
type Act struct {
	Time   time.Time  `json:"time" cbor:"1,keyasint"`
	Kind   Kind       `json:"kind" cbor:"2,keyasint"`
	By     string     `json:"by" cbor:"3,keyasint"`                         // the officer's subject; client:ID, a ticketing system's
	Slip   journal.ID `json:"slip,omitempty" cbor:"4,keyasint,omitempty"`   // its cti: 8 random bytes; of a look-up or a revocation, any certificate's
	Person journal.ID `json:"person,omitempty" cbor:"5,keyasint,omitempty"` // a keyed hash
	Detail string     `json:"detail,omitempty" cbor:"6,keyasint,omitempty"` // a reason, in the words of the interface

	// Of a look-up of a code.
	Purpose string `json:"purpose,omitempty" cbor:"7,keyasint,omitempty"` // sale, refund, change, inspection
	Told    string `json:"told,omitempty" cbor:"8,keyasint,omitempty"`    // scopes, a space between: what was told of the holder
}

// Origin names the record in its heads, and its key.
const Origin = "railgate.issuer.acts"

var (
	actsBucket  = []byte("acts")
	headsBucket = []byte("heads")
	edgeBucket  = []byte("edge")
	edgeKey     = []byte("edge")
)

// A Log writes the record. It may be used concurrently: bbolt has one writer at a time.
type Log struct {
	signer   note.Signer
	verifier note.Verifier
}

// NewLog is a record whose heads a key signs.
func NewLog(key ed25519.PrivateKey) (*Log, error) {
	text, err := note.NewEd25519VerifierKey(Origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		return nil, err
	}
	return &Log{&signer{v, key}, v}, nil
}

// Verifier opens the heads that the log's key has signed.
func (l *Log) Verifier() note.Verifier { return l.verifier }

// signer is a note.Signer; package note makes one only from a text that holds the secret.
type signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s *signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// Create makes the record's buckets where they are not there yet.
func Create(tx *bbolt.Tx) error {
	for _, name := range [][]byte{actsBucket, headsBucket, edgeBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return nil
}

// ErrDamaged is a record that is not what its last head says: nothing is added to it.
var ErrDamaged = errors.New("the record of acts is damaged: issuer record verify says where")

// Append writes an act and the head of the tree with it. They are durable with the
// transaction, and with what else it does.
func (l *Log) Append(tx *bbolt.Tx, a Act) error {
	edge, err := l.edge(tx)
	if err != nil {
		return err
	}
	data, err := journal.Encode(a)
	if err != nil {
		return err
	}
	at := number(edge.N())
	edge.Append(tlog.RecordHash(data))
	head, err := journal.SignHead(Origin, edge.Tree(), l.signer)
	if err != nil {
		return err
	}
	right, err := edge.MarshalBinary()
	if err != nil {
		return err
	}
	return errors.Join(
		tx.Bucket(actsBucket).Put(at, data),
		tx.Bucket(headsBucket).Put(number(edge.N()), head),
		tx.Bucket(edgeBucket).Put(edgeKey, right),
	)
}

// edge is the tree's right edge, if it is the one of the last head.
func (l *Log) edge(tx *bbolt.Tx) (edge journal.Edge, err error) {
	if data := tx.Bucket(edgeBucket).Get(edgeKey); data != nil {
		if err := edge.UnmarshalBinary(data); err != nil {
			return edge, fmt.Errorf("%w (%w)", ErrDamaged, err)
		}
	}
	last, _ := tx.Bucket(actsBucket).Cursor().Last()
	count, head := tx.Bucket(headsBucket).Cursor().Last()
	if edge.N() == 0 && last == nil && count == nil {
		return edge, nil
	}
	tree, _, err := journal.OpenHead(head, Origin, l.verifier)
	switch {
	case err != nil:
		return edge, fmt.Errorf("%w (%w)", ErrDamaged, err)
	case tree != edge.Tree() || string(last) != string(number(tree.N-1)) || string(count) != string(number(tree.N)):
		return edge, ErrDamaged
	}
	return edge, nil
}

// Head is the last head as it was signed; empty: there are no acts yet.
func Head(tx *bbolt.Tx) []byte {
	b := tx.Bucket(headsBucket)
	if b == nil {
		return nil
	}
	_, head := b.Cursor().Last()
	return append([]byte(nil), head...)
}

func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
