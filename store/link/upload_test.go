package link

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/store"
	"railgate/store/bus"
	"railgate/store/journal"
	"railgate/store/link/linktest"
)

// receiptsAtOnce has a gate ask for receipts as soon as there is something new.
func receiptsAtOnce(l *Link) {
	l.receiptEvery = 10 * time.Millisecond
	l.receiptSoon = 10 * time.Millisecond
}

func TestTheJournalReachesTheStation(t *testing.T) {
	t.Parallel()
	s := linktest.New(t, publicOf("A07"))
	s.Start()
	g := newGate(t, "A07", t.TempDir())
	receiptsAtOnce(g.Link)
	g.write(1000) // what days offline have left
	g.Start(s.File())
	until(t, "every record with the station", func() bool { return g.delivered(s) })
	g.write(3)
	until(t, "the new ones too", func() bool { return g.delivered(s) })
	if _, twice := s.Have("A07", g.log().Epoch); twice > 0 {
		t.Errorf("%d records came twice", twice)
	}
	if st := g.Status(); !st.Connected || st.Unsent != 0 || st.Receipt == 0 || st.ReceiptAt.IsZero() || len(st.Errors) > 0 {
		t.Errorf("status %+v; want a gate with nothing unsent", st)
	}
}

// What the station has given no receipt for is sent again when its server loses it, and nothing else.
func TestALostStreamLosesNothing(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*linktest.Station){
		"purged":                             func(s *linktest.Station) { s.Purge(bus.JournalStream(linktest.Name)) },
		"purged, and nothing new is written": func(s *linktest.Station) { s.Purge(bus.JournalStream(linktest.Name)) },
		"replaced":                           func(s *linktest.Station) { s.Replace(bus.JournalStream(linktest.Name)) },
		"restarted": func(s *linktest.Station) {
			s.Stop()
			s.Start()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := linktest.New(t, publicOf("A07"))
			s.Start()
			g := newGate(t, "A07", t.TempDir())
			receiptsAtOnce(g.Link)
			g.write(50)
			g.Start(s.File())
			g.untilInTouch() // which is journaled
			until(t, "a receipt", func() bool { return g.delivered(s) })
			s.Mute(true)
			g.write(50)
			until(t, "unreceipted records sent", func() bool { return g.Status().Unsent == 0 })
			lose(s)
			s.Mute(false)
			if !strings.Contains(name, "nothing new") {
				g.write(5)
			}
			until(t, "every record with the station", func() bool { return g.delivered(s) })
			if _, twice := s.Have("A07", g.log().Epoch); twice > 0 {
				t.Errorf("%d records came twice", twice)
			}
			if lost := name != "restarted"; (g.kinds(journal.SentAgain) > 0) != lost {
				t.Errorf("records sent again: journaled %d times; want that only where the server lost some", g.kinds(journal.SentAgain))
			}
		})
	}
}

// racingStore has records published behind the link's back, as those whose acknowledgement was lost.
type racingStore struct {
	*store.Store
	publish func([]store.Leaf)
}

func (r racingStore) Leaves(after uint64, n int) ([]store.Leaf, error) {
	leaves, err := r.Store.Leaves(after, n)
	if len(leaves) > 0 {
		r.publish(leaves)
	}
	return leaves, err
}

// Records that have landed and whose acknowledgement was lost are not sent again: error 10071
// is no reason to go back. A message that is refused for it is made again of what follows.
func TestALostAcknowledgementDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, together := range []int{1, 3} {
		s := linktest.New(t, publicOf("A07"))
		s.Start()
		times, landed := 0, uint64(0)
		var g *testGate
		g = newGate(t, "A07", t.TempDir(), func(o *Options) {
			o.Store = racingStore{o.Store.(*store.Store), func(leaves []store.Leaf) {
				if times == 10 || leaves[0].Seq <= landed || len(leaves) < together {
					return
				}
				times++
				var list []bus.Leaf
				for _, leaf := range leaves[:together] {
					list, landed = append(list, bus.Leaf{Hash: leaf.Hash, Body: leaf.Body}), leaf.Seq
				}
				log := g.log()
				s.PublishRecords(bus.Place{Gate: "A07", Epoch: log.Epoch, Seq: leaves[0].Seq, First: log.First}, list...)
			}}
		})
		receiptsAtOnce(g.Link)
		g.write(80)
		g.Start(s.File())
		until(t, "every record with the station", func() bool { return g.delivered(s) })
		if _, twice := s.Have("A07", g.log().Epoch); twice > 0 {
			t.Errorf("%d records came twice", twice)
		}
		if times != 10 || g.kinds(journal.SentAgain) > 0 {
			t.Errorf("%d at a time: %d times records landed unseen, and %d were sent again; want 10 and 0", together, times, g.kinds(journal.SentAgain))
		}
	}
}

