package inspect

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"image"
	"os"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"

	"railgate/verify"
	"railgate/verify/mint"
)

// The page's program gives the gate's answer to each vector; cmd/inspector's tests do the same in a
// browser.
func TestEachVector(t *testing.T) {
	keys, err := os.ReadFile("../testdata/keys.json")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := os.ReadFile("../testdata/cases.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(cases))
	lines.Buffer(nil, 1<<20)
	n := 0
	for ; lines.Scan(); n++ {
		var v struct {
			Name, Text, Reason, Cti string
			Now                     time.Time
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		i := New()
		if err := i.TakeKeys(keys, v.Now); err != nil {
			t.Fatal(err)
		}
		i.Hear(v.Now, after(0, 0), after(0, 0))
		got := i.Read(v.Text, after(0, 0))
		if got.Reason != v.Reason || v.Cti != "" && got.Certificate != v.Cti {
			t.Errorf("%s: %s, %s; want %s, %s", v.Name, got.Reason, got.Certificate, v.Reason, v.Cti)
		}
	}
	if n < 239 {
		t.Fatalf("%d cases; want at least 239", n)
	}
}

// A bench has an issuer, and an inspector who knows its keys and the time.
type bench struct {
	*testing.T
	*Inspector
	file *mint.KeyFile
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t, New(), mint.NewKeyFile("test")}
	b.addKey()
	b.takeKeys(3)
	if !b.Hear(noon, after(0, 0), after(0, 0)) {
		t.Fatal("the time was not taken")
	}
	return b
}

func (b *bench) addKey() {
	b.Helper()
	if err := b.file.AddKey(verify.EdDSA, noon.Add(-48*time.Hour), noon.Add(48*time.Hour), verify.Temporary, verify.Paper, verify.Staff); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) document(version uint64) []byte {
	b.Helper()
	b.file.Version = version
	data, err := b.file.KeysetJSON()
	if err != nil {
		b.Fatal(err)
	}
	return data
}

func (b *bench) takeKeys(version uint64) {
	b.Helper()
	if err := b.TakeKeys(b.document(version), noon); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) wallet(change func(*mint.Order)) *mint.Wallet {
	b.Helper()
	o := mint.NewOrder(verify.ByChain, verify.EdDSA, noon)
	if change != nil {
		change(&o)
	}
	w, err := mint.NewWallet(b.file, o)
	if err != nil {
		b.Fatal(err)
	}
	return w
}

func (b *bench) code(w *mint.Wallet, slot uint8) string {
	b.Helper()
	text, err := w.Code(slot)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

func TestAnAnswerSaysWhatWasSigned(t *testing.T) {
	b := newBench(t)
	w := b.wallet(nil)
	text := b.code(w, 0)
	got := b.Read(text, after(time.Second, 0))
	want := Answer{
		Reason: "ok", At: noon.Add(time.Second).UnixMilli(), Certificate: w.Order.Certificate.String(), Class: 1,
		Expires: w.Order.Expires.UnixMilli(), Text: text, New: true,
	}
	if got != want {
		t.Errorf("Read = %+v; want %+v", got, want)
	}
	if got := b.Read("no code", after(time.Second, 0)); got != (Answer{Reason: "malformed", At: want.At, New: true}) {
		t.Errorf("no code: %+v; want malformed alone", got)
	}
}

// An inspector takes what gates take: phones' codes, paper, staff's.
func TestEveryClassIsTaken(t *testing.T) {
	b := newBench(t)
	for class, rotation := range map[verify.Class]verify.Rotation{verify.Temporary: verify.ByIssuer, verify.Paper: verify.Static, verify.Staff: verify.ByIssuer} {
		w := b.wallet(func(o *mint.Order) { o.Rotation, o.Class = rotation, class })
		if got := b.Read(b.code(w, 0), after(0, 0)); got.Reason != "ok" || got.Class != uint8(class) {
			t.Errorf("class %d: %s, class %d; want ok", class, got.Reason, got.Class)
		}
	}
}

// What depends on the time is not said where the time is not believed; what does not is.
func TestWithoutTheTimeOnlyWhatIsSoAtEveryTimeIsSaid(t *testing.T) {
	b := newBench(t)
	forger := mint.NewKeyFile("test")
	s, err := mint.GenerateSigner(b.wallet(nil).KeyID, verify.EdDSA, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forger.Add(s, noon.Add(-time.Hour), noon.Add(time.Hour), verify.Temporary)
	forged, err := mint.NewWallet(forger, mint.NewOrder(verify.ByChain, verify.EdDSA, noon))
	if err != nil {
		t.Fatal(err)
	}
	good := b.wallet(nil)
	slept := after(time.Second, 3*time.Second)
	for _, tt := range []struct {
		name, text, reason, byPhone string
	}{
		{"a good code", b.code(good, 0), TimeUnknown, "ok"},
		{"a code of a later minute", b.code(good, 5), TimeUnknown, "not_yet_valid"},
		{"a forgery", b.code(forged, 0), "bad_signature", ""},
		{"no code", "x", "malformed", ""},
	} {
		if got := b.Read(tt.text, slept); got.Reason != tt.reason || got.Text != "" || got.ByPhone != tt.byPhone || got.Doubt != Slept {
			t.Errorf("%s: %s, by the phone %q, doubt %q; want %s, %q, %q", tt.name, got.Reason, got.ByPhone, got.Doubt, tt.reason, tt.byPhone, Slept)
		}
	}
	for _, r := range []verify.Reason{verify.KeyRevoked, verify.CertificateExpired, verify.LivenessExpired, verify.NotYetValid, verify.CodeExpired, verify.OK, "another"} {
		if timeless(r) {
			t.Errorf("%s is said without the time", r)
		}
	}
	for _, r := range []verify.Reason{verify.Malformed, verify.UnknownKey, verify.BadSignature, verify.KeyNotValid, verify.ClassNotAccepted, verify.BadClaims, verify.Revoked, verify.BadProof} {
		if !timeless(r) {
			t.Errorf("%s is not said without the time", r)
		}
	}
}

func TestWithoutAKeyset(t *testing.T) {
	b := newBench(t)
	i := New()
	i.Hear(noon, after(0, 0), after(0, 0))
	if got := i.Read(b.code(b.wallet(nil), 0), after(0, 0)); got.Reason != NoKeys {
		t.Errorf("%s; want %s", got.Reason, NoKeys)
	}
	if got := i.Read("x", after(0, 0)); got.Reason != "malformed" {
		t.Errorf("no code: %s; want malformed", got.Reason)
	}
	if s := i.Status(after(0, 0)); s.Keys != nil {
		t.Errorf("keys %+v; want none", s.Keys)
	}
}

// A copy of the keyset that is older is not taken; that of an issuer with other keys is no copy.
func TestAnOlderKeysetIsRefused(t *testing.T) {
	b := newBench(t)
	if err := b.TakeKeys(b.document(2), noon); !errors.Is(err, ErrOlder) {
		t.Errorf("version 2 after 3: %v; want %v", err, ErrOlder)
	}
	if s := b.Status(after(0, 0)); s.Keys.Version != 3 {
		t.Errorf("version %d is held; want 3", s.Keys.Version)
	}
	b.takeKeys(3)
	b.takeKeys(4)
	other := newBench(t)
	if err := b.TakeKeys(other.document(1), noon); err != nil {
		t.Errorf("another issuer's: %v; want it taken", err)
	}
	if err := b.TakeKeys([]byte("{}"), noon); err == nil || errors.Is(err, ErrOlder) {
		t.Errorf("no keyset: %v; want what is wrong with it", err)
	}
	if s := b.Status(after(0, 0)); s.Keys == nil || s.Keys.Version != 1 {
		t.Errorf("held: %+v; want the last good one", s.Keys)
	}
}

// revoker gives revokers.json and a function that signs lists of revocations.
func (b *bench) revoker(issuer string) (revokers []byte, sign func(iat time.Time, entries ...verify.Revocation) []byte) {
	b.Helper()
	var f mint.RevokerFile
	if err := f.Add(issuer, verify.EdDSA, noon.Add(-time.Hour), noon.Add(time.Hour)); err != nil {
		b.Fatal(err)
	}
	revokers, err := f.RevokersJSON()
	if err != nil {
		b.Fatal(err)
	}
	r, err := f.Revoker(issuer, noon)
	if err != nil {
		b.Fatal(err)
	}
	return revokers, func(iat time.Time, entries ...verify.Revocation) []byte {
		b.Helper()
		if entries == nil {
			entries = []verify.Revocation{}
		}
		data, err := r.Sign(verify.RevocationList{IssuedAt: mint.Seconds(iat), Expires: mint.Seconds(iat.Add(10 * time.Minute)), Entries: entries}, rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		return data
	}
}

// A list denies what it names; it stays over a new keyset; one that was signed before it, or by
// nobody who may, does not take its place.
func TestRevocations(t *testing.T) {
	b := newBench(t)
	w := b.wallet(nil)
	text := b.code(w, 0)
	entry := verify.Revocation{Certificate: w.Order.Certificate, Before: mint.Seconds(noon) + 1, Until: mint.Seconds(noon) + 3600}
	revokers, sign := b.revoker("test")
	if s := b.Status(after(0, 0)); s.Lists != nil {
		t.Errorf("lists %+v; want none", s.Lists)
	}
	if got := b.Read(text, after(0, 0)); got.Reason != "ok" {
		t.Fatalf("%+v; want ok", got)
	}
	if err := b.TakeRevocations(revokers, sign(noon.Add(-time.Minute), entry), after(0, 0)); err != nil {
		t.Fatal(err)
	}
	if got := b.Read(text, after(time.Second, 0)); got.Reason != "revoked" || !got.New {
		t.Errorf("under the list: %+v; want revoked, and new", got)
	}
	if err := b.TakeRevocations(revokers, sign(noon.Add(-2*time.Minute)), after(0, 0)); !errors.Is(err, ErrOlder) {
		t.Errorf("an older list: %v; want %v", err, ErrOlder)
	}
	if err := b.TakeRevocations(revokers, sign(noon.Add(6*time.Minute)), after(0, 0)); !errors.Is(err, ErrFuture) {
		t.Errorf("a list of the future, which would outlast all others: %v; want %v", err, ErrFuture)
	}
	_, stranger := b.revoker("test")
	for name, list := range map[string][]byte{"signed by another": stranger(noon), "no list": []byte("x")} {
		if err := b.TakeRevocations(revokers, list, after(0, 0)); err == nil || errors.Is(err, ErrOlder) {
			t.Errorf("%s: %v; want what is wrong", name, err)
		}
	}
	if err := b.TakeRevocations([]byte("{}"), sign(noon), after(0, 0)); err == nil {
		t.Error("revokers without keys are taken")
	}
	b.takeKeys(4)
	if got := b.Read(text, after(2*time.Second, 0)); got.Reason != "revoked" {
		t.Errorf("under a new keyset: %s; want revoked", got.Reason)
	}
	want := ListStatus{IssuedAt: noon.Add(-time.Minute).UnixMilli(), Entries: 1}
	if s := b.Status(after(9*time.Minute-time.Millisecond, 0)); s.Lists == nil || *s.Lists != want {
		t.Errorf("lists %+v; want %+v", s.Lists, want)
	}
	want.Old = true
	if s := b.Status(after(9*time.Minute, 0)); s.Lists == nil || *s.Lists != want {
		t.Errorf("lists %+v; want %+v", s.Lists, want)
	}
	// Another issuer's list is beside it, and says nothing of this one's codes.
	others, signOther := b.revoker("another")
	if err := b.TakeRevocations(others, signOther(noon), after(0, 0)); err != nil {
		t.Fatal(err)
	}
	if got := b.Read(text, after(3*time.Second, 0)); got.Reason != "revoked" {
		t.Errorf("beside another issuer's list: %s; want revoked", got.Reason)
	}
	if s := b.Status(after(0, 0)); s.Lists.IssuedAt != want.IssuedAt || s.Lists.Entries != 1 {
		t.Errorf("lists %+v; want the oldest of both", s.Lists)
	}
	// A list may be here before any keyset.
	i := New()
	if err := i.TakeRevocations(revokers, sign(noon, entry), after(0, 0)); err != nil {
		t.Fatal(err)
	}
	i.Hear(noon, after(0, 0), after(0, 0))
	if err := i.TakeKeys(b.document(5), noon); err != nil {
		t.Fatal(err)
	}
	if got := i.Read(text, after(0, 0)); got.Reason != "revoked" {
		t.Errorf("a keyset after the list: %s; want revoked", got.Reason)
	}
}

func TestAKeysetsAge(t *testing.T) {
	b := newBench(t)
	for age, old := range map[time.Duration]bool{24*time.Hour - time.Millisecond: false, 24 * time.Hour: true} {
		if err := b.TakeKeys(b.document(3), noon.Add(-age)); err != nil {
			t.Fatal(err)
		}
		if s := b.Status(after(0, 0)); s.Keys.Old != old || s.Keys.Keys != 1 || s.Keys.Fetched != noon.Add(-age).UnixMilli() || s.Now != noon.UnixMilli() {
			t.Errorf("after %v: %+v at %d; want old %v", age, s.Keys, s.Now, old)
		}
	}
}

// A code that is held before the camera is one check, however many frames see it and whichever of
// its minutes they see; one that comes back after three seconds is another, and the first is told.
func TestOneCodeHeldBeforeTheCameraIsOneCheck(t *testing.T) {
	b := newBench(t)
	w := b.wallet(nil)
	first, second := b.code(w, 0), b.code(w, 1)
	for _, tt := range []struct {
		name   string
		text   string
		at     time.Duration
		isNew  bool
		before int
		checks int
	}{
		{"first seen", first, 55 * time.Second, true, 0, 1},
		{"seen again", first, 57 * time.Second, false, 0, 1},
		{"the next minute's", second, 59 * time.Second, false, 0, 1},
		{"the same", second, 61 * time.Second, false, 0, 1},
		{"out of sight for three seconds", second, 64 * time.Second, true, 1, 2},
		{"and again", second, 67 * time.Second, true, 2, 3},
		{"held on", second, 68 * time.Second, false, 2, 3},
	} {
		got := b.Read(tt.text, after(tt.at, 0))
		n := 0
		if got.Before != nil {
			n = got.Before.Times
		}
		if got.Reason != "ok" || got.New != tt.isNew || n != tt.before || len(b.Status(after(tt.at, 0)).Shift.Checks) != tt.checks {
			t.Fatalf("%s: %+v, before %d, %d checks; want new %v, %d, %d", tt.name, got, n, len(b.shift.Checks), tt.isNew, tt.before, tt.checks)
		}
	}
	if got := b.Read(second, after(69*time.Second, 0)); got.Before.Last != noon.Add(64*time.Second).UnixMilli() {
		t.Errorf("last shown at %d; want %d", got.Before.Last, noon.Add(64*time.Second).UnixMilli())
	}
}

// What is before the camera gets another answer when there is another keyset, or the time.
func TestWhatIsHeldIsJudgedAgainByWhatIsNew(t *testing.T) {
	b := newBench(t)
	w := b.wallet(nil)
	text := b.code(w, 0)
	if got := b.Read(text, after(0, 0)); got.Reason != "ok" {
		t.Fatalf("%+v; want ok", got)
	}
	b.file.Revoked = append(b.file.Revoked, verify.DocumentRevoked{Certificate: w.Order.Certificate.String(), Until: noon.Add(time.Hour)})
	b.takeKeys(4)
	if got := b.Read(text, after(time.Second, 0)); got.Reason != "revoked" || !got.New {
		t.Errorf("after a new keyset: %+v; want revoked, and new", got)
	}
	other := b.code(b.wallet(nil), 0)
	if got := b.Read(other, after(2*time.Second, 0)); got.Reason != "ok" {
		t.Fatalf("%+v; want ok", got)
	}
	if got := b.Read(other, after(2*time.Second, 5*time.Second)); got.Reason != TimeUnknown {
		t.Errorf("once the phone slept: %+v; want %s", got, TimeUnknown)
	}
	b.Hear(noon.Add(5*time.Minute), after(2*time.Second, 0), after(2*time.Second, 0))
	if got := b.Read(other, after(2*time.Second, 0)); got.Reason != "code_expired" {
		t.Errorf("once a server told another time: %+v; want code_expired", got)
	}
}

// Many codes before the camera in turn are each one check.
func TestCodesSideBySide(t *testing.T) {
	b := newBench(t)
	var texts []string
	for range maxRecent {
		texts = append(texts, b.code(b.wallet(nil), 0))
	}
	for round := range 3 {
		for n, text := range texts {
			if got := b.Read(text, after(time.Duration(round)*time.Second, 0)); got.New != (round == 0) {
				t.Errorf("round %d, code %d: new %v", round, n, got.New)
			}
		}
	}
	b.Read("one more", after(3*time.Second, 0))
	if len(b.recent) > maxRecent {
		t.Errorf("%d codes are remembered; want %d at most", len(b.recent), maxRecent)
	}
}

func TestAShiftGoesOnAndEnds(t *testing.T) {
	b := newBench(t)
	w := b.wallet(nil)
	b.Read(b.code(w, 0), after(0, 0))
	kept := JSON(b.Status(after(0, 0)).Shift)
	if strings.Contains(kept, "RG1") || strings.Contains(kept, w.Order.Holder.String()) {
		t.Errorf("kept: %s; want no code and no holder", kept)
	}
	other := newBench(t)
	if err := other.Resume([]byte(kept)); err != nil {
		t.Fatal(err)
	}
	if err := other.Resume([]byte("{")); err == nil {
		t.Error("half a shift is taken")
	}
	if n := len(other.Status(after(0, 0)).Shift.Checks); n != 1 {
		t.Errorf("%d checks; want the one that was kept", n)
	}
	other.EndShift()
	if s := other.Status(after(0, 0)).Shift; len(s.Checks) != 0 || s.Began != 0 {
		t.Errorf("after the end: %+v", s)
	}
	if n := len(b.Status(after(ShiftLasts-1, 0)).Shift.Checks); n != 1 {
		t.Errorf("%d checks before twelve hours; want 1", n)
	}
	if n := len(b.Status(after(ShiftLasts, 0)).Shift.Checks); n != 0 {
		t.Errorf("%d checks after twelve hours; want none", n)
	}
	if got := b.Read(b.code(w, 0), after(ShiftLasts, 0)); !got.New || got.Before != nil {
		t.Errorf("in the next shift: %+v; want it new", got)
	}
}

// picture draws a code on white.
func picture(t *testing.T, text string) *image.Gray {
	t.Helper()
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	const scale, margin = 4, 8
	side := (code.Size + 2*margin) * scale
	img := image.NewGray(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		if !code.Black(i%side/scale-margin, i/side/scale-margin) {
			img.Pix[i] = 255
		}
	}
	return img
}

func TestAFrameIsLookedAt(t *testing.T) {
	b := newBench(t)
	if got, ok := b.Look(picture(t, b.code(b.wallet(nil), 0)), after(0, 0)); !ok || got.Reason != "ok" {
		t.Errorf("a code: %+v, %v; want ok", got, ok)
	}
	if got, ok := b.Look(picture(t, "HTTPS://EXAMPLE.COM"), after(0, 0)); !ok || got.Reason != "malformed" {
		t.Errorf("another code: %+v, %v; want malformed", got, ok)
	}
	if got, ok := b.Look(image.NewGray(image.Rect(0, 0, 640, 480)), after(0, 0)); ok {
		t.Errorf("nothing: %+v", got)
	}
}
