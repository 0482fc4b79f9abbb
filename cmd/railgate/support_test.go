package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/store/identity"
	"railgate/store/journal"
)

// private is what must not leave the gate of this test, by what it is.
type private map[string][]byte

// leaks are what of it is in a bundle, and in which form.
func (p private) leaks(files map[string][]byte) (found []string) {
	for what, secret := range p {
		for form, needle := range written(secret) {
			for name, data := range files {
				if bytes.Contains(data, needle) {
					found = append(found, fmt.Sprintf("%s, %s, in %s", what, form, name))
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

// written are the forms in which bytes may be written: as they are, hex, and base64, wherever in
// a longer text they begin.
func written(secret []byte) map[string][]byte {
	forms := map[string][]byte{
		"as it is": secret, "hex": []byte(hex.EncodeToString(secret)), "HEX": []byte(strings.ToUpper(hex.EncodeToString(secret))),
		"JSON": []byte(strings.Trim(string(quoted(secret)), `"`)), "with colons": []byte(strings.TrimRight(strings.ReplaceAll(fmt.Sprintf("% x", secret), " ", ":"), ":")),
	}
	for shift := range 3 {
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			whole := encoding.EncodeToString(append(make([]byte, shift), secret...))
			first, last := (shift*8+5)/6, (shift+len(secret))*8/6 // the letters that are all of the secret
			forms[fmt.Sprint(name, " ", shift)] = []byte(whole[first:last])
		}
	}
	return forms
}

func quoted(b []byte) []byte { text, _ := json.Marshal(string(b)); return text }

// unpacked are the files of a bundle.
func unpacked(t *testing.T, path string) map[string][]byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"the archive's names": nil}
	for in := tar.NewReader(zip); ; {
		h, err := in.Next()
		if err == io.EOF {
			return files
		}
		data, err2 := io.ReadAll(in)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		files[filepath.Base(h.Name)] = data
		files["the archive's names"] = fmt.Append(files["the archive's names"], h.Name, "\n")
	}
}

// fullOfSecrets is a gate whose every corner has something that is somebody's.
func fullOfSecrets(t *testing.T) (*ward, private) {
	t.Helper()
	source := rand.NewChaCha8([32]byte{7}) // the same each time
	random := func(n int) []byte {
		b := make([]byte, n)
		source.Read(b)
		return b
	}
	p := private{
		"a holder": random(16), "a certificate": random(16), "a ticket": random(12), "the gate's seed": random(32),
		"a passenger's name": []byte("欧阳晓燕"), "a name in Latin letters": []byte("Ouyang Xiaoyan"), "a resident ID": []byte("440305199003074518"), "a telephone": []byte("13812345678"),
		"a mail address": []byte("xiaoyan@mail.example"), "a code": []byte("RG1:6BF+70790T9WJWG.FKY*4GO0.O1CV2"), "a technician's login": []byte("liwei88"), "a technician's name": []byte("Li Wei from Depot 7"),
		"a Wi-Fi's name": []byte("Depot7-Staff-5G"), "a Wi-Fi's password": []byte("correct-horse-battery"), "a password": []byte("s3cr3t-Pa55word"), "a token": []byte("tok-1f9a0c77e2"),
		"a private key": []byte("MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"), "a bus key": []byte("SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU"),
	}
	w := newWard(t)
	holder, certificate := journal.ID(p["a holder"]), journal.ID(p["a certificate"])
	why := fmt.Sprintf("%s (%s, %s) could not scan; %s", p["a passenger's name"], p["a name in Latin letters"], p["a resident ID"], p["a telephone"])
	w.configure(fmt.Sprintf("# %s: Wi-Fi %s, %s", p["a technician's name"], p["a Wi-Fi's name"], p["a Wi-Fi's password"]))
	w.write("data/"+identity.SeedFile, string(p["the gate's seed"]))
	w.write("data/wpa_supplicant.conf", fmt.Sprintf("ssid=%q\npsk=%q\n", p["a Wi-Fi's name"], p["a Wi-Fi's password"]))
	s, err := openStore(w.path("data"))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		s.Append(journal.Record{Time: time.Now(), Kind: journal.Decision, Decision: journal.Granted, Reason: "ok", Holder: holder, Certificate: certificate, Ticket: journal.ID(p["a ticket"])})
	}
	s.Append(journal.Record{Time: time.Now(), Kind: journal.ServiceBegin, Detail: fmt.Sprintf("free for 10m0s, by user %s: %s", p["a technician's login"], why)})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	passwd := w.host.path("/etc/passwd")
	if err := os.WriteFile(passwd, fmt.Appendf(nil, "root:x:0:0::/:/bin/sh\ndaemon:x:1:1::/:/bin/sh\n%s:x:1000:1000:%s,,:/home/%[1]s:/bin/sh\n", p["a technician's login"], p["a technician's name"]), 0o644); err != nil {
		t.Fatal(err)
	}
	w.host.run = func(_ context.Context, name string, args ...string) (string, error) {
		switch name {
		case "systemctl":
			return "ActiveState=active\n", nil
		case "journalctl":
			return talk(p, why), nil
		case "dmesg":
			return fmt.Sprintf("2026-11-23T04:00:00 usb 1-1: Product: GM65\n2026-11-23T04:00:01 wlan0 usb: ssid: %s\n2026-11-23T04:00:02 nothing of ours, %s\n2026-11-23T04:00:03 mmc0: key %x\n", p["a Wi-Fi's name"], p["a name in Latin letters"], p["the gate's seed"]), nil
		case "ls":
			return fmt.Sprintf("-rw-r--r-- 1 %s railgate 12 Nov 23 04:00 gate.db\n", p["a technician's login"]), nil
		}
		return "", errors.New("executable file not found in $PATH")
	}
	return w, p
}

// talk is a log in which each secret stands in the way in which a program may write it.
func talk(p private, why string) string {
	lines := []string{
		fmt.Sprintf(`level=INFO msg="lane taken over" by="user %s" why=%q`, p["a technician's login"], why),
		fmt.Sprintf("level=INFO msg=service_begin direction=entry detail=%q", "free for 10m0s, by user "+string(p["a technician's login"])+": "+why),
		fmt.Sprintf(`{"level":"INFO","why":%q,"holder":"%x"}`, why, p["a holder"]),
		fmt.Sprintf(`level=WARN msg="certificate %x of %X" text="%s"`, p["a certificate"], p["a holder"], p["a code"]),
		fmt.Sprintf("reading %s!", p["a code"]),
		fmt.Sprintf("tickets %x %s", p["a ticket"], base64.StdEncoding.EncodeToString(p["a holder"])),
		fmt.Sprintf("seed=%s psk: %s", base64.RawURLEncoding.EncodeToString(p["the gate's seed"]), p["a Wi-Fi's password"]),
		fmt.Sprintf("wpa_supplicant: ssid: %s", p["a Wi-Fi's name"]),
		fmt.Sprintf("GET https://gate:%s@rail.example/nation?token=%s: 403", p["a password"], p["a token"]),
		fmt.Sprintf("password=%s token: %s", p["a password"], p["a token"]),
		fmt.Sprintf("-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----", p["a private key"]),
		fmt.Sprintf("nkey %s, key %s", p["a bus key"], p["a private key"]),
		fmt.Sprintf("open /home/%s/keys.json; mail %s, call %s or +86 138 1234 5678, ID %s", p["a technician's login"], p["a mail address"], p["a telephone"], p["a resident ID"]),
		fmt.Sprintf("session opened for %s", p["a technician's name"]),
		"level=ERROR msg=\"scanner front: no such device\"",
	}
	return strings.Join(lines, "\n") + "\n"
}

func (w *ward) support(output string) (string, error) {
	w.t.Helper()
	b := newSupport(&gate{config: w.path("gate.toml")}, w.host, noon)
	path, _, err := b.write(w.t.Context(), output, io.Discard)
	return path, err
}

// A bundle of a gate that runs, and of one that does not, has nothing of anybody.
func TestASupportBundleIsNobodys(t *testing.T) {
	t.Parallel()
	w, secrets := fullOfSecrets(t)
	for _, running := range []bool{false, true} {
		want := []string{"config.json", "doctor.json", "doctor.txt", "journal-counts.csv", "kernel.txt", "log.txt", "disk.txt", "units.txt", "versions.txt", "README.txt"}
		if running {
			os.Remove(w.path("data/" + identity.SeedFile)) // railgated wants one of its own kind
			w.start()
			w.tool("service", "free", "--why", string(secrets["a passenger's name"]))
			want = append(want, "status.json", "metrics.txt")
		}
		out, err := w.support(w.path(fmt.Sprint("bundle", running, ".tar.gz")))
		if err != nil {
			t.Fatal(err)
		}
		files := unpacked(t, out)
		for _, leak := range secrets.leaks(files) {
			t.Errorf("running %v: %s", running, leak)
		}
		for _, name := range want {
			if len(files[name]) == 0 {
				t.Errorf("running %v: %s is not there", running, name)
			}
			if name != "README.txt" && !bytes.Contains(files["README.txt"], []byte(name+" ")) {
				t.Errorf("README.txt does not say what %s is", name)
			}
		}
		for name, want := range map[string]string{
			"journal-counts.csv": ",decision,granted,ok,5\n", "log.txt": "scanner front: no such device", "kernel.txt": "Product: GM65", "config.json": `"turnstile.driver"`,
		} {
			if !strings.Contains(string(files[name]), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, files[name])
			}
		}
		if strings.Contains(string(files["kernel.txt"]), "nothing of ours") {
			t.Error("the kernel's whole log is there")
		}
		for _, name := range []string{"config.json", "doctor.json", "status.json"} {
			if data := files[name]; len(data) > 0 && !json.Valid(data) {
				t.Errorf("%s is not JSON:\n%s", name, data)
			}
		}
	}
}

