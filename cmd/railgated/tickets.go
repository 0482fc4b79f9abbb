package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	gosync "sync"
	"time"

	"golang.org/x/sys/unix"

	"railgate/store/journal"
	"railgate/store/manifest"
	"railgate/verify/lane"
)

// Tickets are the tables of the days around now: what the lane asks for whoever shows a
// code. A manifest becomes a table in the background, with what the lane leaves of the
// processor and of the disk.
type tickets struct {
	dir    string // each day's yyyymmdd.csv.zst, as it was signed, and yyyymmdd.tickets
	now    func() (time.Time, bool)
	proven func() time.Time // what goes by it is gone for good
	note   func(journal.Record)
	log    *slog.Logger
	want   chan struct{} // has room for one: look at the folder
	save   chan struct{} // has room for one: additions are to be saved

	seen map[int]time.Time // of each day's source, the time of the file that was looked at last; owned by Run

	mu      gosync.Mutex // guards the fields below
	zone    *time.Location
	tables  map[int]*manifest.Table // by day
	refused map[int]error           // why a day's manifest is not in use
	loading int                     // the day that is being loaded; 0: none
	added   map[int]*manifest.Added // by day: what was sold, or taken back, since its manifest
	warned  time.Time               // when an addition was refused last that the log tells of
}

// newTickets begins with the folder as it is, without what a kill has left half written.
func newTickets(dir string, now func() (time.Time, bool), proven func() time.Time, note func(journal.Record), log *slog.Logger) *tickets {
	left, _ := filepath.Glob(filepath.Join(dir, "manifest", ".*-*")) // the pattern is a good one
	for _, path := range left {
		os.Remove(path)
	}
	k := &tickets{
		dir: filepath.Join(dir, "manifest"), now: now, proven: proven, note: note, log: log, want: make(chan struct{}, 1), zone: lane.Shanghai,
		seen: map[int]time.Time{}, tables: map[int]*manifest.Table{}, refused: map[int]error{}, added: map[int]*manifest.Added{},
		save: make(chan struct{}, 1),
	}
	k.openAdded()
	return k
}

func (k *tickets) source(day int) string {
	return filepath.Join(k.dir, strconv.Itoa(day)+".csv.zst")
}
func (k *tickets) table(day int) string { return filepath.Join(k.dir, strconv.Itoa(day)+".tickets") }

// wake has Run look at the folder.
func (k *tickets) wake() {
	select {
	case k.want <- struct{}{}:
	default:
	}
}

// setZone says whose days they are.
func (k *tickets) setZone(z *time.Location) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.zone = z
}

// days are yesterday, today and tomorrow by the trusted time; none without one.
func (k *tickets) days() []int {
	now, ok := k.now()
	if !ok {
		return nil
	}
	k.mu.Lock()
	zone := k.zone
	k.mu.Unlock()
	var days []int
	for d := -1; d <= 1; d++ {
		days = append(days, dayOf(now.In(zone).AddDate(0, 0, d)))
	}
	return days
}

// over tells of a day whose tickets nobody needs any more: yesterday is later, by the trusted time
// and by the proven one. A clock that is days ahead until somebody sets it takes nothing away.
func (k *tickets) over(day int) bool {
	days := k.days()
	if len(days) == 0 || day >= days[0] {
		return false
	}
	k.mu.Lock()
	zone := k.zone
	k.mu.Unlock()
	return day < dayOf(k.proven().In(zone).AddDate(0, 0, -1))
}

// mostDays is for how many days there may be tickets in the folder: where little is proven of the
// time, for weeks, the oldest days go.
const mostDays = 10

func dayOf(t time.Time) int {
	y, m, d := t.Date()
	return y*10000 + int(m)*100 + d
}

// ticketsEvery is how often the folder is looked at, for days pass.
const ticketsEvery = time.Minute

// Run makes tables of the manifests in the folder, and takes old ones away. Its thread is
// the least important one of the process, and ends with it.
func (k *tickets) Run(ctx context.Context) error {
	runtime.LockOSThread()
	unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), 19) // without it loading is only less polite
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			k.closeAll()
			return nil
		case <-k.want:
		case <-timer.C:
		}
		k.look(ctx)
		timer.Reset(ticketsEvery)
	}
}

func (k *tickets) closeAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.tables {
		t.Close()
	}
	clear(k.tables)
}

var sourceName = regexp.MustCompile(`^(\d{8})\.(csv\.zst|tickets|added)$`)

// look makes the table of each day that has a new source, and removes what is over.
func (k *tickets) look(ctx context.Context) {
	files, err := os.ReadDir(k.dir)
	if err != nil {
		return // nothing has come yet
	}
	all := map[int]bool{}
	for _, f := range files {
		if m := sourceName.FindStringSubmatch(f.Name()); m != nil {
			day, _ := strconv.Atoi(m[1])
			all[day] = true
		}
	}
	newest := 0
	for _, day := range slices.Backward(slices.Sorted(maps.Keys(all))) { // the newest first: yesterday's last
		newest++
		switch {
		case k.over(day) || newest > mostDays && !slices.Contains(k.days(), day):
			k.remove(day)
		case ctx.Err() == nil:
			k.make(ctx, day)
		}
	}
}

