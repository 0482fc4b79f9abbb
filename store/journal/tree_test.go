package journal

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// hashStore keeps every hash of a tree, as package tlog wants them.
type hashStore []tlog.Hash

func (s hashStore) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		out[i] = s[at]
	}
	return out, nil
}

// The edge says the root that package tlog finds with every hash at hand.
func TestTheEdgeHasTheTreesRoot(t *testing.T) {
	var edge Edge
	var all hashStore
	for n := range int64(300) {
		want, err := tlog.TreeHash(n, all)
		if got := edge.Tree(); err != nil || got.N != n || n > 0 && got.Hash != want {
			t.Fatalf("%d leaves: %v; want %v (%v)", n, got, want, err)
		}
		leaf, err := Leaf(Record{Kind: Forced, Time: time.Unix(n, 0).UTC()})
		if err != nil {
			t.Fatal(err)
		}
		hashes, err := tlog.StoredHashesForRecordHash(n, leaf, all)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, hashes...)
		before := edge
		root := before.Tree()
		edge.Append(leaf)
		if before.Tree() != root {
			t.Fatalf("%d leaves: a copy of the edge has changed", n)
		}
		data, err := edge.MarshalBinary()
		var again Edge
		if err != nil || again.UnmarshalBinary(data) != nil || again.Tree() != edge.Tree() {
			t.Fatalf("%d leaves: the edge is not read back (%v)", n, err)
		}
	}
}

// The root of no leaves is the hash of nothing (RFC 6962, section 2.1).
func TestTheEmptyTreesRoot(t *testing.T) {
	if got := new(Edge).Tree(); got.N != 0 || fmt.Sprintf("%x", got.Hash[:]) != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("Tree = %v; want SHA-256 of nothing", got)
	}
}

