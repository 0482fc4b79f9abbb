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

	"railgate/store"
)

// cuts is how often the power is cut: RAILGATE_CUTS, or a few.
func cuts() int {
	if n, err := strconv.Atoi(os.Getenv("RAILGATE_CUTS")); err == nil {
		return n
	}
	return 5
}

// The power is cut at random instants of a run of grants: QEMU is killed, and of what it had not flushed to its
// disk every sector is kept or lost by chance. The machine boots with no repair by hand, every pulse that the
// relay made has its record, and no code opens twice.
func TestPowerCut(t *testing.T) {
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
	socket := filepath.Join(sockets, "disk")
	platter := newDisk(t, data, socket)
	dirty, lost := 0, 0
	config := strings.NewReplacer(`open_for = "3s"`, `open_for = "200ms"`, `pulse = "300ms"`, `pulse = "50ms"`).Replace(wired)
	g := &gate{config: config}
	g.makeKeys(t)
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	opened := map[string]int{} // pulses by certificate
	var shown []string         // codes, and their certificates
	var certificates []string
	for n := range cuts() + 1 {
		life := g.onDisk(t, home, socket)
		life.start()
		records := life.checkJournal(t, n, opened)
		if n == cuts() {
			t.Logf("%d cuts: %d codes shown, %d records; %d flushes, and of %d sectors on their way %d lost", cuts(), len(shown), records, platter.flushes, dirty, lost)
			break
		}
		life.showUntilCut(random, &shown, &certificates, opened)
		life.clean()
		d, l := platter.cut(random)
		dirty, lost = dirty+d, lost+l
		g.holder = life.holder // each life has passengers of its own
	}
}

// onDisk is one life of the gate, from power-on.
func (g *gate) onDisk(t *testing.T, home, socket string) *gate {
	t.Helper()
	life := &gate{config: g.config, signer: g.signer, keys: g.keys, holder: g.holder}
	life.machine = newMachine(t, setup{
		files:   map[string]string{"bin/railgated": filepath.Join(home, "bin/railgated"), "bin/railgate": filepath.Join(home, "bin/railgate")},
		modules: []string{"virtio_blk", "crc32c_generic", "ext4"},
		disk:    "cache=none,file=nbd+unix:///?socket=" + socket,
		words:   []string{"data=/dev/vda"},
	})
	life.plug()
	life.until("the scanner is there", func() bool { return life.exists(scannerPort) })
	life.write(configPath, life.config, 0o644)
	life.write(keysPath, life.keys, 0o644)
	return life
}

// showUntilCut shows codes, new and old ones, until a random instant, and cuts the power.
func (g *gate) showUntilCut(random *rand.Rand, shown, certificates *[]string, opened map[string]int) {
	g.t.Helper()
	cut := time.Now().Add(time.Duration(random.IntN(1500)) * time.Millisecond)
	for time.Now().Before(cut) {
		text, certificate := g.code()
		if len(*shown) > 0 && random.IntN(4) == 0 {
			i := random.IntN(len(*shown))
			text, certificate = (*shown)[i], (*certificates)[i]
		} else {
			*shown, *certificates = append(*shown, text), append(*certificates, certificate)
		}
		from := time.Now()
		g.scan(text)
		for time.Now().Before(cut) && len(g.since(from, relayPin)) < 2 && time.Since(from) < 300*time.Millisecond {
			time.Sleep(time.Millisecond)
		}
		if c := g.since(from, relayPin); len(c) > 0 && c[0].high {
			opened[certificate]++
		}
	}
	g.kill()
}

// checkJournal holds the journal that a life finds against what the pins saw in those before.
func (g *gate) checkJournal(t *testing.T, n int, opened map[string]int) int {
	t.Helper()
	granted := map[string]int{}
	records := g.journal()
	for i, r := range records {
		if i > 0 && r.Seq != records[i-1].Seq+1 {
			t.Errorf("cut %d: record %d follows %d", n, r.Seq, records[i-1].Seq)
		}
		if r.Kind == store.Damaged || r.Kind == store.SetAside {
			t.Errorf("cut %d: the journal has %+v", n, r)
		}
		if r.Decision == "granted" {
			granted[fmt.Sprintf("%x", string(r.Certificate))]++
		}
	}
	for certificate, pulses := range opened {
		if pulses > 1 {
			t.Errorf("cut %d: certificate %s opened %d times", n, certificate, pulses)
		}
		if granted[certificate] != 1 {
			t.Errorf("cut %d: certificate %s opened, and has %d records of it", n, certificate, granted[certificate])
		}
	}
	return len(records)
}
