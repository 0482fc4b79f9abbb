package inspector

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/chromedp/chromedp"
)

// theFiles are what make build makes, made of these sources.
func theFiles(t testing.TB) fs.FS {
	t.Helper()
	program := theProgram(t)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"inspector.wasm.br": {Data: packedQuickly(program)}, "wasm_exec.js": {Data: script}}
}

// at has the page believe that it is a time, which a server tells.
func (l *look) at(now time.Time) {
	l.Helper()
	l.server.set(func() { l.server.now = now })
	l.Str("(said.length = 0, worker.postMessage({ kind: 'sync' }), undefined)")
	l.Until("the time", fmt.Sprintf("said.some((d) => d.kind === 'status' && d.status.keys && d.status.now >= %[1]d && d.status.now < %[1]d + 5000)", now.UnixMilli()))
}

// inspects opens the page at the second of the codes.
func inspects(t *testing.T, width, high int64) (*server, *look, *codes) {
	t.Helper()
	s, c := newServer(t), someCodes(t)
	l := s.open(t, width, high)
	l.at(c.now)
	return s, l, c
}

// Every vector gets the gate's answer from the program in the browser, at the vector's second.
func TestEachVectorInTheBrowser(t *testing.T) {
	s := newServer(t)
	keys, err := os.ReadFile("testdata/keys.json")
	if err != nil {
		t.Fatal(err)
	}
	s.keys = keys
	l := s.open(t, 390, 844)
	for _, v := range readVectors(t) {
		for tries := 0; ; tries++ {
			l.at(v.Now)
			l.Str(fmt.Sprintf("(said.length = 0, worker.postMessage({ kind: 'read', text: %s, began: performance.now() }), undefined)", quoted(v.Text)))
			l.Until("an answer", "said.some((d) => d.kind === 'read')")
			got := l.Str("said.find((d) => d.kind === 'read').answer.reason")
			if got == string(v.Reason) {
				break
			}
			// A machine that is busy reads a code a second late. It is not late each time.
			if late := l.Str(fmt.Sprintf("said.find((d) => d.kind === 'read').answer.at - %d > 900", v.Now.UnixMilli())); late != "true" || tries == 20 {
				t.Errorf("%s: %s; want %s", v.Name, got, v.Reason)
				break
			}
		}
	}
}

// What is filmed comes to the same verdict, with its words, its colour and its sound.
func TestTheCameraSeesACodeAndTheVerdictIsShown(t *testing.T) {
	_, l, c := inspects(t, 390, 844)
	l.Tap("#start")
	l.Until("the verdict", "seen('#verdict') && $('#verdict').dataset.reason === 'ok'")
	l.Until("it is in the shift by the worker's next message", "said[said.findIndex((d) => d.kind === 'looked' && d.answer.new) + 1]?.status?.shift.checks.length === 1")
	if got := l.Str("$('#says').innerText.replaceAll('\\n', ' ')"); !strings.Contains(got, "核验通过") || !strings.Contains(got, "Identity verified") {
		t.Errorf("the verdict says %q; want the gate's words at a real-name check", got)
	}
	if got := l.Str("getComputedStyle($('#verdict')).backgroundColor"); got != "rgb(0, 112, 60)" {
		t.Errorf("colour %s; want the gate's green", got)
	}
	if got := l.Str("$('#face').innerText"); !strings.Contains(got, "核对面容") || !strings.Contains(got, "two people") {
		t.Errorf("beside it %q; want to be told to look at the face", got)
	}
	l.Picture("verdict")
	l.Until("both codes of the film", "Number($('#count').textContent) >= 2")
	l.at(c.now.Add(2 * time.Minute))
	l.Until("the same code two minutes later", "seen('#verdict') && $('#verdict').dataset.reason === 'code_expired' && getComputedStyle($('#verdict')).backgroundColor === 'rgb(179, 21, 29)'")
	l.Picture("denied")
}

