package link

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"railgate/store/bus"
	"railgate/store/journal"
)

// What others said comes from the stream again, so a file that is damaged is no reason to stop, or
// to believe anything of it.
func TestAFileOfOthersThatIsDamagedIsBegunAgain(t *testing.T) {
	t.Parallel()
	day := time.Now().Add(20 * time.Hour).Unix()
	for name, damage := range map[string]func(data []byte) []byte{
		"nothing":  func(data []byte) []byte { return data },
		"empty":    func([]byte) []byte { return nil },
		"cut off":  func(data []byte) []byte { return data[:5000] },
		"garbage":  func(data []byte) []byte { return bytes.Repeat([]byte{0xa5}, len(data)) },
		"no metas": func(data []byte) []byte { clear(data[:8192]); return data },
		"no pages": func(data []byte) []byte { clear(data[8192:]); return data },
	} {
		t.Run(name, func(t *testing.T) {
			opt := Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Clock: new(testClock)}
			o := newOthers(opt)
			o.hear(bus.Spent{Kind: bus.Granted, Gate: "A", Epoch: "e", Seq: 1, Role: journal.Entry, Certificate: "slip", Static: true, Until: day}, time.Now())
			o.reached(position{Seq: 5, Created: time.Unix(1, 0)})
			o.flush()
			o.close()
			path := filepath.Join(opt.Dir, KeptFile)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			again := newOthers(opt)
			defer again.close()
			known := again.walks("slip").Used(journal.Entry)
			if at := again.position(); known != (at.Seq == 5) {
				t.Errorf("the slip is known: %v, and the place in the stream is %d: want both or neither", known, at.Seq)
			}
			if name == "nothing" && !known {
				t.Error("what was written is not read")
			}
			again.hear(bus.Spent{Kind: bus.Granted, Gate: "A", Epoch: "e", Seq: 2, Role: journal.Entry, Certificate: "another", Static: true, Until: day}, time.Now())
			again.flush()
			if !again.walks("another").Used(journal.Entry) {
				t.Error("what is heard since is not remembered")
			}
		})
	}
}

// Nothing is forgotten by a clock that is wrong, and everything in the end.
func TestWhatIsOverIsForgottenByProvenTime(t *testing.T) {
	t.Parallel()
	clock := &proven{at: time.Now()}
	for _, dir := range []string{"", t.TempDir()} {
		o := newOthers(Options{Dir: dir, Log: slog.New(slog.DiscardHandler), Clock: clock, PassbackFor: time.Hour})
		now := time.Now()
		clock.at = now
		o.hear(bus.Spent{Kind: bus.Granted, Role: journal.Entry, Certificate: "rotating", Begins: now.Unix(), Until: now.Unix() + 70}, now)
		o.hear(bus.Spent{Kind: bus.Granted, Gate: "A", Epoch: "e", Seq: 1, Role: journal.Entry, Certificate: "slip", Static: true, Until: now.Unix() + 7200}, now)
		o.hear(bus.Spent{Kind: bus.Passed, Gate: "A", Holder: "h", Role: journal.Entry, Certificate: "c", Time: now.Unix()}, now)
		known := func() [3]bool {
			_, passed := o.lastPassage("h")
			return [3]bool{o.spent(someUse("rotating", now.Unix())), o.walks("slip").Used(journal.Entry), passed}
		}
		for _, step := range []struct {
			after time.Duration
			want  [3]bool
		}{
			{0, [3]bool{true, true, true}}, {69 * time.Second, [3]bool{true, true, true}}, {71 * time.Second, [3]bool{false, true, true}},
			{59 * time.Minute, [3]bool{false, true, true}}, {61 * time.Minute, [3]bool{false, true, false}}, {121 * time.Minute, [3]bool{}},
		} {
			clock.at = now.Add(step.after)
			o.flush()
			o.forget(true)
			if got := known(); got != step.want {
				t.Errorf("file %q, after %v: code, slip, passage known: %v; want %v", dir, step.after, got, step.want)
			}
		}
		o.close()
	}
}

// proven is a clock whose wall is a year ahead: nothing goes by that.
type proven struct {
	testClock
	at time.Time
}

func (p *proven) Proven() time.Time { return p.at }

// What others say finds room up to a bound, and no more.
func TestOthersHaveBoundedRoom(t *testing.T) {
	t.Parallel()
	o := newOthers(Options{Log: slog.New(slog.DiscardHandler)})
	now := time.Now()
	for n := range mostRemembered + 10 {
		id := journal.ID(fmt8(n))
		o.hear(bus.Spent{Kind: bus.Granted, Role: journal.Entry, Certificate: id, Begins: now.Unix(), Until: 1 << 60}, now)
		o.hear(bus.Spent{Kind: bus.Passed, Gate: "A", Epoch: "e", Seq: 1, Role: journal.Entry, Certificate: id, Holder: id, Static: true, Time: now.Unix(), Until: 1 << 60}, now)
	}
	if len(o.latest) > mostRemembered || len(o.slots) > mostRemembered || len(o.fresh.passages) > mostRemembered || len(o.fresh.slips) > mostRemembered || !o.full {
		t.Errorf("%d codes, %d passages, %d slips, full %v; want %d at most of each, and that it is said", len(o.latest), len(o.fresh.passages), len(o.fresh.slips), o.full, mostRemembered)
	}
	if until := o.latest[rotatingOf(journal.Entry, journal.ID(fmt8(0)))].until; until > now.Add(longestCode).Unix() {
		t.Errorf("a code is remembered until %d; want an hour at most", until)
	}
}

