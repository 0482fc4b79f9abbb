package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/driver/eye"
	"railgate/driver/scanner"
	"railgate/verify"
	"railgate/verify/mint"
)

func tool(t *testing.T, args ...string) (status int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(args, &o, &e)
	return status, o.String(), e.String()
}

func newIssuer(t *testing.T) (dir string, keys *verify.Keyset) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "issuer")
	if status, _, errOut := tool(t, "--dir", dir, "keys"); status != 0 {
		t.Fatal(errOut)
	}
	return dir, readKeys(t, dir)
}

func readKeys(t *testing.T, dir string) *verify.Keyset {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, mint.KeysetName))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

var everyClass = verify.Rules{Classes: []verify.Class{1, 2, 3}}

func TestKeys(t *testing.T) {
	dir, keys := newIssuer(t)
	if keys.Version != 1 || len(keys.Keys) != 3 {
		t.Errorf("version %d, %d keys; want 1, 3", keys.Version, len(keys.Keys))
	}
	info, err := os.Stat(filepath.Join(dir, mint.KeyFileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("private keys: %v, %v; want mode 0600", info.Mode(), err)
	}
	public, err := os.ReadFile(filepath.Join(dir, mint.KeysetName))
	if err != nil || strings.Contains(string(public), `"d"`) {
		t.Errorf("keys.json holds private parts, or %v", err)
	}
	if status, out, _ := tool(t, "--dir", dir, "keys"); status != 0 || strings.Count(out, "signs until") != 3 {
		t.Errorf("a second time: %q; want the three keys listed, and no more made", out)
	}
	if status, _, errOut := tool(t, "--dir", dir, "keys", "--add", "--alg", "SM2"); status != 0 {
		t.Fatal(errOut)
	}
	if keys := readKeys(t, dir); keys.Version != 2 || len(keys.Keys) != 4 {
		t.Errorf("after --add: version %d, %d keys; want 2, 4", keys.Version, len(keys.Keys))
	}
}

// A gate takes staff codes from a key that signs class 3 and nothing else; no key that
// is made without being asked for signs them.
func TestStaffKeysSignStaffCodesAndNothingElse(t *testing.T) {
	dir, keys := newIssuer(t)
	for _, k := range keys.Keys {
		if !slices.Equal(k.Classes, []verify.Class{verify.Temporary, verify.Paper}) {
			t.Errorf("by default key %v signs classes %v; want 1 and 2", k.ID, k.Classes)
		}
	}
	for range 2 { // the second time they are there
		if status, _, errOut := tool(t, "--dir", dir, "keys", "--staff", "--alg", "ES256,SM2"); status != 0 {
			t.Fatal(errOut)
		}
	}
	keys = readKeys(t, dir)
	if keys.Version != 2 || len(keys.Keys) != 5 {
		t.Fatalf("version %d, %d keys; want 2, 5", keys.Version, len(keys.Keys))
	}
	for class, staff := range map[string]bool{"1": false, "2": false, "3": true} {
		status, out, errOut := tool(t, "--dir", dir, "code", "--alg", "ES256", "--class", class)
		if status != 0 {
			t.Fatal(errOut)
		}
		v := verify.Decide(strings.TrimSpace(out), keys, everyClass, time.Now())
		if !v.Granted() || v.StaffKey != staff || staff && v.Rotation != verify.ByDevice {
			t.Errorf("class %s: %s, by a staff key %v, %v; want ok, %v, by the device for staff", class, v.Reason, v.StaffKey, v.Rotation, staff)
		}
	}
}

func TestCodesAreGranted(t *testing.T) {
	dir, _ := newIssuer(t)
	if status, _, errOut := tool(t, "--dir", dir, "keys", "--staff"); status != 0 {
		t.Fatal(errOut)
	}
	keys := readKeys(t, dir)
	for _, tt := range []struct {
		args []string
		way  verify.Rotation
		slot uint8
	}{
		{[]string{"--way", "issuer"}, verify.ByIssuer, 0},
		{[]string{"--way", "issuer", "--alg", "ES256"}, verify.ByIssuer, 0},
		{[]string{"--alg", "SM2", "--class", "3"}, verify.ByDevice, 0},
		{[]string{"--class", "2"}, verify.Static, 0},
		{[]string{"--way", "chain", "--slot", "29"}, verify.ByChain, 29},
		{[]string{"--way", "device", "--slot", "7", "--alg", "SM2"}, verify.ByDevice, 7},
		{[]string{"--way", "static"}, verify.Static, 0},
		{[]string{"--way", "chain", "--sub", "0011223344556677", "--cti", "8899aabbccddeeff"}, verify.ByChain, 0},
	} {
		status, out, errOut := tool(t, append([]string{"--dir", dir, "code"}, tt.args...)...)
		if status != 0 {
			t.Errorf("%v: %s", tt.args, errOut)
			continue
		}
		v := verify.Decide(strings.TrimRight(out, "\n"), keys, everyClass, time.Now())
		if !v.Granted() || v.Rotation != tt.way || v.Slot != tt.slot {
			t.Errorf("%v: %s, %v, slot %d; want ok, %v, %d", tt.args, v.Reason, v.Rotation, v.Slot, tt.way, tt.slot)
		}
	}
}

func TestCodeOfAnotherTimeAndManySlots(t *testing.T) {
	dir, keys := newIssuer(t)
	status, out, errOut := tool(t, "--dir", dir, "code", "--way", "chain", "--count", "30", "--json")
	if status != 0 {
		t.Fatal(errOut)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 30 {
		t.Fatalf("%d codes; want 30", len(lines))
	}
	for i, line := range lines {
		var m mintedCode
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		v := verify.Decide(m.Text, keys, everyClass, m.Begins)
		if !v.Granted() || int(m.Slot) != i || v.Holder.String() != m.Holder || v.Certificate.String() != m.Certificate || v.KeyID.String() != m.KeyID {
			t.Errorf("slot %d: %s, %+v", i, v.Reason, m)
		}
	}
}

func TestCodeRefuses(t *testing.T) {
	dir, _ := newIssuer(t)
	for _, tt := range []struct {
		args   []string
		status int
		words  string
	}{
		{[]string{"code", "--way", "magic"}, 2, "issuer, chain, device or static"},
		{[]string{"code", "--alg", "RSA"}, 2, "EdDSA, ES256 or SM2"},
		{[]string{"code", "--way", "chain", "--class", "2"}, 2, "static"},
		{[]string{"code", "--class", "4"}, 2, "1, 2 or 3"},
		{[]string{"code", "--class", "3"}, 1, "issuer keys --staff"},
		{[]string{"code", "--way", "static", "--class", "1"}, 2, "static"},
		{[]string{"code", "--slot", "256"}, 2, "0 to 255"},
		{[]string{"code", "--slot", "1"}, 1, "have none"},
		{[]string{"code", "--sub", "xyz"}, 2, "hex"},
		{[]string{"code", "--sub", "00"}, 1, "outside what the wire allows"},
		{[]string{"code", "--at", "noon"}, 2, "RFC 3339"},
		{[]string{"code", "--at", "2000-01-01T00:00:00Z"}, 1, "may sign at 2000"},
		{[]string{"code", "extra"}, 2, "no arguments"},
		{[]string{"keys", "--add", "--days", "0"}, 2, "1 to 3650"},
		{[]string{"feed"}, 2, "are needed"},
		{[]string{"nonsense"}, 2, "unknown command"},
		{[]string{"--dir", "none", "code"}, 1, "issuer keys makes them"},
	} {
		args := tt.args
		if args[0] != "--dir" {
			args = append([]string{"--dir", dir}, args...)
		}
		if status, _, errOut := tool(t, args...); status != tt.status || !strings.Contains(errOut, tt.words) || strings.Count(errOut, "\n") != 1 {
			t.Errorf("issuer %v: status %d, %q; want %d and a line with %q", tt.args, status, errOut, tt.status, tt.words)
		}
	}
}

func TestPictureIsReadAsTheCode(t *testing.T) {
	dir, _ := newIssuer(t)
	for _, way := range []string{"issuer", "chain", "device", "static"} {
		path := filepath.Join(t.TempDir(), "out.png")
		status, out, errOut := tool(t, "--dir", dir, "code", "--way", way, "--qr", path)
		if status != 0 {
			t.Fatal(errOut)
		}
		img, err := scanner.Picture(path)
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := eye.NewReader().Read(img); !ok || text+"\n" != out {
			t.Errorf("%s: the picture reads %q; want %q", way, text, out)
		}
		for x := range quietZone * 8 {
			if img.GrayAt(x, img.Rect.Dy()/2).Y != 255 {
				t.Errorf("%s: the quiet zone is not quiet at %d", way, x)
			}
		}
	}
}

// Each passenger of the bench is answered as feed says.
func TestFeedKnowsTheAnswers(t *testing.T) {
	dir, keys := newIssuer(t)
	f, err := mint.LoadKeyFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := newStranger(f)
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{keys: f, stranger: stranger}
	used := map[string]bool{}
	for _, a := range acts() {
		text, err := a.text(c)
		if err != nil {
			t.Fatal(err)
		}
		got := verify.Decide(text, keys, everyClass, time.Now()).Reason
		if got == verify.OK && used[text] {
			got = "already_used"
		}
		used[text] = true
		if got != a.want {
			t.Errorf("%s: %s; want %s", a.what, got, a.want)
		}
	}
}

func TestFeedShowsCodes(t *testing.T) {
	dir, _ := newIssuer(t)
	f, err := mint.LoadKeyFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	frames, link := t.TempDir(), filepath.Join(t.TempDir(), "scanner")
	var out bytes.Buffer
	if err := feed(context.Background(), f, link, frames, 2*time.Millisecond, 1, nil, &out); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), `"want"`); n != len(acts()) {
		t.Errorf("%d codes shown; want %d", n, len(acts()))
	}
	left, err := os.ReadDir(frames)
	if err != nil || len(left) != 0 {
		t.Errorf("pictures are left before the camera: %v, %v", left, err)
	}
	if _, err := os.Lstat(link); !os.IsNotExist(err) {
		t.Errorf("the serial line is left: %v", err)
	}
}

func TestFeedWaits(t *testing.T) {
	waits, wait, went := make(chan bool), false, make(chan bool)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { went <- pause(ctx, time.Hour, waits, &wait) }()
	waits <- true
	waits <- false
	cancel()
	if <-went || wait {
		t.Error("ended while it waited, it goes on")
	}
	if !pause(t.Context(), time.Millisecond, nil, &wait) {
		t.Error("nobody asks it to wait, and it does not go on")
	}
	go func() { waits <- false }()
	wait = true
	if !pause(t.Context(), 50*time.Millisecond, waits, &wait) || wait {
		t.Error("asked to go on, it waits")
	}
}
