package inspector

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"rsc.io/qr"

	"railgate/cmd/pages/pagetest"
	"railgate/verify"
	"railgate/verify/mint"
)

// These tests drive the page in a headless Chromium, with the real program. Its camera shows a film
// of ours. They wait for what they want to see.

// What is made once.
var (
	program []byte // the WebAssembly
	film    string // the file of the camera's film
	scratch string
)

func TestMain(m *testing.M) { pagetest.Main(m, func() { os.RemoveAll(scratch) }) }

func scratchDir(t testing.TB) string {
	t.Helper()
	if scratch == "" {
		dir, err := os.MkdirTemp("", "railgate-inspector-")
		if err != nil {
			t.Fatal(err)
		}
		scratch = dir
	}
	return scratch
}

// theProgram builds the inspector's WebAssembly.
func theProgram(t testing.TB) []byte {
	t.Helper()
	if testing.Short() {
		t.Skip("browser: skipped in a short run")
	}
	if program != nil {
		return program
	}
	out := filepath.Join(scratchDir(t), "inspector.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "railgate/cmd/inspector/wasm")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	program = data
	return data
}

// filmPart is how many frames each part of the film has: nothing, a code, nothing, another code. A
// benchmark has a film of its own.
var (
	filmPart = 18
	filmed   = func(t testing.TB) []string {
		c := someCodes(t)
		return []string{"", c.many[0], "", c.many[1]}
	}
)

// camera is the browser's only one, which shows the film.
func camera(t testing.TB) []chromedp.ExecAllocatorOption {
	t.Helper()
	pagetest.Program(t)
	if film == "" {
		path := filepath.Join(scratchDir(t), "film.mjpeg")
		writeFilm(t, path, filmed(t), filmPart)
		film = path
	}
	return []chromedp.ExecAllocatorOption{
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true), chromedp.Flag("use-file-for-fake-video-capture", film),
	}
}

// ---- vectors ----

type vector struct {
	Name, Text, Decision string
	Now                  time.Time
	Reason               verify.Reason
}

func readVectors(t testing.TB) (vectors []vector) {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, v)
	}
	if len(vectors) < 239 {
		t.Fatalf("%d cases; want at least 239", len(vectors))
	}
	return vectors
}

// ---- codes and the film ----

// codes are good at one instant, under one keyset.
type codes struct {
	now    time.Time
	keys   []byte
	many   []string // of phones, each of another certificate
	paper  string
	forged string // by somebody with another key of the same name

	revokers, nothing, list []byte // revokers.json; a list of nothing, and one of the last of many
}

// minted makes the codes once.
var minted = sync.OnceValues(func() (*codes, error) { return mintCodes(16) })

