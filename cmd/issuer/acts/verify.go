package acts

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// ErrNone is a file in which no record was ever begun.
var ErrNone = errors.New("there is no record of acts in this file")

// A BadActError names the first act that is not what was signed.
type BadActError struct {
	Number int64 // from 1 on
	Why    string
}

func (e *BadActError) Error() string { return fmt.Sprintf("act %d: %s", e.Number, e.Why) }

// Verify proves the record: every act is under the head that was signed with it, in its
// place. Kept are heads that were kept elsewhere; the record must have all that each of
// them had. Each act is given to each, in order; nil: nobody asks. It returns the tree
// that is proven. The first act that is wrong is a [BadActError].
func Verify(tx *bbolt.Tx, v note.Verifier, kept []tlog.Tree, each func(number int64, a Act) error) (tlog.Tree, error) {
	if tx.Bucket(actsBucket) == nil || tx.Bucket(headsBucket) == nil {
		return tlog.Tree{}, ErrNone
	}
	acts, heads := tx.Bucket(actsBucket).Cursor(), tx.Bucket(headsBucket).Cursor()
	var edge journal.Edge
	k, data := acts.First()
	h, head := heads.First()
	for n := int64(1); k != nil || h != nil; n++ {
		a, err := open(&edge, n, k, data, h, head, v)
		if err != nil {
			return edge.Tree(), err
		}
		for _, t := range kept {
			if t.N == n && t != edge.Tree() {
				return edge.Tree(), &BadActError{n, "a head that was kept elsewhere says otherwise of it, or of one before it"}
			}
		}
		if each != nil {
			if err := each(n, a); err != nil {
				return edge.Tree(), err
			}
		}
		k, data = acts.Next()
		h, head = heads.Next()
	}
	for _, t := range kept {
		if t.N > edge.N() {
			return edge.Tree(), &BadActError{edge.N() + 1, fmt.Sprintf("it is missing: a head that was kept elsewhere is of %d acts", t.N)}
		}
	}
	return edge.Tree(), nil
}

// open adds the act of one place to the tree, and holds the tree against its head.
func open(edge *journal.Edge, n int64, k, data, h, head []byte, v note.Verifier) (a Act, err error) {
	bad := func(why string) (Act, error) { return Act{}, &BadActError{n, why} }
	switch {
	case !is(k, n-1):
		return bad("it is missing")
	case !is(h, n):
		return bad("its head is missing")
	}
	tree, _, err := journal.OpenHead(head, Origin, v)
	if err != nil {
		return bad("its head: " + err.Error())
	}
	if err := journal.Decode(data, &a); err != nil {
		return bad("it cannot be read: " + err.Error())
	}
	edge.Append(tlog.RecordHash(data))
	if tree != edge.Tree() {
		return bad("it is not the one that was signed here")
	}
	return a, nil
}

func is(key []byte, n int64) bool {
	return len(key) == 8 && binary.BigEndian.Uint64(key) == uint64(n)
}
