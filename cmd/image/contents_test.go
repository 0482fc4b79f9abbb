package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestListNamesEachPackageOnce(t *testing.T) {
	b := &build{board: board{name: "pc"}, version: "1.2.0", epoch: time.Unix(1764500000, 0).UTC()}
	of, err := parseDebians([]byte("libssl3\t3.0.17-1~deb12u2+b1\tamd64\topenssl (3.0.17-1~deb12u2)\nrailgate\t1.2.0-1\tamd64\t\nadduser\t3.134\tall\tadduser\nlibssl3\t3.0.17-1~deb12u2+b1\tamd64\topenssl (3.0.17-1~deb12u2)\n"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := b.list(of)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(of)
	if again, err := b.list(of); err != nil || !bytes.Equal(text, again) {
		t.Errorf("the same packages in another order: another list (%v)", err)
	}
	got := readBOM(t, text)
	want := []string{
		"pkg:deb/debian/adduser@3.134?arch=all&distro=bookworm",
		"pkg:deb/debian/libssl3@3.0.17-1~deb12u2%2Bb1?arch=amd64&distro=bookworm&upstream=openssl",
		"pkg:deb/railgate/railgate@1.2.0-1?arch=amd64&distro=bookworm",
	}
	if !slices.Equal(got.purls(), want) {
		t.Errorf("packages %q; want %q", got.purls(), want)
	}
	if got.Format != "CycloneDX" || got.Metadata.Timestamp != "2025-11-30T10:53:20Z" || got.Metadata.Component.Name != "railgate-pc" || got.Metadata.Component.Version != "1.2.0" {
		t.Errorf("%+v; want a CycloneDX list of railgate-pc 1.2.0, by the commit's time", got)
	}
}

// A bom is what is looked at of a list.
type bom struct {
	Format   string `json:"bomFormat"`
	Metadata struct {
		Timestamp string
		Component struct{ Name, Version string }
	}
	Components []struct{ PURL string }
}

func readBOM(t *testing.T, text []byte) (b bom) {
	t.Helper()
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	return b
}

func (b *bom) purls() (all []string) {
	for _, c := range b.Components {
		all = append(all, c.PURL)
	}
	return all
}

func TestLinesOfPackagesAreWhole(t *testing.T) {
	for name, text := range map[string]string{
		"no version":      "libssl3\t\tamd64\t\n",
		"a column less":   "libssl3\t3.0\tamd64\n",
		"a column more":   "libssl3\t3.0\tamd64\t\t\n",
		"an error's text": "dpkg-query: no packages found\n",
	} {
		if of, err := parseDebians([]byte(text)); err == nil {
			t.Errorf("%s: %+v; want an error", name, of)
		}
	}
}

func FuzzParseDebians(f *testing.F) {
	for _, seed := range []string{"", "\n", "libssl3\t3.0\tamd64\topenssl\n", "a\tb\tc\t", "a\t\tc\t\n", "ſ\t1:2+3~4\tall\tß (1)\n"} {
		f.Add([]byte(seed))
	}
	b := &build{board: board{name: "pc"}}
	f.Fuzz(func(t *testing.T, text []byte) {
		of, err := parseDebians(text)
		if err != nil {
			return
		}
		if list, err := b.list(of); err != nil || !json.Valid(list) {
			t.Errorf("%+v: %v", of, err)
		}
	})
}

// The images that are there have a list beside them, of what the system says that is installed, and of kernel and firmware.
func TestImagesHaveTheirLists(t *testing.T) {
	for _, b := range boards {
		t.Run(b.name, func(t *testing.T) {
			d := openDisk(t, b.name)
			text, err := os.ReadFile(strings.TrimSuffix(d.path, ".img") + ".cdx.json")
			if err != nil {
				t.Fatal(err)
			}
			list := readBOM(t, text)
			installed := 0
			for line := range strings.Lines(d.system("var/lib/dpkg/status")) {
				name, is := strings.CutPrefix(strings.TrimSpace(line), "Package: ")
				if !is {
					continue
				}
				installed++
				if !list.has(name) {
					t.Errorf("%s is installed, and not in %s", name, filepath.Base(d.path))
				}
			}
			if installed < 100 {
				t.Errorf("%d packages are installed; want a system's", installed)
			}
			for _, name := range append([]string{"linux-image-"}, b.firmware...) {
				if !list.has(name) {
					t.Errorf("%s is on the disk, and not in the list", name)
				}
			}
		})
	}
}

// has tells whether a package is in the list, or one whose name begins with name, if that ends with a hyphen.
func (b *bom) has(name string) bool {
	return slices.ContainsFunc(b.purls(), func(purl string) bool {
		_, of, _ := strings.Cut(strings.TrimPrefix(purl, "pkg:deb/"), "/")
		of, _, _ = strings.Cut(of, "@")
		of = strings.ReplaceAll(of, "%2B", "+")
		return of == name || strings.HasSuffix(name, "-") && strings.HasPrefix(of, name)
	})
}