func someCodes(t testing.TB) *codes {
	t.Helper()
	c, err := minted()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mintCodes(n int) (*codes, error) {
	// Today: the page has the browser's clock while it has heard no server, and a shift of another day is over.
	c := &codes{now: time.Now().UTC().Truncate(time.Minute).Add(2 * time.Second)}
	day := 24 * time.Hour
	honest, forger := mint.NewKeyFile("inspected"), mint.NewKeyFile("inspected")
	for _, alg := range []verify.Algorithm{verify.EdDSA, verify.ES256, verify.SM2} {
		if err := honest.AddKey(alg, c.now.Add(-day), c.now.Add(day), mint.Passengers()...); err != nil {
			return nil, err
		}
	}
	key, err := honest.Signer(verify.EdDSA, verify.Temporary, c.now)
	if err != nil {
		return nil, err
	}
	falseKey, err := mint.GenerateSigner(key.ID, verify.EdDSA, rand.Reader)
	if err != nil {
		return nil, err
	}
	forger.Add(falseKey, c.now.Add(-day), c.now.Add(day), mint.Passengers()...)
	code := func(f *mint.KeyFile, r verify.Rotation, a verify.Algorithm) (string, error) {
		w, err := mint.NewWallet(f, mint.NewOrder(r, a, c.now))
		if err != nil {
			return "", err
		}
		return w.Code(0)
	}
	algorithms := []verify.Algorithm{verify.EdDSA, verify.ES256, verify.SM2}
	for i := range n {
		text, err := code(honest, verify.ByChain, algorithms[i%len(algorithms)])
		if err != nil {
			return nil, err
		}
		c.many = append(c.many, text)
	}
	if c.paper, err = code(honest, verify.Static, verify.EdDSA); err != nil {
		return nil, err
	}
	if c.forged, err = code(forger, verify.ByChain, verify.EdDSA); err != nil {
		return nil, err
	}
	if c.keys, err = honest.KeysetJSON(); err != nil {
		return nil, err
	}
	return c, c.revoke()
}

// revoke makes the lists of revocations.
func (c *codes) revoke() error {
	var f mint.RevokerFile
	if err := f.Add("inspected", verify.EdDSA, c.now.Add(-time.Hour), c.now.Add(time.Hour)); err != nil {
		return err
	}
	r, err := f.Revoker("inspected", c.now)
	if err != nil {
		return err
	}
	if c.revokers, err = f.RevokersJSON(); err != nil {
		return err
	}
	code, err := verify.Parse(c.many[len(c.many)-1])
	if err != nil {
		return err
	}
	l := verify.RevocationList{IssuedAt: mint.Seconds(c.now), Expires: mint.Seconds(c.now.Add(time.Hour)), Entries: []verify.Revocation{}}
	if c.nothing, err = r.Sign(l, rand.Reader); err != nil {
		return err
	}
	l.Entries = append(l.Entries, verify.Revocation{Certificate: code.Claims.Certificate, Before: mint.Seconds(c.now.Add(time.Second)), Until: mint.Seconds(c.now.Add(time.Hour))})
	c.list, err = r.Sign(l, rand.Reader)
	return err
}

const filmWide, filmHigh = 1280, 720

// writeFilm writes what the camera shows, in a loop at 30 frames a second: each of the texts for so
// many frames; "" shows none. It is a row of JPEG pictures, as cameras give them.
func writeFilm(t testing.TB, path string, texts []string, frames int) {
	t.Helper()
	var film bytes.Buffer
	for _, text := range texts {
		var picture bytes.Buffer
		if err := jpeg.Encode(&picture, frameOf(t, text), &jpeg.Options{Quality: 88}); err != nil {
			t.Fatal(err)
		}
		for range frames {
			film.Write(picture.Bytes())
		}
	}
	if err := os.WriteFile(path, film.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// frameOf is a code on a phone before a hall, drawn: grey around it, and noise all over.
func frameOf(t testing.TB, text string) *image.YCbCr {
	t.Helper()
	img := image.NewYCbCr(image.Rect(0, 0, filmWide, filmHigh), image.YCbCrSubsampleRatio420)
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = 128, 128
	}
	noise := uint32(1)
	for i := range img.Y {
		noise = noise*1664525 + 1013904223
		img.Y[i] = byte(70 + i%filmWide/24 + int(noise>>30))
	}
	if text == "" {
		return img
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	const scale, margin = 6, 4
	side := (code.Size + 2*margin) * scale
	x0, y0 := (filmWide-side)/2+37, (filmHigh-side)/2-11
	for y := range side {
		for x := range side {
			v := byte(215)
			if code.Black(x/scale-margin, y/scale-margin) {
				v = 30
			}
			img.Y[(y0+y)*filmWide+x0+x] = v
		}
	}
	return img
}

// ---- a server and a look at its page ----

// settable begins the worker: a test can set the phone's date, as a hand does, or a phone that slept
// and whose monotonic clock stood still.
const settable = `let ahead = 0;
const dateNow = Date.now;
Date.now = () => dateNow() + ahead;
addEventListener('message', (e) => { if (e.data.kind === 'ahead') { ahead = e.data.ms; e.stopImmediatePropagation(); } });
`

// A server has a time and a keyset, and can be away.
type server struct {
	*httptest.Server

	mu    sync.Mutex // guards the fields below
	now   time.Time
	keys  []byte
	list  []byte
	asked map[string]int
	away  bool

	// What the issuer has beside the inspector: GET /counter/me, POST /v1/resolve and /signin/out; nil:
	// nothing, as at a station.
	beside http.HandlerFunc
}

func newServer(t testing.TB) *server {
	t.Helper()
	c := someCodes(t)
	s := &server{now: c.now, keys: c.keys, list: c.nothing, asked: map[string]int{}}
	h := newHandler(Options{
		Now:  func() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.now },
		Keys: func() ([]byte, error) { s.mu.Lock(); defer s.mu.Unlock(); return s.keys, nil },
		Log:  slog.New(slog.DiscardHandler),

		Revokers:    func() ([]byte, error) { return c.revokers, nil },
		Revocations: func() ([]byte, error) { s.mu.Lock(); defer s.mu.Unlock(); return s.list, nil },
	}, theFiles(t))
	s.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.URL.Path]++
		away, beside := s.away, s.beside
		s.mu.Unlock()
		if away {
			panic(http.ErrAbortHandler) // as a network that is cut
		}
		if !strings.HasPrefix(r.URL.Path, "/inspect/") {
			if beside == nil {
				beside = http.NotFound
			}
			beside(rw, r)
			return
		}
		if !strings.HasSuffix(r.URL.Path, "/worker.js") {
			http.StripPrefix("/inspect", h).ServeHTTP(rw, r)
			return
		}
		rec := httptest.NewRecorder()
		http.StripPrefix("/inspect", h).ServeHTTP(rec, r)
		for name, values := range rec.Header() {
			rw.Header()[name] = values
		}
		rw.Header().Del("Content-Length")
		fmt.Fprint(rw, settable, rec.Body)
	}))
	s.Config.ErrorLog = nil
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// A look is somebody's at the page.
type look struct {
	*pagetest.Tab
	server *server
}

