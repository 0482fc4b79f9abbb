package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"rsc.io/qr"

	"railgate/cmd/station/ledger"
	"railgate/cmd/station/repository"
	"railgate/store/durable"
	"railgate/store/identity"
	"railgate/verify"
)

// This file makes the codes that provision gates (verify's RGP1).

// provisionKey signs them. Who has it can name a gate that is no station's yet, and nothing else:
// a gate in service takes none.
const provisionKey = "provision"

// whereFile remembers where the repositories are, as gates reach them.
const whereFile = "enroll.json"

// whereabouts are what all codes of a station say alike.
type whereabouts struct {
	Nation      string `json:"nation"`
	NationRoot  string `json:"nation_root"` // SHA-256 of its first root, in hexadecimal digits
	Repository  string `json:"repository"`
	StationRoot string `json:"station_root,omitempty"`
}

func (w *whereabouts) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&w.Nation, "nation", "", "the `URL` of the nation's repository, as gates reach it")
	f.StringVar(&w.NationRoot, "nation-root", "", "`SHA-256` of the nation's 1.root.json, where its repository is not in --dir")
	f.StringVar(&w.Repository, "repository", "", "the `URL` of this station's repository, as gates reach it")
}

// remembered is what was told before; nothing where nothing was.
func (at *place) remembered() (kept whereabouts, err error) {
	data, err := durable.ReadFile(at.file(whereFile), maxStationFile)
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return kept, fmt.Errorf("%s: %w", at.file(whereFile), err)
	}
	return kept, nil
}

// complete fills in what was not told this time.
func (w *whereabouts) complete(d *desk, at *place) error {
	kept, err := at.remembered()
	if err != nil {
		return err
	}
	if w.NationRoot == "" && (w.Nation == "" || w.Nation == kept.Nation) {
		w.NationRoot = kept.NationRoot
	}
	if root, err := os.ReadFile(filepath.Join(d.part(nationPart), "public", "1.root.json")); err == nil && d.part(nationPart) != d.dir {
		sum := sha256.Sum256(root)
		w.NationRoot = hex.EncodeToString(sum[:])
	}
	w.Nation, w.Repository = first(w.Nation, kept.Nation), first(w.Repository, kept.Repository)
	switch {
	case w.Nation == "" || w.Repository == "":
		return usageError{errors.New("enroll: --nation and --repository are missing: want the URLs of both repositories, as gates reach them; station serve has them at https://HOST:PORT/nation and /station")}
	case w.NationRoot == "":
		return usageError{errors.New("enroll: --nation-root is missing: want sha256sum of the nation's 1.root.json")}
	}
	return nil
}