// The search finds whatever is let in, in each form.
func TestTheSearchOfABundleFindsWhatIsLetIn(t *testing.T) {
	_, secrets := fullOfSecrets(t)
	for what, secret := range secrets {
		for form, text := range written(secret) {
			if len(private{what: secret}.leaks(map[string][]byte{"x": slices.Concat([]byte("before"), text, []byte("after"))})) == 0 {
				t.Errorf("%s, %s, is not found", what, form)
			}
		}
		for name, whole := range map[string]string{
			"base64": base64.StdEncoding.EncodeToString(slices.Concat([]byte("1"), secret, []byte("2"))), "base64url": base64.URLEncoding.EncodeToString(slices.Concat([]byte("12"), secret)),
		} {
			if len(private{what: secret}.leaks(map[string][]byte{"x": []byte(whole)})) == 0 {
				t.Errorf("%s within %s is not found", what, name)
			}
		}
	}
}

// A configuration that cannot be read shows its keys, and no value.
func TestASupportBundleOfABrokenConfiguration(t *testing.T) {
	w, secrets := fullOfSecrets(t)
	w.write("gate.toml", fmt.Sprintf("data = %q\n[lane]\ndirection = \"up\"\npassword = \"%s\" # %s\n", w.path("data"), secrets["a password"], secrets["a passenger's name"]))
	out, err := w.support(w.path("bundle.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	files := unpacked(t, out)
	for _, leak := range secrets.leaks(files) {
		t.Error(leak)
	}
	if got := string(files["config.json"]); got != "1: data =\n2: [lane]\n3: direction =\n4: password =\n" {
		t.Errorf("config.json: %q", got)
	}
}

// A bundle is bounded, keeps what is newest, and is whole or not there.
func TestASupportBundleIsBounded(t *testing.T) {
	w := newWard(t)
	long := strings.Repeat("usb 1-1: a line of text\n", 1<<16)
	w.host.run = func(_ context.Context, name string, _ ...string) (string, error) {
		return long + "usb: the last of " + name + "\n", nil
	}
	out, err := w.support(w.path("bundle.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for name, data := range unpacked(t, out) {
		total += len(data)
		if len(data) > maxPart {
			t.Errorf("%s has %d bytes", name, len(data))
		}
		if name == "log.txt" && !strings.HasSuffix(string(data), "the last of journalctl\n") {
			t.Errorf("log.txt ends with %q", data[len(data)-50:])
		}
	}
	if total > maxBundle+1<<16 {
		t.Errorf("%d bytes in all", total)
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want a file for its owner alone", info.Mode(), err)
	}
	if _, err := w.support(out); err == nil || !strings.Contains(err.Error(), "--output") {
		t.Errorf("over one that is there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	late := w.path("late.tar.gz")
	if _, _, err := newSupport(&gate{config: w.path("gate.toml")}, w.host, noon).write(ctx, late, io.Discard); err == nil {
		t.Error("a bundle that was given up is made")
	}
	if _, err := os.Stat(late); err == nil {
		t.Error("a part of a bundle is left")
	}
}

// The command says where the file is, and what to do with it.
func TestSupportBundleSaysWhereItIs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	out := s.path("a07.tar.gz")
	status, stdout, errOut := s.tool("support-bundle", "-o", out)
	if status != 0 || !strings.HasPrefix(stdout, out+" (") || !strings.Contains(errOut, "rm "+out) || !strings.Contains(errOut, "no personal data") {
		t.Errorf("status %d, %q, %q", status, stdout, errOut)
	}
	if names := string(unpacked(t, out)["the archive's names"]); !strings.HasPrefix(names, "railgate-support-") || path.IsAbs(names) {
		t.Errorf("names: %s", names)
	}
	if status, _, errOut := s.tool("support-bundle", "-o", s.path("nowhere/x")); status != exitFailed || !strings.Contains(errOut, "--output") {
		t.Errorf("into no folder: status %d, %q", status, errOut)
	}
}

// What a configuration's keys may have of secrets is not shown.
func TestSecretSettingsAreBlanked(t *testing.T) {
	s := newScrubber(&host{root: t.TempDir()}, t.TempDir())
	for _, tt := range []struct {
		key         string
		value, want any
	}{
		{"sync.nation", "https://gate:s3cr3t@rail.example/nation?key=tok", "https://" + blanked + "@rail.example/nation?" + blanked},
		{"bus.servers", []string{"tls://u:p@a:4222", "tls://b:4222"}, []any{"tls://" + blanked + "@a:4222", "tls://b:4222"}},
		{"bus.credentials", "/etc/railgate/bus.creds", blanked},
		{"bus.credentials", "", ""},
		{"data", "/home/liwei/data", "/home/" + blanked + "/data"},
		{"lane.direction", "entry", "entry"},
		{"scanner[0].baud", int64(115200), int64(115200)},
	} {
		if got := s.setting(tt.key, tt.value); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s = %v: %v; want %v", tt.key, tt.value, got, tt.want)
		}
	}
}

// Each rule blanks by itself what it is for, and leaves what helps.
func TestScrubbedText(t *testing.T) {
	s := newScrubber(&host{root: t.TempDir()}, t.TempDir())
	for text, want := range map[string]string{
		"psk: several words of it": "psk: " + blanked,
		`msg=service_begin detail="free for 10m0s, by wang: he \"fell\", she: too" count=1`: `msg=service_begin detail="free for 10m0s, by ` + blanked + `: ` + blanked + `" count=1`,
		`msg=service_end detail="free, after 0s, by wang" x=1`:                              `msg=service_end detail="free, after 0s, by ` + blanked + `" x=1`,
		`detail="gate A07 of station GZQ, by wang, signed by D58A D833"`:                    `detail="gate A07 of station GZQ, by ` + blanked + `, signed by D58A D833"`,
		`proven time lowered, by a technician: Li said`:                                     `proven time lowered, by a technician: ` + blanked,
		`why="he, she" lane=1`:                                "why=" + blanked + " lane=1",
		`{"token": "a b", "x": 1}`:                            `{"token": ` + blanked + `, "x": 1}`,
		"a\n-----BEGIN KEY-----\nshort\n-----END KEY-----\nb": "a\n" + blanked + "\nb",
		"AGE-SECRET-KEY-1QQ x":                                blanked + " x",
		"jwt eyJhbGciOiJub25lIn0.e30.x":                       "jwt " + blanked,
		"ID 44030519900307451X":                               "ID " + blanked,
		"call +8613812345678":                                 "call " + blanked,
		"call 008613812345678 or 8613812345678":               "call " + blanked + " or " + blanked,
		"Authorization: Basic dXNlcjpwYXNz":                   "Authorization: " + blanked,
		"call 138 1234 5678":                                  "call " + blanked,
		"rg1%3A6BF+70790T9WJWG":                               blanked,
		"key 0102030405060708090a0b0c0d0e0f10":                "key " + blanked,
		"key 01:02:03:04:05:06:07:08":                         "key " + blanked,
		"at /dev/serial/by-id/usb-GM65_Scanner_V2-if00":       "at /dev/serial/by-id/usb-GM65_Scanner_V2-if00",
		"railgated[612]: dur=12.5ms reason=already_used":      "railgated[612]: dur=12.5ms reason=already_used",
		"0f9a7c3e-1b2d-4c5e-8f90-123456789abc ext4":           "0f9a7c3e-1b2d-4c5e-8f90-123456789abc ext4",
	} {
		if got := s.text(text); got != want {
			t.Errorf("%q: %q; want %q", text, got, want)
		}
	}
}

// The data folder is the daemon's, and a bundle is often root's: a pipe there must not make it wait.
func TestAPipeInTheSeedsPlace(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, identity.SeedFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := newScrubber(&host{root: t.TempDir()}, dir).text("call 13812345678"); got != "call "+blanked {
		t.Errorf("%q", got)
	}
}

func FuzzScrub(f *testing.F) {
	s := newScrubber(&host{root: f.TempDir()}, f.TempDir())
	for _, text := range []string{"password: x", "RG1:ABC", "https://a:b@c/d?e", "13812345678", strings.Repeat("0f", 16)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id := hex.EncodeToString([]byte("sixteen bytes id"))
		if got := s.text(text + "\n" + id + "\n"); strings.Contains(got, id) {
			t.Errorf("%q lets an id through: %q", text, got)
		}
	})
}
