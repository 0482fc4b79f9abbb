package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

func TestACodeIsSpentOnceAndStaysSo(t *testing.T) {
	g := newGate(t)
	g.grant(1)
	for range 2 {
		if _, err := g.Grant(use(1), noon.Add(time.Hour), granted(1)); !errors.Is(err, journal.ErrSpent) {
			t.Errorf("a second grant: %v; want %v", err, journal.ErrSpent)
		}
		g.reopenAfter(nil)
	}
	if got := g.kinds(); len(got) != 2 || got[1] != journal.Decision {
		t.Errorf("journal = %v; want started and one decision", got)
	}
}

// A code is spent per role: the real-name check and the entry are two uses.
func TestACodeIsSpentPerRole(t *testing.T) {
	g := newGate(t)
	u := use(1)
	for _, role := range []journal.Role{journal.Entry, journal.Exit, journal.Check} {
		u.Role = role
		if _, err := g.Grant(u, noon.Add(time.Hour), granted(1)); err != nil {
			t.Errorf("role %d: %v; want a grant", role, err)
		}
	}
	u.Slot, u.Begins = u.Slot+1, u.Begins+60
	if _, err := g.Grant(u, noon.Add(time.Hour), granted(1)); err != nil {
		t.Errorf("the next slot: %v; want a grant", err)
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	g := newGate(t)
	slot := uint8(7)
	want := journal.Record{
		Time: noon.Add(123456789), Kind: journal.Decision, Decision: "denied", Reason: "passback", Certificate: "certificate", Holder: "\x00holder\xff",
		KeyID: "kid", Slot: &slot, Direction: "exit", Scanner: "front", Detail: "d", Flag: "passback", Count: 3, Unsure: true, Grant: 9, Issued: 1,
	}
	g.Append(want)
	g.reopenAfter(nil)
	records, err := g.Records(1, 10)
	if err != nil || len(records) != 1 {
		t.Fatalf("records = %v, %v; want one", records, err)
	}
	got := records[0]
	if got.Seq != 2 || !got.Time.Equal(want.Time) || *got.Slot != slot {
		t.Errorf("record = %+v; want %+v", got, want)
	}
	got.Seq, got.Time, got.Slot = 0, want.Time, want.Slot
	if got != want {
		t.Errorf("record = %+v; want %+v", got, want)
	}
}

func TestRunWritesAtOnce(t *testing.T) {
	g := newGate(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.Run(ctx, func(error) {}) }()
	g.Append(journal.Record{Time: noon, Kind: journal.Forced})
	for g.Seq() < 2 {
		<-time.After(time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v; want nil", err)
	}
}

// A commit that errors is an unknown state. Whether it landed or was lost, the
// code counts as spent, the journal says what is on the disk and nothing twice.
func TestCommitThatFails(t *testing.T) {
	broken := errors.New("input/output error")
	for _, tt := range []struct {
		name   string
		apply  bool
		grants int // of the record in the journal afterwards
	}{
		{"failed and lost", false, 0},
		{"failed but landed", true, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGate(t)
			g.grant(1)
			g.Append(journal.Record{Time: noon, Kind: journal.Forced}) // goes with the next commit
			seq, spent := g.Stats().Seq, g.Stats().Spent
			g.commit = func(tx *bbolt.Tx) error {
				if tt.apply {
					if err := tx.Commit(); err != nil {
						t.Fatal(err)
					}
				}
				return broken
			}
			if _, err := g.Grant(use(2), noon.Add(time.Hour), granted(2)); !errors.Is(err, broken) || !errors.Is(err, ErrUnavailable) {
				t.Errorf("Grant = %v; want %v, unavailable", err, broken)
			}
			if st := g.Stats(); st.Seq != seq || st.Spent != spent {
				t.Errorf("%+v; want record %d as the newest that is known to be on the disk, and %d spent codes", st, seq, spent)
			}
			if _, err := g.Grant(use(3), noon.Add(time.Hour), granted(3)); !errors.Is(err, ErrUnavailable) {
				t.Errorf("the next Grant = %v; want %v", err, ErrUnavailable)
			}
			g.Append(journal.Record{Time: noon, Kind: journal.Tailgating}) // while unavailable
			g.commit = (*bbolt.Tx).Commit
			if !g.reopen() || g.Err() != nil {
				t.Fatalf("reopen: %v", g.Err())
			}
			if _, err := g.Grant(use(2), noon.Add(time.Hour), granted(2)); !errors.Is(err, journal.ErrSpent) {
				t.Errorf("the same code again: %v; want %v", err, journal.ErrSpent)
			}
			g.grant(4)
			count := map[journal.Kind]int{}
			for _, k := range g.kinds() {
				count[k]++
			}
			if count[journal.Forced] != 1 || count[journal.Tailgating] != 1 || count[journal.Decision] != 2+tt.grants {
				t.Errorf("journal = %v; want one forced, one tailgating, %d decisions", count, 2+tt.grants)
			}
		})
	}
}

func TestRunOpensAnUnavailableStoreAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t)
		g.commit = func(*bbolt.Tx) error { return errors.New("no space left on device") }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		states := make(chan error, 1000)
		go func() { done <- g.Run(ctx, func(err error) { states <- err }) }()
		if err := <-states; err != nil {
			t.Errorf("at first: %v; want nil", err)
		}
		g.Append(journal.Record{Time: noon, Kind: journal.Forced})
		if err := <-states; !errors.Is(err, ErrUnavailable) {
			t.Errorf("after a commit that failed: %v; want %v", err, ErrUnavailable)
		}
		time.Sleep(time.Hour) // nothing gets better by itself
		for len(states) > 0 {
			if err := <-states; err == nil {
				t.Error("the store works while it cannot be written")
			}
		}
		if n := strings.Count(g.log.String(), "cannot be opened"); n != 1 {
			t.Errorf("%d lines about one disk:\n%s", n, g.log.String())
		}
		g.mu.Lock()
		g.commit = (*bbolt.Tx).Commit
		g.mu.Unlock()
		time.Sleep(2 * reopenMax)
		cancel()
		<-done
		if g.Err() != nil || g.Seq() != 2 {
			t.Errorf("afterwards: %v, seq %d; want the record on the disk", g.Err(), g.Seq())
		}
	})
}