// A gate remembers thousands of codes. Where they hold a pointer, the garbage collector of the
// gate follows each of them, again and again.
func TestRememberedCodesHoldNoPointers(t *testing.T) {
	t.Parallel()
	for _, of := range []reflect.Type{reflect.TypeFor[credential](), reflect.TypeFor[spentUntil]()} {
		if p := pointerIn(of); p != nil {
			t.Errorf("%v holds a %v", of, p)
		}
	}
	if pointerIn(reflect.TypeFor[bearer]()) == nil {
		t.Error("a string is not seen")
	}
}

// pointerIn is a type inside another one that is no plain number; nil: there is none.
func pointerIn(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Struct:
		for f := range t.Fields() {
			if p := pointerIn(f.Type); p != nil {
				return p
			}
		}
		return nil
	case reflect.Array:
		return pointerIn(t.Elem())
	case reflect.Uint8, reflect.Int64:
		return nil
	}
	return t
}

// Names are told apart whole: a short one is not the beginning of a longer one. One that is
// longer than a code's can be is denied where its beginning was spent.
func TestCodesAreKnownByWholeNames(t *testing.T) {
	t.Parallel()
	o := newOthers(Options{Log: slog.New(slog.DiscardHandler)})
	now := time.Now()
	at := now.Unix()
	o.hear(bus.Spent{Kind: bus.Granted, Role: journal.Entry, Certificate: "12345678", IssuedAt: at, Begins: at, Until: at + 60}, now)
	o.hear(bus.Spent{Kind: bus.Granted, Role: journal.Entry, Certificate: "1234567890123456", IssuedAt: at, Begins: at, Until: at + 60}, now)
	for certificate, want := range map[journal.ID]bool{
		"12345678": true, "12345678\x00": false, "1234567": false, "123456789012345": false, "1234567890123456": true, "1234567890123457": false,
	} {
		if got := o.spent(journal.Use{Role: journal.Entry, Certificate: certificate, IssuedAt: at, Begins: at}); got != want {
			t.Errorf("%q is known to be spent: %v; want %v", certificate, got, want)
		}
	}
}

func fmt8(n int) []byte { return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }

// The latest passage counts, wherever the earlier one is: in memory, in the file, or on its way.
func TestALatePassageIsNotTheLast(t *testing.T) {
	t.Parallel()
	opt := Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Clock: new(testClock)}
	o := newOthers(opt)
	noon := time.Now().Truncate(time.Second)
	hear := func(role journal.Role, at time.Time) {
		o.hear(bus.Spent{Kind: bus.Passed, Holder: "h", Role: role, Time: at.Unix()}, time.Now())
	}
	last := func(o *others, when string) {
		t.Helper()
		if p, ok := o.lastPassage("h"); !ok || p.Role != journal.Exit || !p.Time.Equal(noon) {
			t.Errorf("%s: %v, %v; want the exit at noon", when, p, ok)
		}
	}
	hear(journal.Exit, noon)
	hear(journal.Entry, noon.Add(-time.Minute))
	last(o, "in memory")
	o.flush()
	hear(journal.Entry, noon.Add(-time.Minute))
	last(o, "the later one is in the file")
	o.flush()
	last(o, "both were written")
	o.fresh.passages["h"] = passage{journal.Exit, noon.Unix()}
	o.fresh.under(unsaved{passages: map[journal.ID]passage{"h": {journal.Entry, noon.Add(-time.Minute).Unix()}}})
	last(o, "after a write that failed")
	o.close()
	again := newOthers(opt)
	defer again.close()
	last(again, "after a restart")
}

// Gates that have power again together do not write together: some share a machine, or its disk.
func TestGatesWriteAtTimesOfTheirOwn(t *testing.T) {
	t.Parallel()
	dirs := make([]string, 24)
	for i := range dirs {
		dirs[i] = t.TempDir()
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var all []*others
		var wait sync.WaitGroup
		for _, dir := range dirs {
			o := newOthers(Options{Dir: dir, Log: slog.New(slog.DiscardHandler), Clock: new(testClock), PassbackFor: time.Hour})
			o.hear(bus.Spent{Kind: bus.Passed, Gate: "A", Holder: "h", Role: journal.Entry, Certificate: "c", Time: time.Now().Unix()}, time.Now())
			all = append(all, o)
			wait.Go(func() { o.run(ctx) })
		}
		written := func() (n int) {
			for _, o := range all {
				o.mu.Lock()
				if o.fresh.len() == 0 {
					n++
				}
				o.mu.Unlock()
			}
			return n
		}
		moments := 0
		for before := 0; before < len(all); {
			time.Sleep(flushEvery / 20)
			synctest.Wait()
			if now := written(); now > before {
				moments, before = moments+1, now
			}
		}
		cancel()
		wait.Wait()
		if moments < 4 {
			t.Errorf("%d gates wrote in %d moments of %v; want them spread", len(all), moments, flushEvery/20)
		}
	})
}
