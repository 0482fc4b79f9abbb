package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nkeys"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

func TestAGateKeepsItsSeed(t *testing.T) {
	dir := t.TempDir()
	first, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(dir)
	if err != nil || again.seed != first.seed || first.seed == [seedSize]byte{} {
		t.Fatalf("Load, then Load: two gates (%v)", err)
	}
	info, err := os.Stat(filepath.Join(dir, SeedFile))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != seedSize {
		t.Errorf("the seed's file: %v, %v; want 32 bytes that only its owner reads", info, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%v in the folder; want the seed alone", left)
	}
}

// Two starts at once are one gate.
func TestOfTwoSeedsTheFirstStays(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	var got [8]*Identity
	for n := range got {
		wg.Go(func() {
			var err error
			if got[n], err = Load(dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, i := range got {
		if i == nil || i.seed != got[0].seed {
			t.Fatal("two gates in one folder")
		}
	}
}

func TestADamagedSeedIsNoNewGate(t *testing.T) {
	for _, data := range []string{"", "short", strings.Repeat("x", 33)} {
		dir := t.TempDir()
		path := filepath.Join(dir, SeedFile)
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil {
			t.Errorf("a seed of %d bytes is taken", len(data))
		}
		if left, _ := os.ReadFile(path); string(left) != data {
			t.Errorf("a seed of %d bytes is replaced", len(data))
		}
	}
}

// The keys are derived in one way for ever: a version that derived others would be another gate.
func TestTheKeysOfASeed(t *testing.T) {
	p := FromSeed([seedSize]byte{1}).Public("GZQ", "A07")
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"station":"GZQ","gate":"A07","journal":"UEGzogiuT3XiyhXaC1MbqiqHoB7m/Ps6ETEOuV4hvyw=",` +
		`"bus":"UAGXLBTDFSPAKNUF5MOIPBK33EMEK4L7SM452GCAHIEJPGDEIV46M7CU","provisioning":"rDr1i0jeC2U102ejezy6tp3IPSywP7K6FQgV4J905lc="}`
	if string(data) != want {
		t.Errorf("the keys of a seed:\n%s; want\n%s", data, want)
	}
	if bytes.Equal(p.Journal, p.Provisioning) {
		t.Error("one key for two uses")
	}
	raw, _ := nkeys.Decode(nkeys.PrefixByteUser, []byte(p.Bus))
	if bytes.Equal(raw, p.Journal) {
		t.Error("the key that signs a server's bytes signs checkpoints too")
	}
}

func TestAGateSignsItsHeads(t *testing.T) {
	i := FromSeed([seedSize]byte{7})
	origin := "railgate.GZQ.A07.e1"
	s, err := i.Signer(origin)
	if err != nil {
		t.Fatal(err)
	}
	tree := tlog.Tree{N: 1, Hash: tlog.RecordHash([]byte("x"))}
	head, err := journal.SignHead(origin, tree, s)
	if err != nil {
		t.Fatal(err)
	}
	v, err := i.Public("GZQ", "A07").Verifier(origin)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := journal.OpenHead(head, origin, v); err != nil || got != tree {
		t.Errorf("OpenHead = %v, %v; want %v", got, err, tree)
	}
	other, _ := FromSeed([seedSize]byte{8}).Public("GZQ", "A07").Verifier(origin)
	if _, _, err := journal.OpenHead(head, origin, other); err == nil {
		t.Error("another gate's key fits")
	}
	if !ed25519.Verify(i.Public("GZQ", "A07").Provisioning, []byte("m"), ed25519.Sign(i.Provisioning(), []byte("m"))) {
		t.Error("the provisioning key signs with another one's secret")
	}
}

func TestBothFormsOfAnIdentityAreRead(t *testing.T) {
	p := FromSeed([seedSize]byte{3}).Public("GZQ", "A-07_b")
	asJSON, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.Text()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:") != "" {
		t.Errorf("%s is not in QR's alphanumeric alphabet", text)
	}
	for _, form := range []string{string(asJSON), text, " " + text + "\n"} {
		got, err := ParsePublic([]byte(form))
		if err != nil || got.Gate != p.Gate || got.Bus != p.Bus || !bytes.Equal(got.Journal, p.Journal) || !bytes.Equal(got.Provisioning, p.Provisioning) || got.Station != "GZQ" {
			t.Errorf("%s is read as %v (%v)", form, got, err)
		}
	}
	for n := range text {
		if got, err := ParsePublic([]byte(text[:n])); err == nil {
			t.Fatalf("the first %d characters are a whole gate %v", n, got)
		}
	}
}

func TestABadIdentityIsRefused(t *testing.T) {
	good := FromSeed([seedSize]byte{3}).Public("GZQ", "A07")
	write := func(change func(*Public)) string {
		p := good
		change(&p)
		data, _ := json.Marshal(p)
		return string(data)
	}
	whole := write(func(*Public) {})
	seed, _ := nkeys.CreateAccount()
	account, _ := seed.PublicKey()
	for name, data := range map[string]string{
		"nothing":          "",
		"an unknown field": strings.Replace(whole, "{", `{"secret":1,`, 1),
		"two of them":      whole + whole,
		"a dot in a name":  write(func(p *Public) { p.Gate = "a.b" }),
		"no station":       write(func(p *Public) { p.Station = "" }),
		"no gate":          write(func(p *Public) { p.Gate = "" }),
		"an account's key": write(func(p *Public) { p.Bus = account }),
		"a short key":      write(func(p *Public) { p.Journal = p.Journal[1:] }),
		"a low order":      write(func(p *Public) { p.Provisioning = make([]byte, 32) }),
		"the identity":     write(func(p *Public) { p.Journal = append([]byte{1}, make([]byte, 31)...) }),
		"too long":         whole + strings.Repeat(" ", maxPublic),
	} {
		if p, err := ParsePublic([]byte(data)); err == nil {
			t.Errorf("%s is taken: %v", name, p)
		}
	}
	if _, err := ParsePublic([]byte(whole)); err != nil {
		t.Errorf("the good one is refused: %v", err)
	}
}

func FuzzParsePublic(f *testing.F) {
	p := FromSeed([seedSize]byte{3}).Public("GZQ", "A07")
	data, _ := json.Marshal(p)
	text, _ := p.Text()
	f.Add(data)
	f.Add([]byte(text))
	f.Add([]byte(textPrefix))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePublic(data)
		if err != nil {
			return
		}
		text, err := p.Text()
		if err != nil {
			t.Fatalf("%v is taken and has no text: %v", p, err)
		}
		again, err := ParsePublic([]byte(text))
		if err != nil || again.Gate != p.Gate || !bytes.Equal(again.Journal, p.Journal) {
			t.Errorf("%v is written as %s and read as %v (%v)", p, text, again, err)
		}
	})
}