// A card that was restored from a copy is behind what the station has, or, where it has written
// more since, no extension of it.
func TestARestoredCardGoesBlind(t *testing.T) {
	t.Parallel()
	t.Run("at once", func(t *testing.T) { restoredCard(t, 0, false) })
	t.Run("after it wrote more than the station has", func(t *testing.T) { restoredCard(t, 60, false) })
	t.Run("and the station asks for records again", func(t *testing.T) { restoredCard(t, 0, true) })
}

func restoredCard(t *testing.T, since int, doubted bool) {
	s := linktest.New(t, publicOf("A07"))
	s.Start()
	old, now := t.TempDir(), t.TempDir()
	g := newGate(t, "A07", now)
	receiptsAtOnce(g.Link)
	g.write(5)
	g.store.Close()
	copyFolder(t, now, old)

	g = newGate(t, "A07", now)
	receiptsAtOnce(g.Link)
	g.write(20)
	g.Start(s.File())
	until(t, "receipts", func() bool { return g.delivered(s) })
	epoch := g.log().Epoch
	g.end()

	g = newGate(t, "A07", old)
	receiptsAtOnce(g.Link)
	if g.log().Epoch != epoch {
		t.Fatal("the copy is of another epoch")
	}
	g.write(since)
	if doubted {
		s.Doubt()
	}
	g.Start(s.File())
	until(t, "another epoch", func() bool { return g.log().Epoch != epoch })
	until(t, "its records with the station", func() bool { return g.delivered(s) })
	if blind := g.store.Blind(); !blind.RolledBack || blind.Closed == 0 {
		t.Error("a store that was rolled back is not blind")
	}
}

func TestARefusalIsShown(t *testing.T) {
	t.Parallel()
	s := linktest.New(t, publicOf("A07"))
	s.Start()
	s.Refuse("the gate is not enrolled")
	g := newGate(t, "A07", t.TempDir())
	receiptsAtOnce(g.Link)
	g.write(5)
	g.Start(s.File())
	until(t, "a refusal in the status", func() bool { return g.Status().Refused == "the gate is not enrolled" })
	if g.kinds(journal.Refused) != 1 {
		t.Errorf("journaled %d times; want once", g.kinds(journal.Refused))
	}
	s.Refuse("")
	until(t, "receipts", func() bool { return g.delivered(s) && g.Status().Refused == "" })
}

// A station whose disk is full refuses no journal: nothing is to be mended at the gate, which
// says what it waits for and asks again.
func TestAStationThatCannotKeepRecordsRefusesNothing(t *testing.T) {
	t.Parallel()
	s := linktest.New(t, publicOf("A07"))
	s.Start()
	s.PutOff("the disk is full")
	g := newGate(t, "A07", t.TempDir())
	receiptsAtOnce(g.Link)
	g.write(5)
	g.Start(s.File())
	until(t, "the reason in the status", func() bool { return strings.Contains(g.Status().Errors[partReceipt], "the disk is full") })
	if refused := g.Status().Refused; refused != "" || g.kinds(journal.Refused) > 0 {
		t.Errorf("refused %q, journaled %d times; want neither", refused, g.kinds(journal.Refused))
	}
	s.PutOff("")
	until(t, "receipts", func() bool { return g.delivered(s) && g.Status().Errors[partReceipt] == "" })
}

// A server that does not have the station's key gets nothing; the gate says which key it has.
func TestAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	s, other := linktest.New(t, publicOf("A07")), linktest.New(t, publicOf("A07"))
	s.Start()
	other.Start()
	g := newGate(t, "A07", t.TempDir())
	receiptsAtOnce(g.Link)
	f := s.File(other.Address())
	g.Start(f)
	until(t, "the reason in the status", func() bool { return strings.Contains(g.Status().Errors["bus"], ErrPin.Error()) })
	if st := g.Status(); st.Connected {
		t.Errorf("status %+v; want no connection", st)
	}
	g.write(1)
	g.Use(s.File(), nil)
	until(t, "records with the station, once its address is right", func() bool { return g.delivered(s) })
}

// A gate that is not enrolled asks on, and is let in when it is.
func TestAGateThatIsEnrolledLaterIsLetIn(t *testing.T) {
	t.Parallel()
	s := linktest.New(t)
	s.Start()
	g := newGate(t, "A07", t.TempDir())
	receiptsAtOnce(g.Link)
	g.write(1)
	door := linktest.NewProxy(t, s.Address())
	g.Start(s.File(door.Address()))
	until(t, "several attempts", func() bool { return door.Came() >= 4 })
	until(t, "the reason in the status", func() bool { return strings.Contains(g.Status().Errors["bus"], ErrNotEnrolled.Error()) })
	s.Stop()
	s.Enroll(publicOf("A07"))
	s.Start()
	until(t, "records with the station", func() bool { return g.delivered(s) })
}

