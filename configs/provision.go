package configs

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"railgate/verify"
)

// This file is about a gate that is made one of its station's after its card was written: by a
// signed code, or by hand (verify's RGP1). What was set then is in a file of its own in the data
// folder, which lies over railgated.toml key by key: that one may be on a read-only disk, and is
// the technician's.

// ProvisionedName is that file's name.
const ProvisionedName = "provisioned.toml"

// Provision is how a gate becomes one of its station's.
type Provision struct {
	Wait    bool   // by a code: without ProvisionedName the gate waits for one
	Signers string // the file of the keys whose codes it takes; that is not there: whose signer a technician confirms

	Waiting bool  // it has none yet
	Damaged error // why what it had cannot be read; nil: it can, or it had none
}

// Provisioned is the path of what was provisioned.
func (c *Config) Provisioned() string { return filepath.Join(c.Data, ProvisionedName) }

// provisionKeys are those that provisioning sets, in the order in which they are written.
var provisionKeys = []string{
	"station", "gate", "lane.direction", "sync.nation", "sync.nation_root", "sync.station", "sync.station_root", "network.address", "network.gateway", "network.dns",
}

// FormatSettings writes settings as ProvisionedName has them.
func FormatSettings(s *verify.Settings) []byte {
	var b strings.Builder
	b.WriteString("# Written when this gate was provisioned; it lies over railgated.toml. railgate provision --reset takes it back.\n")
	fmt.Fprintf(&b, "station = %q\ngate = %q\n\n[lane]\ndirection = %q\n", s.Station, s.Gate, s.Direction)
	fmt.Fprintf(&b, "\n[sync]\nnation = %q\nnation_root = \"%x\"\n", s.Nation, s.NationRoot)
	if s.Repository != "" {
		fmt.Fprintf(&b, "station = %q\n", s.Repository)
	}
	if len(s.StationRoot) > 0 {
		fmt.Fprintf(&b, "station_root = \"%x\"\n", s.StationRoot)
	}
	if n := s.Network; n.Address != "" {
		fmt.Fprintf(&b, "\n[network]\naddress = %q\n", n.Address)
		if n.Gateway != "" {
			fmt.Fprintf(&b, "gateway = %q\n", n.Gateway)
		}
		if len(n.DNS) > 0 {
			fmt.Fprintf(&b, "dns = %s\n", shown(n.DNS))
		}
	}
	return []byte(b.String())
}

// ParseSettings reads what FormatSettings wrote, or a technician by hand: these keys and no other,
// each as a code may have it.
func ParseSettings(path string, data []byte) (*verify.Settings, error) {
	_, s, err := parseSettings(path, data)
	return s, err
}

func parseSettings(path string, data []byte) (*document, *verify.Settings, error) {
	if len(data) > maxFile {
		return nil, nil, fmt.Errorf("%s has %d bytes; what provisions a gate has at most %d", quote(path), len(data), maxFile)
	}
	d := newDocument(path, bytes.TrimPrefix(data, []byte("\ufeff"))) // editors elsewhere begin a file with it
	for _, name := range d.names {
		_, isKey := d.values[name]
		isSection := !isKey && slices.ContainsFunc(provisionKeys, func(k string) bool { return strings.HasPrefix(k, name+".") })
		if !isSection && !slices.Contains(provisionKeys, name) {
			d.wrong(name, d.lines[name], "is not set when a gate is provisioned; want some of %s", strings.Join(provisionKeys, ", "))
		}
	}
	if len(d.problems) > 0 {
		return nil, nil, errors.Join(d.problems...)
	}
	r := settingsReader{document: d}
	s := &verify.Settings{
		Station: r.text("station"), Gate: r.text("gate"), Direction: r.text("lane.direction"),
		Nation: r.text("sync.nation"), NationRoot: r.hash("sync.nation_root"), Repository: r.text("sync.station"), StationRoot: r.hash("sync.station_root"),
		Network: verify.Network{Address: r.text("network.address"), Gateway: r.text("network.gateway"), DNS: r.texts("network.dns")},
	}
	if len(d.problems) > 0 {
		return nil, nil, errors.Join(d.problems...)
	}
	if err := s.Check(); err != nil {
		return nil, nil, &Problem{Path: path, Text: err.Error()}
	}
	return d, s, nil
}

// A settingsReader reads the values of a document, and reports those of the wrong kind.
type settingsReader struct{ *document }

func (r settingsReader) text(name string) string {
	v, ok := r.values[name]
	if !ok {
		return ""
	}
	s, isText := v.(string)
	if !isText {
		r.wrong(name, r.lines[name], "is of the wrong kind; want %s", wantText)
	}
	return s
}

