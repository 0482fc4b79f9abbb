package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"railgate/cmd/metricstest"
	"railgate/store/journal"
)

// withScreen is a site whose daemon serves its screen.
func withScreen(t *testing.T, change ...func(string) string) (s *site, url string) {
	t.Helper()
	addr := freeAddress(t)
	change = append(change, func(c string) string { return c + "[http]\nlisten = \"" + addr + "\"\n" })
	return newSite(t, "", change...), "http://" + addr
}

func get(t *testing.T, url string) (status int, body string, header http.Header) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Header
}

func TestScreenIsServed(t *testing.T) {
	t.Parallel()
	s, url := withScreen(t)
	s.start()
	for _, path := range []string{"/", "/face.css", "/face.js", "/status", "/status.css", "/status.js", "/status.json", "/metrics", "/healthz", "/readyz"} {
		status, body, header := get(t, url+path)
		if status != http.StatusOK || body == "" {
			t.Errorf("%s: status %d", path, status)
		}
		if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	// A gate's one font is Chinese, and draws these as wide as a Chinese character.
	if _, body, _ := get(t, url+"/"); regexp.MustCompile(`lang="en">[^<]*[‘’“”…—]`).MatchString(body) {
		t.Error("there is a gap in the English words of the screen: a curly mark is in them")
	}
	for _, path := range []string{"/face/", "/face/index.html", "/nothing", "/service", "/journal"} {
		if status, _, _ := get(t, url+path); status != http.StatusNotFound {
			t.Errorf("%s: status %d; want 404", path, status)
		}
	}
	resp, err := http.Post(url+"/status.json", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a POST gets %d: the screen changes nothing", resp.StatusCode)
	}
}

func TestScreenFollowsTheLane(t *testing.T) {
	t.Parallel()
	s, url := withScreen(t)
	d := s.start()
	resp, err := http.Get(url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := make(chan string, 1000)
	go func() {
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			lines <- in.Text()
		}
		close(lines)
	}()
	all := ""
	want := func(what string) {
		t.Helper()
		timeout := time.After(20 * time.Second)
		for {
			select {
			case line, ok := <-lines:
				all += line + "\n"
				if strings.Contains(line, what) {
					return
				}
				if !ok {
					t.Fatalf("the stream ended before %s", what)
				}
			case <-timeout:
				t.Fatalf("no %s in:\n%s", what, all)
			}
		}
	}
	want(`"gate":"A07"`)
	want(`"reason":"idle"`)
	d.scan(d.code())
	want(`请通行`)
	want("event: beat")
	if _, err := d.client().Service(t.Context(), "closed", "a coffee"); err != nil {
		t.Fatal(err)
	}
	want(`"mode":"service","service":"closed","service_left":`)
	d.scan("nonsense")
	want(`"reason":"malformed"`)
	if strings.Contains(all, "holder") || strings.Contains(all, `"sub"`) || strings.Contains(all, `"cti"`) {
		t.Errorf("the screen is told of a holder:\n%s", all)
	}
	d.kill()
	for range lines { // ends, so that the screen knows
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	s, url := withScreen(t)
	d := s.start()
	s.unplug()
	d.until("out of service", func() bool { status, _, _ := get(t, url+"/readyz"); return status == http.StatusServiceUnavailable })
	if status, _, _ := get(t, url+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz = %d; want 200: the process answers", status)
	}
}

func TestMetricsHaveBoundedLabels(t *testing.T) {
	t.Parallel()
	s, url := withScreen(t)
	d := s.start()
	d.scan(d.code())
	d.waitFor(1, kind(journal.Passage))
	for n := range 20 {
		d.scan(fmt.Sprint("noise ", n))
	}
	d.until("denied", func() bool { return d.status().Counts.Decided["malformed"] == 20 })
	_, text, _ := get(t, url+"/metrics")
	for _, line := range []string{
		`railgate_decisions_total{reason="ok"} 1`, `railgate_decisions_total{reason="malformed"} 20`, `railgate_device_up{kind="scanner",name="front"} 1`,
		`railgate_scan_to_open_seconds_count 1`, `railgate_health{health="healthy"} 1`, `railgate_clock_trusted 1`, `railgate_keyset_version 1`,
		`railgate_readings_total{scanner="front"} 21`, `railgate_out_of_service{cause="clock"} 0`, `railgate_journal_records_total{kind="passage"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("metrics lack %s", line)
		}
	}
	if strings.Contains(text, "noise") {
		t.Error("what was scanned is in the metrics")
	}
	metricstest.Check(t, text, "../../configs/prometheus/alerts_test.yml", "../../configs/prometheus/alerts.yml", "../../configs/grafana/railgate.json")
	checkTable(t, text)
}

// checkTable holds the manual's table of metrics against the metrics.
func checkTable(t *testing.T, metrics string) {
	t.Helper()
	_, section, _ := strings.Cut(readFile(t, "../../docs/technician.md"), "\n## Metrics\n")
	section, _, _ = strings.Cut(section, "\n## ")
	// The first is there once something was ignored, the others where a repository is configured.
	there := map[string]bool{"railgate_readings_dropped_total": true, "railgate_sync_state": true, "railgate_sync_timestamp_seconds": true, "railgate_release_info": true,
		"railgate_revocations": true, "railgate_revocations_timestamp_seconds": true}
	for _, m := range regexp.MustCompile(`(?m)^# HELP (railgate_\w+) (.*)$`).FindAllStringSubmatch(metrics, -1) {
		there[m[1]] = true
		if !strings.Contains(section, "| `"+m[1]+"` | ") || !strings.Contains(section, m[2]+" |\n") {
			t.Errorf("docs/technician.md does not have the metric %s, %q", m[1], m[2])
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(railgate_\\w+)`").FindAllStringSubmatch(section, -1) {
		if !there[m[1]] && !strings.HasPrefix(m[1], "railgate_bus_") { // those are there with a station
			t.Errorf("docs/technician.md has the metric %s, which there is not", m[1])
		}
	}
}