// Nothing that is missing at the station ends a link: it goes on when the stream is there.
func TestAMissingStreamStopsNothingElse(t *testing.T) {
	t.Parallel()
	s := linktest.New(t, publicOf("A07"))
	s.Start()
	s.Delete(bus.JournalStream(linktest.Name))
	g := newGate(t, "A07", filepath.Join(t.TempDir()))
	receiptsAtOnce(g.Link)
	g.write(5)
	g.Start(s.File())
	g.untilInTouch()
	until(t, "the reason in the status", func() bool { return g.Status().Errors["journal"] != "" })
	s.Streams()
	until(t, "records with the station", func() bool { return g.delivered(s) && g.Status().Errors["journal"] == "" })
}

// fullStore is a gate's store in a folder, with room for few records.
func fullStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	st, err := store.Open(store.Options{Dir: dir, Days: 90, MaxBytes: 20_000, Station: func() bool { return true },
		Now: func() (time.Time, bool) { return time.Now(), true }}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// A station that was away for so long that bodies made room gets their hashes, and the rest of
// the same log.
func TestOfBodiesThatMadeRoomTheHashesGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	st := fullStore(t, dir)
	for range 200 {
		if _, err := st.Commit(journal.Record{Time: time.Now(), Kind: journal.Forced, Detail: "somebody crossed, and nobody was granted"}); err != nil {
			t.Fatal(err)
		}
	}
	st.Keep()
	before, err := st.Log()
	if err != nil || st.Stats().Unsent == 0 {
		t.Fatalf("%+v, %v; want records whose bodies made room", st.Stats(), err)
	}
	st.Close()

	s := linktest.New(t, publicOf("A07"))
	s.Start()
	g := newGate(t, "A07", dir)
	receiptsAtOnce(g.Link)
	g.write(3)
	g.Start(s.File())
	until(t, "every record with the station", func() bool { return g.delivered(s) })
	if g.log().Epoch != before.Epoch || g.store.Blind().Blind {
		t.Errorf("epoch %s, %+v; want %s, and seeing", g.log().Epoch, g.store.Blind(), before.Epoch)
	}
}

// A station that lost what the gate has removed since gets the rest under another epoch.
func TestWhatTheGateCannotGiveEndsTheEpoch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := linktest.New(t, publicOf("A07"))
	s.Start()
	g := newGate(t, "A07", dir)
	receiptsAtOnce(g.Link)
	g.write(1000)
	g.Start(s.File())
	until(t, "a receipt of all", func() bool { return g.delivered(s) })
	before := g.log()
	g.end()
	st := fullStore(t, dir)
	st.Keep()
	if first, err := st.Records(0, 1); err != nil || first[0].Seq == before.First {
		t.Fatalf("%+v, %v; want records that are removed", first, err)
	}
	st.Close()
	s.Forget()
	s.Purge(bus.JournalStream(linktest.Name))

	g = newGate(t, "A07", dir)
	receiptsAtOnce(g.Link)
	g.write(3)
	g.Start(s.File())
	until(t, "another epoch", func() bool { return g.log().Epoch != before.Epoch })
	g.write(3)
	until(t, "every record of it with the station", func() bool { return g.delivered(s) })
	if b := g.store.Blind(); b.Blind {
		t.Errorf("%+v; want seeing: nothing was rolled back", b)
	}
	epoch := g.log().Epoch
	if err := g.store.GiveUp(epoch, g.log().First); err == nil || g.log().Epoch != epoch {
		t.Errorf("a record that is here is given up: %v", err)
	}
	if err := g.store.GiveUp(before.Epoch, 0); err != nil || g.log().Epoch != epoch {
		t.Errorf("an epoch that has ended: %v", err)
	}
}

// After a cut all gates have their receipts in one moment; a minute later each asks at a time of
// its own.
func TestGatesAskForReceiptsAtTimesOfTheirOwn(t *testing.T) {
	t.Parallel()
	g, s := deliver(t, 3)
	_, receipt := g.store.Receipt()
	origin, _, err := g.head(g.log())
	if err != nil {
		t.Fatal(err)
	}
	moments := map[time.Duration]bool{}
	for range 20 {
		u := &uploader{Link: &Link{opt: g.opt, receiptEvery: time.Minute}, c: &session{station: s.File()}}
		began := time.Now()
		if err := u.received(origin, receipt); err != nil {
			t.Fatal(err)
		}
		wait := u.askAt.Sub(began)
		if wait < 45*time.Second || wait > 76*time.Second {
			t.Errorf("the next receipt after %v; want a minute, more or less", wait)
		}
		moments[wait.Truncate(time.Second)] = true
	}
	if len(moments) < 4 {
		t.Errorf("20 gates ask in %d moments; want them spread", len(moments))
	}
}

// deliver is a gate whose n records are with its station.
func deliver(t *testing.T, n int) (*testGate, *linktest.Station) {
	t.Helper()
	s := linktest.New(t, publicOf("A07"))
	s.Start()
	g := newGate(t, "A07", t.TempDir())
	receiptsAtOnce(g.Link)
	g.write(n)
	g.Start(s.File())
	until(t, "every record with the station", func() bool { return g.delivered(s) })
	return g, s
}