// remember keeps what was told, once a gate's settings were made of it, for the next time.
func (w *whereabouts) remember(at *place) error {
	if kept, err := at.remembered(); err != nil || *w == kept {
		return err
	}
	data, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(at.file(whereFile), append(data, '\n'), 0o644)
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// codeOptions are how long a code is good for, and how it is shown.
type codeOptions struct {
	lasts  time.Duration
	png    string
	asText bool
}

func (o *codeOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.DurationVar(&o.lasts, "for", 7*24*time.Hour, "how long a code may be used, 720h at most")
	f.StringVar(&o.png, "png", "", "write the code as a picture into a `file`, in place of drawing it here")
	f.BoolVar(&o.asText, "text", false, "print the code's text alone")
}

// signer is the key of this station's codes, made where there is none yet.
func (p *place) signer() (ed25519.PrivateKey, error) {
	keys := p.file("keys")
	key, err := repository.LoadKey(keys, provisionKey)
	if errors.Is(err, repository.ErrNoKey) {
		return repository.MakeKey(keys, provisionKey)
	}
	return key, err
}

func (e *enrolment) printSigner(c *cobra.Command) error {
	at, err := e.d.place(e.serve.station)
	if err != nil {
		return err
	}
	key, err := at.signer()
	if err != nil {
		return err
	}
	public := key.Public().(ed25519.PublicKey)
	_, err = fmt.Fprintf(c.OutOrStdout(), "# signs set-up codes of station %s; fingerprint %s\n%x station %s\n", at.info.Station, verify.Fingerprint(public), []byte(public), at.info.Station)
	return err
}

// A newGate is a gate that has no name yet, and what it is to be.
type newGate struct {
	keys     identity.Public
	settings verify.Settings
}

// settings are what this enrolment makes of a gate.
func (e *enrolment) settings(at *place, gate, direction string, n verify.Network) (verify.Settings, error) {
	s := verify.Settings{
		Station: at.info.Station, Gate: gate, Direction: direction, Nation: strings.TrimSuffix(e.where.Nation, "/"), Repository: strings.TrimSuffix(e.where.Repository, "/"), Network: n,
	}
	var err error
	if s.NationRoot, err = hex.DecodeString(e.where.NationRoot); err != nil {
		return s, usageError{fmt.Errorf("enroll: --nation-root %q; want 64 hexadecimal digits", e.where.NationRoot)}
	}
	if err := s.Check(); err != nil {
		return s, usageError{fmt.Errorf("enroll: %w", err)}
	}
	return s, nil
}

// make signs a gate's code.
func (e *enrolment) make(g *newGate, key ed25519.PrivateKey) (text string, ends time.Time, err error) {
	now := e.d.now().UTC().Truncate(time.Second)
	id := make([]byte, 16)
	rand.Read(id)
	ends = now.Add(e.code.lasts)
	text, err = verify.IssueProvision(verify.Provision{ID: string(id), Gate: g.keys.Provisioning, Issued: now, Expires: ends, Settings: g.settings}, key)
	return text, ends, err
}

// enrollNew names a gate, takes its keys and makes its code.
func (e *enrolment) enrollNew(c *cobra.Command, at *place, l *ledger.Ledger, p identity.Public) error {
	if err := e.where.complete(e.d, at); err != nil {
		return err
	}
	settings, err := e.settings(at, e.gate, e.direction, verify.Network{Address: e.network, Gateway: e.gateway, DNS: e.dns})
	if err != nil {
		return err
	}
	key, err := at.signer()
	if err != nil {
		return err
	}
	p.Station, p.Gate = settings.Station, settings.Gate
	text, ends, err := e.make(&newGate{p, settings}, key)
	if err != nil {
		return err
	}
	if err := e.enroll(c.Context(), l, p); err != nil {
		return err
	}
	if err := e.where.remember(at); err != nil {
		return err
	}
	if err := e.writeFile(e.gate, text); err != nil {
		return err
	}
	return e.show(c, &settings, text, ends)
}

// writeFile writes a code as a stick has it, where that is wanted.
func (e *enrolment) writeFile(gate, text string) error {
	if e.files == "" {
		return nil
	}
	if err := os.MkdirAll(e.files, 0o755); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(e.files, gate+".provision"), []byte(text+"\n"), 0o600)
}

// show prints a code: its text, a picture, or drawn on the terminal.
func (e *enrolment) show(c *cobra.Command, s *verify.Settings, text string, ends time.Time) error {
	out := c.OutOrStdout()
	if e.code.asText {
		_, err := fmt.Fprintln(out, text)
		return err
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return err
	}
	if e.code.png != "" {
		code.Scale = 8
		if err := durable.WriteFile(e.code.png, code.PNG(), 0o600); err != nil {
			return err
		}
	} else if err := drawBlocks(out, code); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "gate %s of station %s, %s, is enrolled. Hold its code to its own scanner before %s.\n", s.Gate, s.Station, s.Direction, ends.Local().Format("2006-01-02 15:04"))
	return err
}

// quietZone is the margin of a QR code in modules.
const quietZone = 4

// drawBlocks draws a code for a dark terminal, in half blocks: two rows of modules in a line.
func drawBlocks(w io.Writer, code *qr.Code) error {
	var b strings.Builder
	for y := -quietZone; y < code.Size+quietZone; y += 2 {
		for x := -quietZone; x < code.Size+quietZone; x++ {
			b.WriteString([]string{"█", "▀", "▄", " "}[index(code.Black(x, y))*2+index(code.Black(x, y+1))])
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func index(b bool) int {
	if b {
		return 1
	}
	return 0
}
