package store

import (
	"testing"
)

// The leaves of a file are those of its log, also of records whose bodies made room; one that is
// damaged is left out.
func TestTheLeavesOfAFile(t *testing.T) {
	g, st := withStation(t)
	g.forced(400)
	g.receive(st, 20)
	g.limit.journal = g.Stats().Bytes / 2
	g.Keep()
	g.writeNow()
	want, err := g.Leaves(0, 1000)
	if err != nil || len(want) < 100 || want[0].Body != nil {
		t.Fatalf("%d leaves, %v; want some without a body", len(want), err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	first, last := want[0].Seq, want[len(want)-1].Seq
	leaves, err := FileLeaves(g.path(), first, last)
	if err != nil || len(leaves) != len(want) {
		t.Fatalf("%d leaves, %v; want %d", len(leaves), err, len(want))
	}
	for _, leaf := range want {
		if leaves[leaf.Seq] != leaf.Hash {
			t.Errorf("leaf %d is another", leaf.Seq)
		}
	}
	if some, err := FileLeaves(g.path(), first+1, last-1); err != nil || len(some) != len(want)-2 {
		t.Errorf("all but the first and the last: %d, %v", len(some), err)
	}
	if _, err := FileLeaves(g.path()+".none", 1, 2); err == nil {
		t.Error("a file that is not there has leaves")
	}
}