// overhear keeps the worker, and what it says.
const overhear = `(() => {
	const W = window.Worker;
	window.Worker = class extends W {
		constructor(...a) {
			super(...a);
			window.worker = this;
			window.said = [];
			this.addEventListener('message', (e) => { if (e.data.kind !== 'looked' || e.data.answer) window.said.push(e.data); });
		}
	};
})()`

func (s *server) open(t testing.TB, width, high int64) *look {
	t.Helper()
	l := &look{pagetest.Open(t, "inspector", width, high, camera(t)...), s}
	l.Do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: overhear})
		return chromedp.Void{}, err
	}, chromedp.Navigate(s.URL+"/inspect/"))
	l.ready()
	return l
}

func (l *look) ready() {
	l.Helper()
	l.Until("the page is ready", "document.body?.dataset.ready")
}

// cramped names what has no room: wider than the screen, cut off, or too small to be tapped.
const cramped = `(() => {
	const wide = window.innerWidth, out = [], shown = (e) => e.getClientRects().length && !e.closest('.unseen');
	if (document.documentElement.scrollWidth > wide) out.push('wider than the screen');
	for (const e of document.querySelectorAll('button, input, select')) if (shown(e)) { const r = e.getBoundingClientRect(); if (r.height < 44 || r.width < 44 || e.scrollWidth > e.clientWidth + 1) out.push((e.id || e.textContent) + ' is ' + Math.round(r.width) + ' x ' + Math.round(r.height)); if (r.left < -0.5 || r.right > wide + 0.5) out.push((e.id || e.textContent) + ' is beside the screen'); }
	for (const e of document.querySelectorAll('h1, h2, p, dd, li')) if (shown(e) && e.scrollWidth > e.clientWidth + 1) out.push('cut off: ' + e.textContent);
	const v = document.getElementById('verdict');
	if (shown(v) && v.scrollHeight > v.clientHeight + 1) out.push('the verdict is ' + v.scrollHeight + ' high, of which ' + v.clientHeight + ' are seen');
	return out.join('\n');
})()`

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// packedQuickly packs a program for tests, which look at what it does.
func packedQuickly(data []byte) []byte {
	var b bytes.Buffer
	w := brotli.NewWriterLevel(&b, 1)
	w.Write(data) // into memory
	w.Close()
	return b.Bytes()
}