// A code that is shown again in the shift may be another person's: it is told, with the time.
func TestACodeThatComesBackIsTold(t *testing.T) {
	_, l, c := inspects(t, 390, 844)
	l.Read(c.paper)
	l.Until("a verdict", "seen('#verdict') && $('#verdict').dataset.reason === 'ok' && !seen('#before')")
	for l.Str("seen('#before')") != "true" {
		l.Tap("#next")
		time.Sleep(3500 * time.Millisecond) // within three seconds it is the same hand
		l.Read(c.paper)
		l.Until("a verdict", "seen('#verdict')")
	}
	l.Until("it is told", "$('#before').innerText.includes('Shown in this shift before: 1') && $('#before').innerText.includes('本班已查过')")
	l.Picture("before")
}

// A denial of each kind, a code that is no code, and paper, as typed or from a hand scanner.
func TestAScannersTextIsRead(t *testing.T) {
	_, l, c := inspects(t, 390, 844)
	for _, tt := range []struct{ text, words string }{{c.paper, "Paper certificate"}, {c.many[2], "Electronic certificate"}} {
		l.Read(tt.text)
		l.Until(tt.words, fmt.Sprintf("seen('#verdict') && $('#verdict').dataset.reason === 'ok' && $('#facts').innerText.includes(%q)", tt.words))
		l.Tap("#next")
	}
	l.Read("https://example.com/")
	l.Until("no code", "seen('#verdict') && $('#verdict').dataset.reason === 'malformed' && $('#says').innerText.includes('无法识别')")
}

// The page opens with the network cut from the second time on, and checks: what depends on the
// time is not green there, and says why.
func TestInAirplaneMode(t *testing.T) {
	s, l, c := inspects(t, 390, 844)
	l.Until("the worker has the page", "navigator.serviceWorker.controller")
	l.Read(c.many[0])
	l.Until("a verdict", "seen('#verdict') && $('#verdict').dataset.reason === 'ok'")
	s.set(func() { s.away = true })
	l.Until("the network is cut", "(worker.postMessage({ kind: 'sync' }), $('#net').innerText.includes('offline'))")
	l.Tap("#next")
	l.Read(c.many[1])
	l.Until("a verdict with the network cut: the time goes on", "seen('#verdict') && $('#verdict').dataset.reason === 'ok'")
	l.Until("it is in the shift", "$('#count').textContent === '2'")

	l.Do(chromedp.Reload())
	l.ready()
	l.Until("it says that no server was seen", "seen('#doubt') && $('#doubt').dataset.doubt === 'no_server' && $('#doubt').innerText.includes('no server seen')")
	l.Until("the keyset is there, with its age", "$('#keys').innerText.includes('old')")
	l.Until("the shift goes on", "$('#count').textContent === '2'")
	l.Read(c.many[0])
	l.Until("a verdict that is not green", "seen('#verdict') && $('#verdict').dataset.reason === 'time_unknown' && $('#verdict').dataset.light === 'unsure' && $('#what').innerText.includes('By this phone')")
	l.Picture("unsure")
	l.Tap("#next")
	l.Read(c.forged)
	l.Until("a forgery is one at any time", "seen('#verdict') && $('#verdict').dataset.reason === 'bad_signature' && $('#verdict').dataset.light === 'red'")
	l.Tap("#next")

	s.set(func() { s.away = false })
	l.Until("the network is back", "(worker.postMessage({ kind: 'sync' }), !seen('#doubt'))")
	l.Read(c.many[1])
	l.Until("a verdict", "seen('#verdict') && $('#verdict').dataset.reason === 'ok'")
}

// What its holder revoked is denied as soon as the list is here, and with the network cut after that.
func TestARevokedCodeIsDenied(t *testing.T) {
	s, l, c := inspects(t, 390, 844)
	lost := c.many[len(c.many)-1]
	l.Read(lost)
	l.Until("a verdict", "seen('#verdict') && $('#verdict').dataset.reason === 'ok' && $('#lists').innerText.includes('revocations')")
	l.Tap("#next")
	s.set(func() { s.list = c.list })
	l.Until("the list is here", "(worker.postMessage({ kind: 'sync' }), said.some((d) => d.status?.lists?.entries === 1))")
	l.Read(lost)
	l.Until("it is denied", "seen('#verdict') && $('#verdict').dataset.reason === 'revoked' && $('#what').innerText.includes('撤销')")
	s.set(func() { s.away = true })
	l.Do(chromedp.Reload())
	l.ready()
	l.Read(lost)
	l.Until("with the network cut too", "seen('#verdict') && $('#verdict').dataset.reason === 'revoked'")
}

