package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"railgate/driver/eye"
	"railgate/verify"
)

// A counter is where a station's gates are enrolled, by the command line.
type counter struct {
	t   *testing.T
	dir string
	now time.Time

	files int
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC)}
	c.write("passphrase", "correct horse battery\n")
	c.must("init", "--station", "GZQ", "--server", "tls://127.0.0.1:4222")
	return c
}

func (c *counter) path(name string) string { return filepath.Join(c.dir, name) }

func (c *counter) write(name, text string) string {
	c.t.Helper()
	if err := os.WriteFile(c.path(name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return c.path(name)
}

func (c *counter) run(args ...string) (string, error) {
	var out bytes.Buffer
	root := newCommands(&desk{now: func() time.Time { return c.now }, workFactor: 10})
	root.SetArgs(append(args, "--dir", c.path("railgate"), "--passphrase-file", c.path("passphrase")))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.Execute()
	return out.String(), err
}

func (c *counter) must(args ...string) string {
	c.t.Helper()
	out, err := c.run(args...)
	if err != nil {
		c.t.Fatalf("station %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// signer is the key that the counter prints for gates' images.
func (c *counter) signer() ed25519.PublicKey {
	c.t.Helper()
	for line := range strings.Lines(c.must("enroll", "--signer")) {
		if !strings.HasPrefix(line, "#") {
			key, err := hex.DecodeString(strings.Fields(line)[0])
			if err != nil {
				c.t.Fatal(err)
			}
			return key
		}
	}
	c.t.Fatal("no key")
	return nil
}

// newKeys is the text of the code that a gate without a name shows.
func newKeys(t *testing.T, seed string) string {
	t.Helper()
	text, err := seedOf(seed).Public("", "").Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var urls = []string{"--nation", "https://rail.example/nation/", "--repository", "https://gzq.example/station"}

// taken is what a gate makes of a code.
func (c *counter) taken(code, seed string) (*verify.Provision, verify.Reason) {
	return verify.DecideProvision(strings.TrimSpace(code), verify.ProvisionRules{Key: seedOf(seed).Public("", "").Provisioning, Signers: []ed25519.PublicKey{c.signer()}, Now: c.now})
}

func TestEnrollMakesAGatesCode(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	args := append([]string{"enroll", newKeys(t, "new"), "--gate", "A07", "--direction", "exit", "--network", "10.1.2.3/24", "--gateway", "10.1.2.1", "--for", "24h", "--text"}, urls...)
	code := c.must(args...)
	p, reason := c.taken(code, "new")
	if reason != verify.OK {
		t.Fatalf("%s: %q", code, reason)
	}
	root, err := os.ReadFile(c.path("railgate/nation/public/1.root.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := p.Settings
	if s.Station != "GZQ" || s.Gate != "A07" || s.Direction != "exit" || s.Nation != "https://rail.example/nation" || s.Repository != "https://gzq.example/station" || s.Network.Gateway != "10.1.2.1" ||
		!bytes.Equal(s.NationRoot, sha(root)) || !p.Expires.Equal(c.now.Add(24*time.Hour)) {
		t.Errorf("%+v, until %v", s, p.Expires)
	}
	if _, reason := c.taken(code, "another"); reason != verify.OtherGate {
		t.Errorf("another gate takes it: %q", reason)
	}
	if out := c.must("gates"); !strings.Contains(out, "A07") {
		t.Errorf("the gate is not enrolled:\n%s", out)
	}
	again := c.must("enroll", strings.TrimSpace(newKeys(t, "second")), "--gate", "A08", "--text") // the URLs are remembered
	if p, reason := c.taken(again, "second"); reason != verify.OK || p.Settings.Nation != s.Nation {
		t.Errorf("the second: %+v, %q", p, reason)
	}
	lines, err := seedOf("third").Public("", "").Lines()
	if err != nil {
		t.Fatal(err)
	}
	typed := c.write("typed", strings.ToLower(strings.Join(lines, "\n")))
	if _, reason := c.taken(c.must("enroll", typed, "--gate", "A09", "--text"), "third"); reason != verify.OK {
		t.Errorf("keys that were read out: %q", reason)
	}
}

func sha(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}

// The picture and the drawing hold the code, as a gate's own eye reads it.
func TestACodeIsReadFromItsPicture(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	args := append([]string{"enroll", newKeys(t, "new"), "--gate", "A07", "--png", c.path("a.png")}, urls...)
	if out := c.must(args...); !strings.Contains(out, "Hold its code to its own scanner before 2026-12-05") {
		t.Errorf("%q", out)
	}
	f, err := os.Open(c.path("a.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	gray := image.NewGray(img.Bounds())
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			gray.Set(x, y, img.At(x, y))
		}
	}
	text, ok := eye.NewReader().Read(gray)
	if _, reason := c.taken(text, "new"); !ok || reason != verify.OK {
		t.Errorf("read %q: %q", text, reason)
	}
	drawn := c.must("enroll", newKeys(t, "new"), "--gate", "A07")
	if text, ok := eye.NewReader().Read(blocks(drawn)); !ok || !strings.HasPrefix(text, verify.ProvisionPrefix) {
		t.Errorf("the drawing is not read:\n%s", drawn)
	}
}

// blocks paints what a terminal shows of half blocks, dark behind.
func blocks(text string) *image.Gray {
	lines := strings.Split(text, "\n")
	const px = 4
	img := image.NewGray(image.Rect(0, 0, 120*px, 2*len(lines)*px))
	for y, line := range lines {
		for x, r := range []rune(line) {
			for half, light := range []bool{r == '█' || r == '▀', r == '█' || r == '▄'} {
				for i := range px * px {
					if light {
						img.SetGray(x*px+i%px, (2*y+half)*px+i/px, color.Gray{255})
					}
				}
			}
		}
	}
	return img
}

func TestEnrollRefuses(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	keys := newKeys(t, "new")
	named, err := seedOf("named").Public("GZQ", "A07").Text()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no URLs", []string{keys, "--gate", "A07"}, "--nation and --repository are missing"},
		{"no name", append([]string{keys}, urls...), "--gate NAME"},
		{"a bad direction", append([]string{keys, "--gate", "A07", "--direction", "up"}, urls...), `direction "up"`},
		{"a bad network", append([]string{keys, "--gate", "A07", "--network", "10.1.2.3"}, urls...), "want dhcp, or an address"},
		{"too long", append([]string{keys, "--gate", "A07", "--for", "721h"}, urls...), "provisioning code"},
		{"another name", append([]string{named, "--gate", "A08"}, urls...), "says that it is A07"},
		{"two things at once", []string{keys, "--signer"}, "--signer alone"},
		{"a slip", []string{c.write("slip", "AAAA AAAA AAAA AAAA"), "--gate", "A07"}, "line 1 has a wrong character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if out, err := c.run(append([]string{"enroll"}, tt.args...)...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, %s; want %q", err, out, tt.want)
			}
		})
	}
	if out := c.must("gates"); strings.Contains(out, "A07") {
		t.Errorf("a gate is enrolled all the same:\n%s", out)
	}
}

// A station that was made before there were set-up codes has a signer once it is asked.
func TestAnOlderStationGetsASigner(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	if err := os.Remove(c.path("railgate/station/keys/provision.key")); err != nil {
		t.Fatal(err)
	}
	if first, second := c.signer(), c.signer(); !bytes.Equal(first, second) {
		t.Errorf("two signers: %x, %x", first, second)
	}
}

func (c *counter) csv(rows ...string) string {
	c.files++
	return c.write(fmt.Sprintf("gates-%d.csv", c.files), "gate,direction,keys,network,gateway,dns\n"+strings.Join(rows, "\n")+"\n")
}

var sheetCode = regexp.MustCompile(`(?s)viewBox="0 0 (\d+) \d+".*?<path d="([^"]*)"`)

func TestASheetHasACodeForEachGate(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	csv := c.csv("A07,entry,"+newKeys(t, "7")+",10.1.2.7/24,10.1.2.1,10.1.2.1 10.1.2.2", "A08,exit,"+newKeys(t, "8")+",dhcp,,", "B-North-12,check,"+newKeys(t, "12")+",,,")
	toml := c.write("gates.toml", fmt.Sprintf("[[gate]]\ngate = \"A07\"\ndirection = \"entry\"\nkeys = %q\nnetwork = \"10.1.2.7/24\"\ngateway = \"10.1.2.1\"\ndns = [\"10.1.2.1\", \"10.1.2.2\"]\n"+
		"[[gate]]\ngate = \"A08\"\ndirection = \"exit\"\nkeys = %q\nnetwork = \"dhcp\"\n[[gate]]\ngate = \"B-North-12\"\ndirection = \"check\"\nkeys = %q\n", newKeys(t, "7"), newKeys(t, "8"), newKeys(t, "12")))
	text, err := os.ReadFile(csv)
	if err != nil {
		t.Fatal(err)
	}
	spreadsheet := c.write("gates-of-a-spreadsheet.csv", "\ufeff"+strings.NewReplacer(",", ";", "\n", "\r\n", "entry", "Entry", "gate,", "Gate;").Replace(string(text)))
	for _, file := range []string{csv, toml, spreadsheet} {
		out := c.must(append([]string{"enroll", "--print", c.path("sheet.html"), "--files", c.path("codes"), file}, urls...)...)
		if !strings.Contains(out, "3 gates of station GZQ are enrolled") {
			t.Errorf("%q", out)
		}
		page, err := os.ReadFile(c.path("sheet.html"))
		if err != nil {
			t.Fatal(err)
		}
		codes := sheetCode.FindAllSubmatch(page, -1)
		if len(codes) != 3 {
			t.Fatalf("%d codes on the sheet; want 3", len(codes))
		}
		for i, seed := range []string{"7", "8", "12"} {
			text, ok := eye.NewReader().Read(painted(t, codes[i]))
			p, reason := c.taken(text, seed)
			want := []string{"A07", "A08", "B-North-12"}[i]
			if !ok || reason != verify.OK || p.Settings.Gate != want {
				t.Fatalf("code %d: %+v, %q; want gate %s", i+1, p, reason, want)
			}
			if i == 0 && (p.Settings.Network.Gateway != "10.1.2.1" || len(p.Settings.Network.DNS) != 2) {
				t.Errorf("network %+v", p.Settings.Network)
			}
			onStick, err := os.ReadFile(c.path("codes/" + want + ".provision"))
			if err != nil || string(onStick) != text+"\n" {
				t.Errorf("the file of %s is another code: %v", want, err)
			}
		}
		if os.Getenv("RAILGATE_SHEET") != "" {
			os.WriteFile(os.Getenv("RAILGATE_SHEET"), page, 0o600)
		}
	}
}

// painted is a code of a sheet as a picture.
func painted(t *testing.T, m [][]byte) *image.Gray {
	t.Helper()
	size, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	const px = 5
	img := image.NewGray(image.Rect(0, 0, size*px, size*px))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for _, at := range regexp.MustCompile(`M(\d+) (\d+)h1v1h-1z`).FindAllSubmatch(m[2], -1) {
		x, _ := strconv.Atoi(string(at[1]))
		y, _ := strconv.Atoi(string(at[2]))
		for i := range px * px {
			img.SetGray(x*px+i%px, y*px+i/px, color.Gray{})
		}
	}
	return img
}

// A sheet with one wrong line enrolls nobody, and says which line it is.
func TestASheetIsWholeOrNotMade(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	good, other := newKeys(t, "7"), newKeys(t, "8")
	for _, tt := range []struct{ name, file, want string }{
		{"a bad name", c.csv("A07,entry,"+good+",,,", "A.8,exit,"+other+",,,"), `line 3, gate "A.8"`},
		{"one name twice", c.csv("A07,entry,"+good+",,,", "A07,exit,"+other+",,,"), "line 2 has this name too"},
		{"one gate twice", c.csv("A07,entry,"+good+",,,", "A08,exit,"+good+",,,"), "was one gate scanned twice?"},
		{"half a code", c.csv("A07,entry," + good[:len(good)-2] + ",,,"), `line 2, gate "A07"`},
		{"an unknown column", c.write("a.csv", "gate,password\nA07,x\n"), `column "password"`},
		{"nothing", c.write("b.csv", ""), "no header"},
		{"no gate", c.write("d.csv", "gate,keys\n"), "no gate in it"},
		{"an unknown key", c.write("a.toml", "[[gate]]\ngate = \"A07\"\npassword = \"x\"\n"), "an unknown key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := c.run(append([]string{"enroll", "--print", c.path("sheet.html"), tt.file}, urls...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, %s; want %q", err, out, tt.want)
			}
		})
	}
	if out := c.must("gates"); strings.Contains(out, "A07") || exists(c.path("sheet.html")) {
		t.Errorf("gates are enrolled, or there is a sheet:\n%s", out)
	}
	// The last of three has other keys here: the first two are not enrolled either.
	c.must(append([]string{"enroll", "--gate", "A09", newKeys(t, "9"), "--text"}, urls...)...)
	file := c.csv("A07,entry,"+good+",,,", "A08,entry,"+other+",,,", "A09,entry,"+newKeys(t, "10")+",,,")
	out, err := c.run(append([]string{"enroll", "--print", c.path("sheet.html"), "--files", c.path("codes"), file}, urls...)...)
	if err == nil || !strings.Contains(err.Error(), "--replace takes these") || !strings.Contains(err.Error(), "nothing was enrolled") {
		t.Errorf("other keys: %v, %s; want that they are others, and what to do", err, out)
	}
	if out := c.must("gates"); strings.Contains(out, "A07") || exists(c.path("sheet.html")) || exists(c.path("codes")) {
		t.Errorf("gates are enrolled, or there is a sheet, or a code:\n%s", out)
	}
}

// Where the repositories are is remembered once a gate was enrolled by it: a slip of the pen is not.
func TestWhatIsRefusedIsNotRemembered(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	keys := newKeys(t, "7")
	c.must(append([]string{"enroll", "--gate", "A07", keys, "--text"}, urls...)...)
	for _, args := range [][]string{{"--gate", "A07", keys}, {"--print", c.path("sheet.html"), c.csv("A07,entry," + keys + ",,,")}} {
		if out, err := c.run(append([]string{"enroll", "--repository", "ftp://gzq.example/station"}, args...)...); err == nil {
			t.Fatalf("ftp is taken\n%s", out)
		}
		c.must("enroll", "--gate", "A07", keys, "--text") // by what was told first
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func FuzzParseRows(f *testing.F) {
	f.Add("a.csv", []byte("gate,direction,keys\nA07,entry,RGID1:X\n"))
	f.Add("a.toml", []byte("[[gate]]\ngate = \"A07\"\ndns = [\"10.0.0.1\"]\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		rows, err := parseRows(name, data)
		if (err == nil) != (len(rows) > 0) {
			t.Errorf("%d rows, %v", len(rows), err)
		}
	})
}
