package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/package-url/packageurl-go"
)

// A debian is a package that an image has something of.
type debian struct {
	name, version, arch string
	source              string // the package that it was built from, and its version where that is another: "openssl (3.0.17-1)"
}

// debianFormat is what dpkg-query and dpkg-deb are asked for, which both know.
const debianFormat = "${Package}\\t${Version}\\t${Architecture}\\t${Source}\\n"

// parseDebians reads lines of debianFormat.
func parseDebians(text []byte) (all []debian, err error) {
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 || f[0] == "" || f[1] == "" || f[2] == "" {
			return nil, fmt.Errorf("%q is no line of package, version, architecture and source", line)
		}
		all = append(all, debian{f[0], f[1], f[2], f[3]})
	}
	return all, nil
}

// noteDebians writes down beside the files of packages, which are not installed, what they are of.
func noteDebians(into string, debs ...string) error {
	var noted []byte
	for _, deb := range debs {
		out, err := exec.Command("dpkg-deb", "--show", "--showformat="+debianFormat, deb).Output()
		if err != nil {
			return fmt.Errorf("dpkg-deb: %s: %w", deb, err)
		}
		noted = append(noted, out...)
	}
	return write(filepath.Join(into, notedFile), noted, 0o644)
}

const notedFile = "packages.list"

// isNoted tells whether it is known what the files in a folder are of: folders of before have no such list.
func isNoted(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, notedFile))
	return err == nil
}

// debians are the packages of the system, and those of which only files are in an image: kernel, firmware, boot loader.
func (b *build) debians() (all []debian, err error) {
	out, err := exec.Command("dpkg-query", "--admindir="+b.root("var/lib/dpkg"), "--show", "--showformat="+debianFormat).Output()
	if err != nil {
		return nil, fmt.Errorf("dpkg-query: %w", err)
	}
	folders := []string{"kernel"}
	if len(b.firmware) > 0 {
		folders = append(folders, "firmware")
	}
	for _, folder := range folders {
		noted, err := os.ReadFile(b.path(folder, notedFile))
		if err != nil {
			return nil, err
		}
		out = append(out, noted...)
	}
	return parseDebians(out)
}

// purl is a package's address, as purl-spec has it for Debian's, so that scanners find what is known of it.
func (d debian) purl() string {
	namespace := "debian"
	if d.name == "railgate" {
		namespace = "railgate"
	}
	qualifiers := map[string]string{"arch": d.arch, "distro": suite}
	if source, _, _ := strings.Cut(d.source, " "); source != "" && source != d.name {
		qualifiers["upstream"] = source
	}
	return packageurl.NewPackageURL(packageurl.TypeDebian, namespace, d.name, d.version, packageurl.QualifiersFromMap(qualifiers), "").ToString()
}

// list is what an image is made of, as CycloneDX (ECMA-424): the same for the same packages.
func (b *build) list(of []debian) ([]byte, error) {
	parts := []cyclonedx.Component{}
	for _, d := range of {
		purl := d.purl()
		parts = append(parts, cyclonedx.Component{BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: d.name, Version: d.version, PackageURL: purl})
	}
	slices.SortFunc(parts, func(x, y cyclonedx.Component) int { return strings.Compare(x.BOMRef, y.BOMRef) })
	parts = slices.CompactFunc(parts, func(x, y cyclonedx.Component) bool { return x.BOMRef == y.BOMRef })
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: b.epoch.Format(time.RFC3339),
		Component: &cyclonedx.Component{BOMRef: "image", Type: cyclonedx.ComponentTypeOS, Name: "railgate-" + b.name, Version: b.version},
	}
	bom.Components = &parts
	var text bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&text, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

func (b *build) listFile() string {
	return filepath.Join(b.out, fmt.Sprintf("railgate-%s-%s.cdx.json", b.version, b.name))
}

// makeList writes down what the image is made of, beside it.
func (b *build) makeList() error {
	of, err := b.debians()
	if err != nil {
		return err
	}
	text, err := b.list(of)
	if err != nil {
		return err
	}
	b.say("the list of its %d packages", len(of))
	return write(b.listFile(), text, 0o644)
}