// A counter is what an issuer has beside the inspector, as its OpenAPI document has it.
type counter struct {
	mu     sync.Mutex // guards the fields below
	in     bool       // somebody is signed in
	answer string     // to a look-up
	status int
	looked []string // bodies
}

func (c *counter) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		http.Error(rw, err.Error(), http.StatusBadRequest)
	case r.URL.Path == "/counter/me" && c.in:
		io.WriteString(rw, `{"name":"王列车长","purposes":["inspection"]}`)
	case r.URL.Path == "/counter/me":
		rw.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/signin/out" && r.Method == http.MethodPost:
		c.in = false
		rw.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/v1/resolve" && r.Method == http.MethodPost && r.Header.Get("Content-Type") == "application/json":
		c.looked = append(c.looked, string(body))
		rw.WriteHeader(c.status)
		io.WriteString(rw, c.answer)
	default:
		http.NotFound(rw, r)
	}
}

func (c *counter) set(status int, answer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.answer = status, answer
}

// With a sign-in the masked name and the ticket are beside a verdict that is granted; no name is
// kept, and the end of the shift signs out. What the issuer denies is denied.
func TestWhoIsSignedInSeesNameAndTicket(t *testing.T) {
	s := newServer(t)
	issuer := &counter{in: true}
	s.beside = issuer.ServeHTTP
	c := someCodes(t)
	l := s.open(t, 390, 844)
	l.at(c.now)
	l.Until("it is known who is signed in", "$('#who').innerHTML.includes('王列车长')")

	issuer.set(http.StatusOK, `{"decision":"granted","reason":"ok","name":"李*","document":"resident_id","tickets":[{"id":"1","kind":"single","train":"G71","from":"北京西","to":"广州南","departs":"2026-11-29T09:00:00Z","seat":"05车12F"}]}`)
	l.Read(c.many[0])
	l.Until("name and ticket", "seen('#person') && $('#person').innerText.includes('李*') && $('#person').innerText.includes('G71 北京西→广州南 11/29 17:00 05车12F')")
	l.Picture("person")
	l.Axe("name and ticket")
	issuer.mu.Lock()
	if want := fmt.Sprintf(`{"code":%s,"purpose":"inspection"}`, quoted(c.many[0])); len(issuer.looked) != 1 || issuer.looked[0] != want {
		t.Errorf("asked %q; want %s", issuer.looked, want)
	}
	issuer.mu.Unlock()
	l.Tap("#next")
	l.Until("no name is left", "!document.body.textContent.includes('李*') && !JSON.stringify(localStorage).includes('李')")

	issuer.set(http.StatusOK, `{"decision":"granted","reason":"ok","name":"韩**","document":"resident_id","tickets":[]}`)
	l.Read(c.many[1])
	l.Until("nobody's ticket", "$('#person').innerText.includes('韩**') && $('#person').innerText.includes('No ticket for today')")
	l.Tap("#next")
	issuer.set(http.StatusTooManyRequests, `{"zh":"查询过于频繁","title":"Too many look-ups"}`)
	l.Read(c.many[2])
	l.Until("the issuer's own words, and the verdict stays", "$('#person').innerText.includes('Too many look-ups') && $('#verdict').dataset.reason === 'ok'")
	l.Tap("#next")
	issuer.set(http.StatusOK, `{"decision":"denied","reason":"code_expired"}`)
	l.Read(c.many[3])
	l.Until("a code that ran out on its way is no denial", "$('#person').innerText.includes('not looked up') && $('#verdict').dataset.reason === 'ok'")
	l.Tap("#next")
	issuer.set(http.StatusOK, `{"decision":"denied","reason":"revoked"}`)
	l.Read(c.many[4])
	l.Until("the issuer knows that it is revoked", "seen('#verdict') && $('#verdict').dataset.reason === 'revoked' && $('#verdict').dataset.light === 'red' && !seen('#person')")
	l.Tap("#next")
	l.Read(c.forged)
	l.Until("a denial is not looked up", "seen('#verdict') && $('#verdict').dataset.reason === 'bad_signature' && !seen('#person')")
	l.Tap("#next")
	l.Tap("#history")
	l.Tap("#end")
	l.Tap("#sure button.main")
	l.Until("nobody is signed in", "$('#who').hidden && seen('#signin')")
	issuer.mu.Lock()
	defer issuer.mu.Unlock()
	if issuer.in || len(issuer.looked) != 5 {
		t.Errorf("signed in: %v, %d look-ups; want signed out, five", issuer.in, len(issuer.looked))
	}
}

