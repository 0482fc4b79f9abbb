package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"railgate/store/journal"
)

// cuts is how often the power is cut: RAILGATE_CUTS, or fifty times, or sixteen with -short.
func cuts() int {
	if n, err := strconv.Atoi(os.Getenv("RAILGATE_CUTS")); err == nil {
		return n
	}
	if testing.Short() {
		return 16
	}
	return 50
}

// A shown code, and what the relay did about it.
type shownCode struct {
	text, certificate string
	opened            bool
}

// A powered gate is one whose power is cut again and again: its disk and its passengers outlast a machine.
type powered struct {
	*gate
	home, socket string
	platter      *disk
	random       *rand.Rand
	shown        []shownCode
}

// The power is cut at random instants of a run of grants: QEMU is killed, half of the times in the very middle of
// a write or a flush, and of what it had not flushed to its disk every sector is kept or lost by chance. The machine
// boots with no repair by hand, every pulse that the relay made has its record, and no code opens twice. Nothing is
// timed here, so two gates share the cuts side by side.
func TestPowerCut(t *testing.T) {
	const gates = 2
	for n := range gates {
		t.Run(fmt.Sprintf("gate %d", n+1), func(t *testing.T) {
			t.Parallel()
			newPowered(t).lives(t, (cuts()+n)/gates)
		})
	}
}

// lives are so many power cuts and what was before them, and a boot at the end.
func (p *powered) lives(t *testing.T, cuts int) {
	t.Helper()
	dirty, lost, inWrites := 0, 0, 0
	for n := range cuts {
		p.powerOn(t)
		if p.live(t) {
			inWrites++
		}
		p.gate.clean()
		d, l := p.platter.cut(p.random)
		dirty, lost = dirty+d, lost+l
		if t.Failed() {
			t.Fatalf("after cut %d", n+1)
		}
	}
	p.powerOn(t)
	p.start()
	records := p.checkJournal()
	opened := 0
	for _, s := range p.shown {
		if s.opened {
			opened++
		}
	}
	t.Logf("%d cuts, %d of them in the middle of a write or flush: %d codes shown, %d opened, %d records; %d flushes, and of %d sectors on their way %d lost",
		cuts, inWrites, len(p.shown), opened, records, p.platter.flushes, dirty, lost)
}

func newPowered(t *testing.T) *powered {
	t.Helper()
	home := folder(t)
	data, err := os.ReadFile(filepath.Join(home, "data.ext4"))
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := os.MkdirTemp("", "hil")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	p := &powered{home: home, socket: filepath.Join(sockets, "disk"), random: rand.New(rand.NewPCG(seed, 1))}
	p.platter = newDisk(t, data, p.socket)
	config := strings.NewReplacer(`open_for = "10s"`, `open_for = "200ms"`, `pulse = "300ms"`, `pulse = "50ms"`).Replace(wired)
	p.gate = &gate{config: config}
	p.makeKeys(t)
	return p
}

// powerOn boots the machine with the disk as it is.
func (p *powered) powerOn(t *testing.T) {
	t.Helper()
	p.gate.launched = false
	p.gate.machine = newMachine(t, setup{
		files:   map[string]string{"bin/railgated": filepath.Join(p.home, "bin/railgated"), "bin/railgate": filepath.Join(p.home, "bin/railgate")},
		modules: []string{"virtio_blk", "crc32c_generic", "ext4"},
		disk:    "cache=none,file=nbd+unix:///?socket=" + p.socket,
		words:   []string{"data=/dev/vda"},
	})
	p.plug()
	p.until("the scanner is there", func() bool { return p.exists(scannerPort) })
	p.write(configPath, p.config, 0o644)
	p.write(keysPath, p.keys, 0o644)
}

