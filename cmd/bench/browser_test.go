package main

import (
	"context"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"railgate/cmd/pages/pagetest"
)

// The browser tests drive the real page of a real bench in a headless Chromium. They
// wait for what they want to see, never for a time to pass.

// patience is how long a test waits for anything: machines are loaded. Whoever writes
// a test sets RAILGATE_PATIENCE to less.
var patience = func() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("RAILGATE_PATIENCE")); err == nil {
		return d
	}
	return 60 * time.Second
}()

// artefacts is where the tests leave what they saw, for a person to look at.
const artefacts = "../../build/screens"

// chromium is the browser, or the test is skipped, with a line.
func chromium(t *testing.T) string { return pagetest.Program(t) }

// theBench belongs to the tests that run one after the other; those with a bench of their
// own run beside one another.
var theBench *bench

// made guards what is made once, for all tests, and the fields below.
var made sync.Mutex

var (
	programs  string // the folder of the programs that are tested
	browser   context.Context
	endBrowse context.CancelFunc
	output    syncBuffer // of the browser
)

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "4") // they wait more than they work; the flag is there
	status := m.Run()
	if endBrowse != nil {
		endBrowse()
	}
	if theBench != nil {
		theBench.stop()
		theBench.clean()
	}
	if programs != "" {
		os.RemoveAll(programs)
	}
	os.Exit(status)
}

type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// build makes the programs once.
func build(t testing.TB) string {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	if programs != "" {
		return programs
	}
	noteSources(t)
	dir, err := os.MkdirTemp("", "railgate-programs-")
	if err != nil {
		t.Fatal(err)
	}
	programs = dir
	cmd := exec.Command("go", "build", "-o", dir+"/", "railgate/cmd/issuer", "railgate/cmd/railgated", "railgate/cmd/station")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// noteSources looks at what the programs and pages are made of, so that go test does not
// answer from its cache when one of them is another.
func noteSources(t testing.TB) {
	t.Helper()
	for _, dir := range []string{"cmd", "configs", "driver", "store", "verify"} {
		err := filepath.WalkDir("../../"+dir, func(path string, _ os.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// startBench starts a bench without a crowd.
func startBench(t testing.TB) *bench {
	t.Helper()
	dir, err := os.MkdirTemp("", "railgate-bench-")
	if err != nil {
		t.Fatal(err)
	}
	return startBenchIn(t, &bench{dir: dir, bin: build(t), temporary: true, out: io.Discard, walk: 500 * time.Millisecond}, false)
}

func startBenchIn(t testing.TB, b *bench, station bool) *bench {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	if err := b.start(ctx, &options{listen: "127.0.0.1:0", station: station}); err != nil {
		cancel()
		b.stop()
		t.Fatal(err)
	}
	go func() {
		defer cancel()
		b.watch(ctx) // ends with the gate
	}()
	return b
}

func sharedBench(t testing.TB) *bench {
	t.Helper()
	if theBench == nil {
		theBench = startBench(t)
	}
	return theBench
}

// ownBench is a bench for one test, which then runs beside others: most of what a test
// does is waiting.
func ownBench(t *testing.T) *bench {
	t.Helper()
	chromium(t)
	t.Parallel()
	b := startBench(t)
	t.Cleanup(func() { b.stop(); b.clean() })
	return b
}

func theBrowser(t testing.TB) context.Context {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	if browser == nil {
		startBrowser(t)
	}
	return browser
}

func startBrowser(t testing.TB) {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil && path == "" {
			path = p
		}
	}
	profile, err := os.MkdirTemp("", "railgate-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	alloc, endAlloc := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-extensions", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("lang", "zh-CN"),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), // as the gate's kiosk has it
		chromedp.CombinedOutput(&output), chromedp.WSURLReadTimeout(patience),
	)
	var end context.CancelFunc
	browser, end = chromedp.NewContext(alloc)
	endBrowse = func() {
		end()
		endAlloc()
		os.RemoveAll(profile)
	}
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("chromium does not start: %v\n%s", err, output.text.String())
	}
}