// A phone that slept with the network cut does not know the time: its monotonic clock may have
// stood still.
func TestAPhoneThatSleptSaysSo(t *testing.T) {
	s, l, c := inspects(t, 390, 844)
	s.set(func() { s.away = true })
	l.Str("(worker.postMessage({ kind: 'ahead', ms: 600000 }), undefined)")
	l.Until("it says that it slept", "seen('#doubt') && $('#doubt').dataset.doubt === 'slept' && $('#doubt').innerText.includes('休眠') && $('#clock').innerText.includes('not confirmed')")
	l.Read(c.many[0])
	l.Until("a verdict that is not green", "seen('#verdict') && $('#verdict').dataset.reason === 'time_unknown' && $('#what').innerText.includes('刷新')")
	s.set(func() { s.away = false })
	l.Until("a server mends it", "!seen('#doubt')")
}

// What was checked is gone with the shift's end, from the phone too.
func TestTheEndOfAShiftClearsIt(t *testing.T) {
	_, l, c := inspects(t, 390, 844)
	for _, text := range c.many[:2] {
		l.Read(text)
		l.Until("a verdict", "seen('#verdict')")
		l.Tap("#next")
	}
	l.Until("it is kept on the phone", "JSON.parse(localStorage.getItem('inspector-shift'))?.checks.length === 2")
	kept := l.Str("localStorage.getItem('inspector-shift')")
	if strings.Contains(kept, "RG1:") || strings.Contains(kept, "holder") || strings.Contains(kept, "sub") {
		t.Errorf("kept: %s; want no code and no holder", kept)
	}
	l.Tap("#history")
	l.Until("the list", "document.querySelectorAll('#checks li').length === 2")
	l.Picture("shift")
	l.Axe("the shift")
	l.Tap("#end")
	l.Tap("#sure button.main")
	l.Until("nothing is left", "$('#count').textContent === '0' && localStorage.getItem('inspector-shift') === null && !$('#shift').open")
}

// Each state on each screen: nothing is cut off, and axe finds nothing.
func TestEveryScreen(t *testing.T) {
	s := newServer(t)
	c := someCodes(t)
	for _, screen := range [][2]int64{{390, 844}, {844, 390}, {1280, 800}, {320, 568}, {640, 360}} {
		t.Run(fmt.Sprintf("%dx%d", screen[0], screen[1]), func(t *testing.T) {
			l := s.open(t, screen[0], screen[1])
			check := func(state string) {
				t.Helper()
				l.Picture(state)
				if found := l.Str(cramped); found != "" {
					t.Errorf("%s:\n%s", state, found)
				}
				l.Axe(state)
			}
			l.at(c.now)
			check("begin")
			l.Tap("#type")
			check("type")
			l.Tap("#typing button:not(.main)")
			l.Read(c.many[0])
			l.Until("a verdict", "seen('#verdict') && $('#verdict').dataset.reason === 'ok'")
			check("granted")
			l.Tap("#next")
			l.Read(c.forged)
			l.Until("a denial", "seen('#verdict') && $('#verdict').dataset.reason === 'bad_signature'")
			check("denied")
			l.Tap("#next")
			s.set(func() { s.away = true })
			l.Str("(worker.postMessage({ kind: 'ahead', ms: 600000 }), undefined)")
			l.Until("doubt", "seen('#doubt')")
			l.Read(c.many[0])
			l.Until("an unsure verdict", "seen('#verdict') && $('#verdict').dataset.light === 'unsure'")
			check("unsure")
			s.set(func() { s.away = false })
			l.Tap("#next")
			l.Tap("#start")
			l.Until("the camera", "seen('#aim') && $('#video').videoWidth === 1280")
			l.Until("the doubt is over", "!seen('#doubt')")
			l.at(c.now)
			l.Until("the code on the film", "seen('#verdict') && $('#verdict').dataset.reason === 'ok'")
			check("camera")
		})
	}
}

