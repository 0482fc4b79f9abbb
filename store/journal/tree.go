package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Leaf is a record's leaf hash in the journal's Merkle tree (RFC 6962, section 2.1): of
// its CBOR, which does not hold the sequence number, for that is the leaf's place.
func Leaf(r Record) (tlog.Hash, error) {
	data, err := Encode(r)
	if err != nil {
		return tlog.Hash{}, err
	}
	return tlog.RecordHash(data), nil
}

// An Edge is the right edge of a Merkle tree: the hashes of its complete subtrees, the
// largest first, one for each bit that is set in its number of leaves. It is what a tree
// needs to grow and to say its root. The zero value is an empty tree's.
type Edge struct {
	n      int64
	hashes []tlog.Hash
}

// Append adds a leaf.
func (e *Edge) Append(leaf tlog.Hash) {
	hashes := append(make([]tlog.Hash, 0, len(e.hashes)+1), e.hashes...) // an edge that was copied stays
	h := leaf
	for n := e.n; n&1 == 1; n >>= 1 {
		last := len(hashes) - 1
		h = tlog.NodeHash(hashes[last], h)
		hashes = hashes[:last]
	}
	e.hashes = append(hashes, h)
	e.n++
}

// N is the number of leaves.
func (e Edge) N() int64 { return e.n }

// Tree is the number of leaves and the root (RFC 6962, section 2.1); the root of no
// leaves is the hash of nothing.
func (e *Edge) Tree() tlog.Tree {
	if e.n == 0 {
		return tlog.Tree{Hash: sha256.Sum256(nil)}
	}
	last := len(e.hashes) - 1
	h := e.hashes[last]
	for i := last - 1; i >= 0; i-- {
		h = tlog.NodeHash(e.hashes[i], h)
	}
	return tlog.Tree{N: e.n, Hash: h}
}

// Differ holds an edge against one of a tree of at least as many leaves: the leaves from
// one to before another are the first complete subtree that is another in it; from is to
// where none is. ok tells whether the complete subtrees of this one are the first of that.
func (e Edge) Differ(o Edge) (from, to int64, ok bool) {
	if bits.Len64(uint64(o.n-e.n)) > bits.TrailingZeros64(uint64(e.n)) { // less than nothing has 64 bits
		return 0, 0, false
	}
	for i, h := range e.hashes {
		to = from + int64(1)<<(bits.Len64(uint64(e.n-from))-1)
		if h != o.hashes[i] {
			return from, to, true
		}
		from = to
	}
	return from, from, true
}

// MarshalBinary writes the number of leaves (8 bytes, big-endian) and the hashes.
func (e Edge) MarshalBinary() ([]byte, error) {
	out := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(e.hashes)*tlog.HashSize), uint64(e.n))
	for _, h := range e.hashes {
		out = append(out, h[:]...)
	}
	return out, nil
}

var errEdge = errors.New("a right edge of the wrong length")

// UnmarshalBinary reads what MarshalBinary wrote.
func (e *Edge) UnmarshalBinary(data []byte) error {
	if len(data) < 8 {
		return errEdge
	}
	n := int64(binary.BigEndian.Uint64(data))
	data = data[8:]
	if n < 0 || len(data) != bits.OnesCount64(uint64(n))*tlog.HashSize {
		return fmt.Errorf("%w: %d bytes for %d leaves", errEdge, len(data), n)
	}
	e.n, e.hashes = n, nil
	for len(data) > 0 {
		e.hashes = append(e.hashes, tlog.Hash(data[:tlog.HashSize]))
		data = data[tlog.HashSize:]
	}
	return nil
}
