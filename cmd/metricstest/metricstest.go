// Package metricstest holds metrics against what Prometheus and Grafana are told of them.
package metricstest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Check wants every metric that files ask for among the metrics, and Prometheus' own tool, where
// it is, content with them and with a file of rules' tests.
func Check(t *testing.T, metrics, rules string, files ...string) {
	t.Helper()
	for _, path := range files {
		names(t, metrics, path)
	}
	promtool(t, metrics, rules)
}

func names(t *testing.T, metrics, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".json") && !json.Valid(data) {
		t.Errorf("%s is not JSON", path)
	}
	asked := regexp.MustCompile(`railgate_[a-z_]+`).FindAllString(string(data), -1)
	if len(asked) < 10 {
		t.Errorf("%s asks for %d metrics", path, len(asked))
	}
	for _, name := range asked {
		if !strings.Contains(metrics, "\n"+name+"{") && !strings.Contains(metrics, "\n"+name+" ") {
			t.Errorf("%s asks for %s, which there is not", path, name)
		}
	}
}

func promtool(t *testing.T, metrics, rules string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("promtool is not here (apt install prometheus): names are checked, rules are not run")
		return
	}
	lint := exec.Command(path, "check", "metrics")
	lint.Stdin = strings.NewReader(metrics)
	if out, err := lint.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	test := exec.Command(path, "test", "rules", filepath.Base(rules))
	test.Dir = filepath.Dir(rules)
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("promtool test rules: %v\n%s", err, out)
	}
}