func (r settingsReader) texts(name string) (all []string) {
	v, ok := r.values[name]
	if !ok {
		return nil
	}
	list, isList := v.([]any)
	for _, item := range list {
		s, isText := item.(string)
		isList = isList && isText
		all = append(all, s)
	}
	if !isList {
		r.wrong(name, r.lines[name], "is of the wrong kind; want %s", wantTexts)
	}
	return all
}

func (r settingsReader) hash(name string) []byte {
	text := r.text(name)
	sum, err := parseHash(text)
	if err != nil {
		r.wrong(name, r.lines[name], "%s is not a fingerprint; want %s", quote(text), wantHash)
	}
	return sum
}

const wantHash = "SHA-256 of the file in 64 hexadecimal digits, as sha256sum prints it"

// ParseFingerprint reads the fingerprint of a first root: SHA-256 in 64 hexadecimal digits.
func ParseFingerprint(text string) ([]byte, error) {
	sum, err := parseHash(text)
	if err != nil || sum == nil {
		return nil, fmt.Errorf("%s is not a fingerprint; want %s", quote(text), wantHash)
	}
	return sum, nil
}

// parseHash reads a fingerprint; "" is none.
func parseHash(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	sum, err := hex.DecodeString(text)
	if err == nil && len(sum) != 32 {
		err = errors.New("want 64 digits")
	}
	return sum, err
}

// layer reads what was provisioned, where the file has [provision] wait = true. nil: nothing was.
func (c *Config) layer() *document {
	if !c.Provision.Wait {
		return nil
	}
	data, err := readFile(c.Provisioned())
	if err == nil {
		var d *document
		if d, _, err = parseSettings(c.Provisioned(), data); err == nil {
			return d
		}
	}
	c.Provision.Waiting = true
	if !errors.Is(err, fs.ErrNotExist) {
		c.Provision.Damaged = err
	}
	return nil
}

// provisioned is the configuration with what was provisioned over it.
func (c *Config) provisioned() (*Config, error) {
	d := c.layer()
	if d == nil {
		return c, nil
	}
	return parse(c.Path, c.source, d, nil)
}

// WithSettings is the configuration with settings over it, checked as a whole: what the gate will
// be once it is provisioned with them. c stays as it is.
func (c *Config) WithSettings(s *verify.Settings) (*Config, error) {
	d, _, err := parseSettings(c.Provisioned(), FormatSettings(s))
	if err != nil {
		return nil, err
	}
	return parse(c.Path, c.source, d, nil)
}

// checkProvision checks how the gate becomes one of its station's.
func (c *checker) checkProvision() {
	c.in("provision")
	c.Provision = Provision{Wait: c.flag("wait", false), Signers: c.path(signersPath)}
	if c.Provision.Wait && c.Keys != "" {
		c.wrong("wait", "is for a gate whose keyset comes from its nation's repository, and keys is set; set keys = \"\", or take wait out")
	}
}

// checkNetwork checks how the gate gets its address.
func (c *checker) checkNetwork() {
	c.in("network")
	c.Network.Address, c.Network.Gateway = c.text("address"), c.text("gateway")
	c.Network.DNS, _ = list[string](c, "dns", wantTexts)
	c.set("dns", append([]string{}, c.Network.DNS...))
	if err := c.Network.Check(); err != nil {
		c.wrong("address", "%v", err)
	}
}

// checkRoots checks the fingerprints of the repositories' first roots.
func (c *checker) checkRoots() {
	c.in("sync")
	root := func(key string) string {
		c.kind(key, kind{want: wantHash})
		text := c.text(key)
		if _, err := parseHash(text); err != nil {
			c.wrong(key, "%s is not a fingerprint; want %s", quote(text), wantHash)
		}
		return strings.ToLower(text)
	}
	c.Sync.NationRoot, c.Sync.StationRoot = root("nation_root"), root("station_root")
}

// ReadSigners reads the file of the keys whose codes the gate takes; none where it is not there.
func (c *Config) ReadSigners() ([][]byte, error) {
	data, err := readFile(c.Provision.Signers)
	if errors.Is(err, os.ErrNotExist) || c.Provision.Signers == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys, err := ParseSigners(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Provision.Signers, err)
	}
	return keys, nil
}

// ParseSigners reads keys, a line each: 64 hexadecimal digits, then a comment. A line that begins
// with # is a comment. A file without a key is an error: it would take any signer's codes.
func ParseSigners(data []byte) (keys [][]byte, err error) {
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		key, err := hex.DecodeString(fields[0])
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("line %d: %s is not a key; want 64 hexadecimal digits, as station enroll --signer prints them", n, quote(fields[0]))
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it; want a line for each signer, or no such file")
	}
	return keys, nil
}
