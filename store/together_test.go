package store

import (
	"errors"
	"sync"
	"testing"
	"time"

	"railgate/store/journal"
)

// Grants, receipts, roots, leaves and pruning at the same time: the log is that of the
// records at every look, and in the end.
func TestTheLogAtTheSameTime(t *testing.T) {
	g, st := withStation(t)
	g.limit.journal = 60_000
	epochs := map[string]bool{g.logNow().Epoch: true}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	often := func(f func()) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		})
	}
	often(g.Keep)
	often(func() { // the station, a little behind
		l, err := g.Log()
		if err != nil {
			t.Error(err)
			return
		}
		tree, err := g.RootAt(max(1, l.Tree.N-5))
		if err == nil {
			err = g.PutReceipt(st.receipt(t, l.Epoch, tree))
		}
		if err != nil && !errors.Is(err, ErrRemoved) && !errors.Is(err, errOtherEpoch) {
			t.Error(err)
		}
	})
	often(func() {
		seq, _ := g.Receipt()
		leaves, err := g.Leaves(seq, 50)
		for i := range leaves {
			if err != nil || i > 0 && leaves[i].Seq != leaves[i-1].Seq+1 {
				t.Errorf("leaf %d behind %d, %v", leaves[i].Seq, leaves[max(0, i-1)].Seq, err)
			}
		}
	})
	for n := range 500 {
		if _, err := g.Grant(use(n), noon.Add(time.Hour), granted(n)); err != nil {
			t.Fatal(err)
		}
		g.Append(journal.Record{Time: noon, Kind: journal.Forced, Grant: uint64(n)})
	}
	close(stop)
	wg.Wait()
	l := g.logNow()
	g.receive(st, l.Tree.N)
	g.Keep()
	g.writeNow()
	last := g.wantLog("in the end")
	g.reopenAfter(nil)
	if again := g.wantLog("after a start"); again != last || !epochs[last.Epoch] || g.oldest() == 1 {
		t.Errorf("the log is %+v, then %+v, from record %d on; want one epoch, pruned", last, again, g.oldest())
	}
	g.Close()
	if r, err := Verify(g.path(), Proofs{}); err != nil || !r.OK {
		t.Errorf("%+v, %v, %v", r, r.Bad, err)
	}
}
