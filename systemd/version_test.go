package systemd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Each commit's package is newer than those of the commits before it: an upgrade is never a downgrade.
func TestVersionsGrow(t *testing.T) {
	for _, program := range []string{"git", "dpkg"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("skipped: it needs %s (apt install %s)", program, program)
		}
	}
	script, err := filepath.Abs("deb/version.sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	git := func(second int, args ...string) {
		t.Helper()
		c := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"}, args...)...)
		c.Dir = dir
		c.Env = append(os.Environ(), fmt.Sprintf("GIT_COMMITTER_DATE=%d +0800", 1_800_000_000+second), "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	var before string
	newer := func(what, prefix string) {
		t.Helper()
		c := exec.Command("sh", script)
		c.Dir = dir
		out, err := c.CombinedOutput()
		version := strings.TrimSpace(string(out))
		if err != nil || !strings.HasPrefix(version, prefix) {
			t.Fatalf("%s: %q, %v; want %s…", what, version, err, prefix)
		}
		if before != "" && exec.Command("dpkg", "--compare-versions", before+"-1", "lt", version+"-1").Run() != nil {
			t.Errorf("%s: %s is not newer than %s", what, version, before)
		}
		before = version
	}
	git(0, "init", "-q")
	for i := range 3 {
		git(i, "commit", "-q", "--allow-empty", "-m", "one")
		newer("before the first tag", fmt.Sprintf("0~git2027011508000%d.", i))
	}
	git(3, "tag", "v1.2.3-rc1")
	newer("a candidate", "1.2.3~rc1")
	git(4, "commit", "-q", "--allow-empty", "-m", "two")
	newer("after the candidate", "1.2.3~rc1+1.")
	git(5, "tag", "v1.2.3")
	newer("a version", "1.2.3")
	for i := range 11 {
		git(6+i, "commit", "-q", "--allow-empty", "-m", "three")
		newer("after the version", fmt.Sprintf("1.2.3+%d.", i+1))
	}
	git(20, "tag", "v1.3.0")
	newer("the next version", "1.3.0")
	if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	git(21, "add", "f")
	newer("with what is not committed", "1.3.0+changed")
}