// live is a life from railgated's start to the power cut: by the clock, or in a request to the disk, of which the first
// ones are those of the start. It tells which.
func (p *powered) live(t *testing.T) (inWrite bool) {
	t.Helper()
	var gone <-chan struct{}
	end := time.Duration(p.random.IntN(1500)) * time.Millisecond
	inWrite = p.random.IntN(2) == 0
	early := p.random.IntN(4) == 0
	if inWrite {
		end = patience
	}
	if inWrite && early {
		gone = p.platter.goIn(1 + p.random.IntN(30))
	}
	p.launch()
	if !p.untilGone(gone, "ready", func() bool { return strings.Contains(p.said(), "msg=ready") }) || !p.platter.stay() {
		p.kill()
		return true
	}
	p.serving()
	p.checkJournal()
	if inWrite {
		gone = p.platter.goIn(1 + p.random.IntN(40))
	}
	last, from := p.showUntil(time.Now().Add(end), gone)
	p.said()
	p.kill()
	for range p.pins.answers { // all that the pins did until then
	}
	p.pulses(last, from)
	return inWrite
}

// untilGone waits for something, or for the power to go.
func (p *powered) untilGone(gone <-chan struct{}, what string, ok func() bool) (still bool) {
	p.t.Helper()
	p.until(what+", or the power is gone", func() bool {
		select {
		case <-gone:
			return true
		default:
			still = ok()
			return still
		}
	})
	return still
}

// showUntil shows codes, new ones and those of earlier lives, until an instant, or until the disk's power is gone. It
// returns the last one, of which not everything may have been seen yet, and when it was shown.
func (p *powered) showUntil(end time.Time, gone <-chan struct{}) (last int, from time.Time) {
	p.t.Helper()
	earlier := p.random.Perm(len(p.shown))
	over := func() bool {
		select {
		case <-gone:
			return true
		default:
			return !time.Now().Before(end)
		}
	}
	for {
		from = time.Now()
		if len(earlier) > 0 && p.random.IntN(4) == 0 {
			last, earlier = earlier[0], earlier[1:]
			before := p.denials()
			p.scan(p.shown[last].text)
			p.until("an earlier code is decided, or the power is gone", func() bool {
				return over() || len(p.since(from, relayPin)) >= 2 || p.denials() > before
			})
		} else {
			text, certificate := p.code()
			last, p.shown = len(p.shown), append(p.shown, shownCode{text: text, certificate: certificate})
			p.scan(text)
			p.until("a new code opens, or the power is gone", func() bool { return over() || len(p.since(from, relayPin)) >= 2 })
		}
		if over() {
			return last, from
		}
		p.pulses(last, from)
	}
}

// denials counts those that railgated has told of.
func (p *powered) denials() int { return strings.Count(p.said(), "msg=denied") }

// pulses holds what the relay did since a code was shown against the law: a code opens once.
func (p *powered) pulses(shown int, from time.Time) {
	p.t.Helper()
	s := &p.shown[shown]
	for _, c := range p.since(from, relayPin) {
		if c.high && s.opened {
			p.t.Errorf("certificate %s opened again", s.certificate)
		}
		s.opened = s.opened || c.high
	}
}

// checkJournal holds the journal that a life finds against what the pins saw in those before, and returns its length.
func (p *powered) checkJournal() int {
	p.t.Helper()
	granted := map[string]int{}
	records := p.journal()
	for i, r := range records {
		if i > 0 && r.Seq != records[i-1].Seq+1 {
			p.t.Errorf("record %d follows %d", r.Seq, records[i-1].Seq)
		}
		if r.Kind == journal.Damaged || r.Kind == journal.SetAside {
			p.t.Errorf("the journal has %+v", r)
		}
		if r.Decision == "granted" {
			granted[fmt.Sprintf("%x", string(r.Certificate))]++
		}
	}
	for _, s := range p.shown {
		if n := granted[s.certificate]; n > 1 || s.opened && n != 1 {
			p.t.Errorf("certificate %s: opened %v, and has %d records of it", s.certificate, s.opened, n)
		}
	}
	return len(records)
}