func (k *tickets) remove(day int) {
	k.use(day, nil)
	k.removeAdded(day)
	os.Remove(k.table(day))
	os.Remove(k.source(day))
	delete(k.seen, day)
}

// make puts a day's table to use, and makes it first where it is not there, is damaged, or
// is another source's.
func (k *tickets) make(ctx context.Context, day int) {
	info, err := os.Stat(k.source(day))
	if err != nil || k.seen[day].Equal(info.ModTime()) {
		return
	}
	k.setLoading(day)
	defer k.setLoading(0)
	rest := newRest()
	t, err := k.open(day, rest.pause)
	if err != nil {
		t, err = k.load(ctx, day, rest.pause)
	}
	if ctx.Err() != nil {
		return
	}
	k.refuse(day, err)
	if ofTheDisk(err) {
		return // it is tried again at the next look
	}
	k.seen[day] = info.ModTime()
	if err != nil {
		return
	}
	k.use(day, t)
	k.log.Info("manifest in use", "day", day, "tickets", t.Rows())
	k.note(journal.Record{Kind: journal.Synced, Detail: fmt.Sprintf("manifest of %d: %d tickets", day, t.Rows())})
}

// load makes a day's table of its source. What unpacks that is not ours, and a panic in it
// must not end the gate.
func (k *tickets) load(ctx context.Context, day int, pause func()) (t *manifest.Table, err error) {
	defer func() {
		if p := recover(); p != nil {
			t, err = nil, fmt.Errorf("unpacking: %v", p)
		}
	}()
	if err := manifest.Load(k.source(day), k.table(day), day, pause, ctx.Err); err != nil {
		return nil, err
	}
	return manifest.Open(k.table(day))
}

var errOtherSource = errors.New("the table is of another source")

// open opens a day's table as it was made before, if it is whole and of this source.
func (k *tickets) open(day int, pause func()) (*manifest.Table, error) {
	if err := manifest.Verify(k.table(day), pause); err != nil {
		return nil, err
	}
	t, err := manifest.Open(k.table(day))
	if err != nil {
		return nil, err
	}
	sum, err := sumOf(k.source(day), pause)
	if err == nil && (sum != t.Source() || t.Day() != day) {
		err = errOtherSource
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func sumOf(path string, pause func()) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	for {
		n, err := io.CopyN(h, f, 128<<10)
		pause()
		if err == io.EOF || n == 0 {
			return [sha256.Size]byte(h.Sum(nil)), nil
		}
		if err != nil {
			return sum, err
		}
	}
}

// use puts a table to use in the place of a day's; nil: that day has none any more.
func (k *tickets) use(day int, t *manifest.Table) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if old := k.tables[day]; old != nil {
		old.Close()
	}
	delete(k.tables, day)
	if t != nil {
		k.tables[day] = t
	}
}

// refuse notes why a day's manifest is not in use; nil: it is.
func (k *tickets) refuse(day int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		delete(k.refused, day)
		return
	}
	said := k.refused[day]
	if k.refused[day] = err; words(said) == words(err) || ofTheDisk(said) && ofTheDisk(err) {
		return
	}
	k.log.Error("a manifest is refused; what was in use stays", "day", day, "err", err)
	k.note(journal.Record{Kind: journal.Synced, Detail: fmt.Sprintf("manifest of %d refused: %v", day, err)})
}

// ofTheDisk tells whether an error is the system's, and not of what a file says.
func ofTheDisk(err error) bool {
	var errno unix.Errno
	return errors.As(err, &errno)
}

func (k *tickets) setLoading(day int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.loading = day
}

// damaged takes a table out of use that is not what was written, and has it made again of
// its source. The caller holds mu.
func (k *tickets) damaged(t *manifest.Table, err error) {
	k.log.Error("a table of tickets is damaged; it is made again", "day", t.Day(), "err", err)
	delete(k.tables, t.Day())
	t.Close()
	os.Remove(k.table(t.Day()))
	later := time.Now()
	os.Chtimes(k.source(t.Day()), later, later) // to Run it is another file now
	k.wake()
}

// A rest stops work on tickets for three times as long as it has taken: most of the time
// the lane has processor and disk alone, and it waits for a piece of work at most.
type rest struct{ since time.Time }

func newRest() *rest { return &rest{time.Now()} }

func (r *rest) pause() {
	if took := time.Since(r.since); took >= time.Millisecond/10 {
		time.Sleep(min(3*took, 50*time.Millisecond))
		r.since = time.Now()
	}
}