// subtrees are the sizes of a tree's complete subtrees.
func subtrees(n int64) (sizes []int64) {
	for size := int64(1) << 40; size > 0; size >>= 1 {
		if n&size != 0 {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

// Edges can be compared where the complete subtrees of one are the first of the other; then
// the first that has another leaf is found, or that there is none.
func TestWhereTreesDiffer(t *testing.T) {
	const most = 20
	edgeOf := func(n, other int64) (e Edge) {
		for i := range n {
			leaf := tlog.RecordHash([]byte{byte(i)})
			if i == other {
				leaf = tlog.RecordHash([]byte("another"))
			}
			e.Append(leaf)
		}
		return e
	}
	for n := range int64(most) {
		e := edgeOf(n, -1)
		for m := range int64(most) {
			mine, theirs := subtrees(n), subtrees(m)
			want := len(mine) <= len(theirs) && slices.Equal(mine, theirs[:len(mine)])
			for other := range m + 1 { // m: none
				from, to, ok := e.Differ(edgeOf(m, other))
				wantFrom, wantTo := n, n
				if !want {
					wantFrom, wantTo = 0, 0
				}
				for at := int64(0); want && len(mine) > 0; mine = mine[1:] {
					if other >= at && other < at+mine[0] {
						wantFrom, wantTo = at, at+mine[0]
						break
					}
					at += mine[0]
				}
				if ok != want || from != wantFrom || to != wantTo {
					t.Fatalf("%d leaves, and %d of which %d is another: %d to %d, %v; want %d to %d, %v", n, m, other, from, to, ok, wantFrom, wantTo, want)
				}
				mine = subtrees(n)
			}
		}
	}
}

// What a head says is read whoever has signed it, where it is one.
func TestUnverifiedHead(t *testing.T) {
	signer, _ := testSigner(t, "railgate.GZQ.A07.e1")
	tree := tlog.Tree{N: 5, Hash: tlog.RecordHash([]byte("x"))}
	head, err := SignHead("railgate.GZQ.A07.e1", tree, signer)
	if err != nil {
		t.Fatal(err)
	}
	if origin, got, err := UnverifiedHead(head); origin != "railgate.GZQ.A07.e1" || got != tree || err != nil {
		t.Errorf("UnverifiedHead = %q, %v, %v; want %v", origin, got, err, tree)
	}
	for name, msg := range map[string]string{"no signatures": string(head[:bytes.Index(head, []byte("\n\n"))]), "no head": "words\n\n", "nothing": ""} {
		if origin, got, err := UnverifiedHead([]byte(msg)); origin != "" || got != (tlog.Tree{}) || err == nil {
			t.Errorf("%s: %q, %v, %v; want an error", name, origin, got, err)
		}
	}
}

// An edge has one hash for each bit of its number of leaves; anything else is refused, and
// leaves the edge as it was.
func TestEdgesOfTheWrongLength(t *testing.T) {
	for n := range 8 {
		if err := new(Edge).UnmarshalBinary(make([]byte, n)); !errors.Is(err, errEdge) {
			t.Errorf("%d bytes: %v; want %v", n, err, errEdge)
		}
	}
	edge := func(n uint64, hashes int) []byte {
		return append(binary.BigEndian.AppendUint64(nil, n), make([]byte, hashes*tlog.HashSize)...)
	}
	for name, data := range map[string][]byte{
		"a hash too few":    edge(3, 1),
		"a hash too many":   edge(2, 2),
		"a part of a hash":  edge(1, 1)[:20],
		"less than nothing": edge(1<<63, 1),
		"a hash of nothing": edge(0, 1),
	} {
		var e Edge
		e.Append(tlog.RecordHash(nil))
		was := e.Tree()
		if err := e.UnmarshalBinary(data); !errors.Is(err, errEdge) || e.Tree() != was {
			t.Errorf("%s: %v, and the edge is %v; want %v, as it was", name, err, e.Tree(), errEdge)
		}
	}
	var used Edge
	used.Append(tlog.RecordHash(nil))
	if err := used.UnmarshalBinary(edge(0, 0)); err != nil || used.Tree() != new(Edge).Tree() || len(used.hashes) != 0 {
		t.Errorf("an empty edge over a used one: %v, %+v", err, used)
	}
}

// A record's place is its number: the same record with another has the same leaf, and any other field counts.
func TestEachFieldOfARecordIsInItsLeaf(t *testing.T) {
	r := Record{Kind: Decision, Time: time.Unix(1, 0).UTC(), Decision: Granted, Reason: "ok", Holder: "h"}
	leaf, _ := Leaf(r)
	r.Seq = 7
	if same, _ := Leaf(r); same != leaf {
		t.Error("the sequence number changes the leaf")
	}
	r.Reason = "passback"
	if other, _ := Leaf(r); other == leaf {
		t.Error("the reason does not change the leaf")
	}
}

func testSigner(t *testing.T, name string) (note.Signer, note.Verifier) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

func TestAHeadIsOfOneLogAndSignedByAll(t *testing.T) {
	origin, err := Origin("GZQ", "A07", "e1")
	if err != nil || origin != "railgate.GZQ.A07.e1" {
		t.Fatalf("Origin = %q, %v", origin, err)
	}
	signer, verifier := testSigner(t, origin)
	_, other := testSigner(t, origin)
	tree := tlog.Tree{N: 5, Hash: tlog.RecordHash([]byte("x"))}
	head, err := SignHead(origin, tree, signer)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := OpenHead(head, origin, verifier); err != nil || got != tree {
		t.Fatalf("OpenHead = %v, %v; want %v", got, err, tree)
	}
	for name, try := range map[string]func() error{
		"another log":      func() error { _, _, err := OpenHead(head, "railgate.GZQ.A07.e2", verifier); return err },
		"another key":      func() error { _, _, err := OpenHead(head, origin, other); return err },
		"a missing signer": func() error { _, _, err := OpenHead(head, origin, verifier, other); return err },
		"another size": func() error {
			_, _, err := OpenHead(bytes.Replace(head, []byte("\n5\n"), []byte("\n6\n"), 1), origin, verifier)
			return err
		},
		"an extension": func() error {
			n := &note.Note{Text: strings.TrimSuffix(string(head[:bytes.Index(head, []byte("\n\n"))]), "\n") + "\nmore\n"}
			signed, err := note.Sign(n, signer)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = OpenHead(signed, origin, verifier)
			return err
		},
		"no checkpoint, of a log without a name": func() error {
			signed, err := note.Sign(&note.Note{Text: "no checkpoint\n"}, signer)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = OpenHead(signed, "", verifier)
			return err
		},
	} {
		if try() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNamesAreParts(t *testing.T) {
	for _, bad := range []string{"", "a.b", "a/b", "*", ">", "a b", "é", strings.Repeat("x", 33)} {
		if _, err := Origin("GZQ", bad, "e"); err == nil {
			t.Errorf("gate %q is taken", bad)
		}
	}
	if !GoodName(strings.Repeat("x", 32)) || !GoodName("A-1_z") {
		t.Error("a good name is refused")
	}
}

func FuzzEdge(f *testing.F) {
	var e Edge
	e.Append(tlog.RecordHash(nil))
	data, _ := e.MarshalBinary()
	f.Add(data)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{255, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var e Edge
		if e.UnmarshalBinary(data) != nil {
			return
		}
		again, err := e.MarshalBinary()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%x is read and written as %x", data, again)
		}
		e.Tree()
	})
}

func FuzzHead(f *testing.F) {
	f.Add([]byte("railgate.GZQ.A07.e1\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— x AAAAAA==\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if origin, tree, err := UnverifiedHead(data); err == nil && (origin == "" || tree.N < 0) {
			t.Errorf("a head of %q, %d leaves", origin, tree.N)
		}
		if _, _, err := OpenHead(data, "railgate.GZQ.A07.e1"); err == nil {
			t.Error("a head that nobody signed is taken")
		}
	})
}
