package systemd

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A releaser makes releases of the packages that make deb-test made.
type releaser struct {
	debs, upstream, arch, dir, key string
}

func newReleaser(t *testing.T) *releaser {
	t.Helper()
	r := &releaser{debs: os.Getenv("RAILGATE_DEBS"), dir: t.TempDir()}
	if r.debs == "" {
		t.Skip("skipped: make deb-test makes the packages for it")
	}
	r.arch = architecture(t)
	found, err := filepath.Glob(filepath.Join(r.debs, "railgate_*-1_"+r.arch+".deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v; want one package of a gate", found, err)
	}
	r.upstream = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(found[0]), "railgate_"), "-1_"+r.arch+".deb")
	r.key = filepath.Join(r.dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", r.key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

func (r *releaser) release(out, key string, files ...string) (string, error) {
	c := exec.Command("sh", append([]string{"systemd/deb/release.sh", r.debs, filepath.Join(r.dir, out), key, r.arch, "--"}, files...)...)
	c.Dir = ".."
	c.Env = append(os.Environ(), "GO=go", "UPSTREAM="+r.upstream)
	text, err := c.CombinedOutput()
	return string(text), err
}

// verify checks a release as docs/installation.md says.
func (r *releaser) verify(t *testing.T, folder string) error {
	t.Helper()
	public, err := os.ReadFile(r.key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "railgate.pub"), []byte("railgate "+string(public)), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sh", "-ec", "ssh-keygen -Y verify -f ../railgate.pub -I railgate -n railgate-release -s SHA256SUMS.sig <SHA256SUMS && sha256sum -c --quiet SHA256SUMS")
	c.Dir = filepath.Join(r.dir, folder)
	return c.Run()
}

func TestRelease(t *testing.T) {
	r := newReleaser(t)
	image := filepath.Join(r.dir, "gate.img")
	if err := os.WriteFile(image, []byte("an image"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"one", "two"} {
		if out, err := r.release(folder, r.key, image); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if out, err := exec.Command("diff", "-r", filepath.Join(r.dir, "one"), filepath.Join(r.dir, "two")).CombinedOutput(); err != nil {
		t.Errorf("two releases of one commit differ: %s", out)
	}
	if err := r.verify(t, "one"); err != nil {
		t.Errorf("a good release: %v", err)
	}
	sums, err := os.ReadFile(filepath.Join(r.dir, "one", "SHA256SUMS"))
	for _, name := range []string{"railgate_" + r.upstream + "-1_" + r.arch + ".deb", "railgate-station_" + r.upstream + "-1_" + r.arch + ".deb", "railgated_" + r.upstream + "-1_" + r.arch + ".cdx.json", "gate.img"} {
		if err != nil || !strings.Contains(string(sums), "  "+name+"\n") {
			t.Errorf("SHA256SUMS has no %s (%v)", name, err)
		}
	}
	r.tamper(t)
}

// tamper changes a file of each release: neither is taken.
func (r *releaser) tamper(t *testing.T) {
	t.Helper()
	sums := filepath.Join(r.dir, "two", "SHA256SUMS")
	data, err := os.ReadFile(sums)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sums, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "one", "gate.img"), []byte("another"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"one", "two"} {
		if r.verify(t, folder) == nil {
			t.Errorf("release %s was changed, and is taken", folder)
		}
	}
}

// The SBOM of the daemon has what is linked into it, and the standard library.
func TestReleaseListsItsModules(t *testing.T) {
	r := newReleaser(t)
	if out, err := r.release("one", r.key); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(r.dir, "one", "railgated_"+r.upstream+"-1_"+r.arch+".cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		Format   string `json:"bomFormat"`
		Metadata struct {
			Component struct{ Name, Version string }
		}
		Parts []struct{ Name, Version, PURL string } `json:"components"`
	}
	if err := json.Unmarshal(data, &bom); err != nil || bom.Format != "CycloneDX" || bom.Metadata.Component.Name != "railgate" || bom.Metadata.Component.Version != r.upstream {
		t.Fatalf("%v, %.300s; want a CycloneDX list of railgate %s", err, data, r.upstream)
	}
	versions := map[string]string{}
	for _, p := range bom.Parts {
		versions[p.Name] = p.Version
	}
	out, err := exec.Command("go", "version", "-m", filepath.Join(r.debs, "bin", r.arch, "railgated")).Output()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "dep" {
			continue
		}
		found++
		if versions[f[1]] != f[2] {
			t.Errorf("the list has %s %q; the program has %s", f[1], versions[f[1]], f[2])
		}
	}
	if found < 10 || versions["std"] == "" {
		t.Errorf("%d modules, std %q; want what railgated is made of", found, versions["std"])
	}
}

func TestReleaseRefuses(t *testing.T) {
	r := newReleaser(t)
	if out, err := r.release("one", ""); err == nil || !strings.Contains(out, "no key to sign with") {
		t.Errorf("without a key: %v, %s", err, out)
	}
	if out, err := r.release("one", filepath.Join(r.dir, "none")); err == nil || !strings.Contains(out, "cannot be read") {
		t.Errorf("with a key that is not there: %v, %s", err, out)
	}
	if err := os.Mkdir(filepath.Join(r.dir, "old"), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := r.release("old", r.key); err == nil || !strings.Contains(out, "is there already") {
		t.Errorf("over an old one: %v, %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "one")); err == nil {
		t.Error("what was refused left a release")
	}
}