func TestQueueIsBoundedAndSaysWhatWasLost(t *testing.T) {
	g := newGate(t)
	g.commit = func(*bbolt.Tx) error { return errors.New("no space left on device") }
	g.flushNow(t)
	for range maxQueue + 10 {
		g.Append(journal.Record{Time: noon, Kind: journal.Forced})
	}
	g.commit = (*bbolt.Tx).Commit
	g.reopen()
	kinds := g.kinds()
	if got := kinds[1]; got != journal.Lost || len(kinds) != maxQueue+3 {
		t.Errorf("%d records, the second %s; want %d, the second lost", len(kinds), got, maxQueue+3)
	}
	records, _ := g.Records(1, 1)
	if records[0].Count != 10 {
		t.Errorf("lost %d; want 10", records[0].Count)
	}
}

// A photographed link gives the earlier links: what begins no later than a code that
// was granted is spent, whichever credential of the certificate it is of.
func TestEarlierCodesOfACertificateAreSpent(t *testing.T) {
	code := func(issued, slot, begins int64) journal.Use {
		return journal.Use{Role: journal.Entry, Certificate: "cti", IssuedAt: issued, Slot: uint8(slot), Begins: begins}
	}
	exit := code(100, 0, 100)
	exit.Role = journal.Exit
	other := code(100, 0, 100)
	other.Certificate = "another"
	anywhere := code(100, 0, 100)
	anywhere.Role = journal.AnyRole
	g := newGate(t)
	if _, err := g.Grant(code(100, 1, 160), noon.Add(time.Hour), granted(1)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, tt := range []struct {
			name  string
			use   journal.Use
			spent bool
		}{
			{"itself", code(100, 1, 160), true},
			{"the slot before", code(100, 0, 100), true},
			{"another credential's, a second earlier", code(159, 0, 159), true},
			{"another credential's, at the same instant", code(160, 0, 160), true},
			{"another credential's, a second later", code(161, 0, 161), false},
			{"the next slot", code(100, 2, 220), false},
			{"the other role", exit, false},
			{"another certificate", other, false},
			{"all roles together", anywhere, false},
		} {
			if got := g.Spent(tt.use); got != tt.spent {
				t.Errorf("%s: spent %v; want %v", tt.name, got, tt.spent)
			}
		}
		if _, err := g.Grant(code(100, 0, 100), noon.Add(time.Hour), granted(1)); !errors.Is(err, journal.ErrSpent) {
			t.Errorf("granting the slot before: %v; want %v", err, journal.ErrSpent)
		}
		g.reopenAfter(nil)
	}
}

// A new keyset may say another period. Then the codes that are spent begin at other times,
// and stay spent.
func TestSpentCodesStaySoUnderAnotherPeriod(t *testing.T) {
	code := func(slot, period int64) journal.Use {
		return journal.Use{Role: journal.Entry, Certificate: "cti", IssuedAt: 1000, Slot: uint8(slot), Begins: 1000 + slot*period}
	}
	g := newGate(t)
	if _, err := g.Grant(code(2, 60), noon.Add(time.Hour), granted(1)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, period := range []int64{30, 60, 120, 1800} {
			for slot := range int64(4) {
				if want := slot <= 2 || period == 30; g.Spent(code(slot, period)) != want {
					t.Errorf("slot %d of %d s: spent %v; want %v", slot, period, !want, want)
				}
			}
		}
		g.reopenAfter(nil)
	}
	later := code(0, 60)
	later.IssuedAt, later.Begins = 1121, 1121
	if g.Spent(later) {
		t.Error("the first slot of a later credential is spent")
	}
}