// By keyboard alone: to the form, a text, the verdict, and back to where one was.
func TestByKeyboard(t *testing.T) {
	_, l, c := inspects(t, 1280, 800)
	l.Str("($('#type').focus(), undefined)")
	l.Do(chromedp.KeyEvent("\r"))
	l.Until("the field has the focus", "document.activeElement?.name === 'text'")
	l.Do(chromedp.KeyEvent(c.many[0]), chromedp.KeyEvent("\r"))
	l.Until("the verdict has the focus", "seen('#verdict') && $('#verdict').dataset.reason === 'ok' && document.activeElement.id === 'says'")
	l.Do(chromedp.KeyEvent("\t"))
	l.Until("then its button", "document.activeElement.id === 'next'")
	l.Do(chromedp.KeyEvent("\r"))
	l.Until("and back", "!seen('#verdict') && document.activeElement.id === 'type'")
}

// A camera with a light has a button for it; several can be chosen from.
func TestTheCamerasLight(t *testing.T) {
	s := newServer(t)
	l := s.open(t, 390, 844)
	l.Until("a camera with a light, and another one", `(() => {
		MediaStreamTrack.prototype.getCapabilities = () => ({ torch: true });
		MediaStreamTrack.prototype.applyConstraints = async (c) => { window.lit = c.advanced[0].torch; };
		const all = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
		navigator.mediaDevices.enumerateDevices = async () => [...await all(), { kind: 'videoinput', deviceId: 'other', label: 'The other one' }];
		return true;
	})()`)
	l.Tap("#start")
	l.Tap("#torch")
	l.Until("it is lit", "window.lit === true && $('#torch').getAttribute('aria-pressed') === 'true'")
	l.Tap("#torch")
	l.Until("it is dark", "window.lit === false && $('#torch').getAttribute('aria-pressed') === 'false'")
	l.Until("cameras to choose from", "seen('#camera') && $('#camera').options.length >= 2 && [...$('#camera').options].some((o) => o.text === 'The other one')")
	l.Picture("cameras")
}

// A verdict is heard and felt, one sound for each kind, and the sound can be turned off.
func TestAVerdictIsHeardAndFelt(t *testing.T) {
	_, l, c := inspects(t, 390, 844)
	l.Until("what would be felt is noted", "(window.felt = [], navigator.vibrate = (times) => window.felt.push(times.join(' ')), true)")
	l.Read(c.many[0])
	l.Until("granted is felt", "window.felt.at(-1) === '100'")
	l.Tap("#next")
	l.Read("nothing")
	l.Until("again is felt", "window.felt.at(-1) === '100 100 100'")
	l.Tap("#next")
	l.Tap("#sound")
	l.Until("the sound is off", "$('#sound').getAttribute('aria-pressed') === 'false'")
}

// The files of a first visit, packed as they are delivered.
func TestTheFirstVisitIsTwoMegabytes(t *testing.T) {
	dir := t.TempDir()
	if testing.Short() {
		t.Skip("packing: skipped in a short run")
	}
	for _, name := range []string{"inspector.wasm.br", "wasm_exec.js", "digest.txt"} {
		if data, err := os.ReadFile(filepath.Join("built", name)); err == nil { // pack makes again what is of other sources
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out, err := exec.Command("go", "run", "railgate/cmd/inspector/pack", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	set, err := files(os.DirFS(dir))
	if err != nil || set == nil {
		t.Fatalf("%v, %v", set, err)
	}
	if n := set.Size(); n > 2_000_000 {
		t.Errorf("%d bytes; want two million at most", n)
	}
}