// A use that was not granted is spent with the record of its denial.
func TestAUseThatIsSpentWithoutAGrant(t *testing.T) {
	g := newGate(t)
	g.grant(1)
	refused, twice := use(2), use(1)
	g.AppendUsed(granted(2), &refused, noon.Add(time.Hour))
	g.AppendUsed(granted(1), &twice, noon.Add(2*time.Hour))
	g.AppendUsed(granted(3), nil, time.Time{})
	if n := g.Stats().Spent; n != 1 || !g.Spent(refused) {
		t.Errorf("%d on the disk, spent %v; want one, and spent at once", n, g.Spent(refused))
	}
	g.reopenAfter(nil)
	g.now = noon.Add(59 * time.Minute)
	g.Keep() // nothing's time is over
	if n := g.Stats().Spent; n != 2 || !g.Spent(refused) || g.Spent(use(3)) {
		t.Errorf("after a restart: %d on the disk, spent %v; want two, once each", n, g.Spent(refused))
	}
	if got := g.kinds(); !slices.Equal(got, []journal.Kind{journal.Epoch, journal.Decision, journal.Decision, journal.Decision, journal.Decision}) {
		t.Errorf("journal = %v; want each decision", got)
	}
}

// A Durable's number is its own record's, whatever was queued.
func TestCommitProvesItsOwnRecord(t *testing.T) {
	g := newGate(t)
	g.Append(journal.Record{Time: noon, Kind: journal.Forced})
	g.mu.Lock()
	g.lost = 3
	g.mu.Unlock()
	d, err := g.Commit(journal.Record{Time: noon, Kind: journal.ServiceBegin})
	if err != nil || d.Seq() != g.Seq() {
		t.Fatalf("Commit = %d, %v; want %d", d.Seq(), err, g.Seq())
	}
	records, err := g.Records(d.Seq()-1, 2)
	if err != nil || len(records) != 1 || records[0].Kind != journal.ServiceBegin {
		t.Errorf("record %d = %+v, %v; want service_begin, the newest", d.Seq(), records, err)
	}
	if got := g.kinds(); len(got) != 4 || got[1] != journal.Lost {
		t.Errorf("journal = %v; want the lost ones told before what came after them", got)
	}
}

// An act whose record could not be written was not done: its record is not written
// later. Other records are.
func TestAnActThatFailedIsNotTold(t *testing.T) {
	g := newGate(t)
	g.commit = func(*bbolt.Tx) error { return errors.New("input/output error") }
	g.Append(journal.Record{Time: noon, Kind: journal.Forced})
	if d, err := g.Commit(journal.Record{Time: noon, Kind: journal.ServiceBegin}); err == nil || d.Seq() != 0 {
		t.Errorf("Commit = %d, %v; want an error and no number", d.Seq(), err)
	}
	if d, err := g.Commit(journal.Record{Time: noon, Kind: journal.ServiceBegin}); !errors.Is(err, ErrUnavailable) || d.Seq() != 0 {
		t.Errorf("Commit without a store = %d, %v; want %v", d.Seq(), err, ErrUnavailable)
	}
	g.commit = (*bbolt.Tx).Commit
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	if got := g.kinds(); len(got) != 2 || got[1] != journal.Forced {
		t.Errorf("journal = %v; want started and forced", got)
	}
}

func TestOneProcessHasTheFolder(t *testing.T) {
	t.Parallel() // it waits
	g := newGate(t)
	_, err := Open(g.opt, slog.New(slog.DiscardHandler))
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) || !strings.Contains(err.Error(), g.opt.Dir) {
		t.Errorf("Open = %v; want %v, with the folder and the process", err, ErrLocked)
	}
	if _, err := OpenReader(g.opt.Dir); !errors.Is(err, ErrLocked) {
		t.Errorf("OpenReader = %v; want %v", err, ErrLocked)
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	s, err := Open(Options{Dir: dir, Now: func() (time.Time, bool) { return noon, true }}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if s.Err() == nil || !strings.Contains(s.Err().Error(), dir) {
		t.Errorf("Err = %v; want one that names %s", s.Err(), dir)
	}
	if _, err := s.Grant(use(1), noon, granted(1)); err == nil {
		t.Error("a grant without a store")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if !s.reopen() {
		t.Errorf("after the folder can be made: %v", s.Err())
	}
	s.Close()
}

func TestReaderReadsWhatAKilledDaemonLeft(t *testing.T) {
	g := newGate(t)
	for n := range 100 {
		g.grant(n)
	}
	g.mu.Lock() // a killed process closes nothing; its locks go
	g.db.Close()
	g.db = nil
	g.lock.Close()
	g.mu.Unlock()
	r, err := OpenReader(g.opt.Dir)
	if err != nil {
		t.Fatal(err)
	}
	first, err := r.Records(0, 50)
	if err != nil || len(first) != 50 {
		t.Fatalf("%d records, %v; want 50", len(first), err)
	}
	rest, err := r.Records(first[49].Seq, 1000)
	if err != nil || len(rest) != 51 || rest[50].Certificate != use(99).Certificate {
		t.Errorf("%d more, %v; want 51, the last of grant 99", len(rest), err)
	}
}
