package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"railgate/cmd/loopback"
	"railgate/store/identity"
)

// pagePassphrase is the bench's: who sits at it may look at everything.
const pagePassphrase = "bench passphrase"

// A station is the bench's: the station's program with its folder, and the cables that
// gates reach it by.
type station struct {
	dir    string
	run    func(args ...string) *exec.Cmd
	issuer string // the issuer's keyset
	listen string // of HTTPS
	bus    string // of the message server
	web    *cable // gates come this way
	wire   *cable // and this
	gates  func()

	mu        sync.Mutex // guards the fields below; one publication at a time
	published []byte     // the keyset that is
	newest    []byte     // timestamp.json, while an older one is in its place; nil: it is not
	session   *http.Cookie
}

func (s *station) path(name string) string { return filepath.Join(s.dir, name) }

// files is where gates fetch a repository.
func (s *station) files(repository string) string {
	return "https://" + s.web.from() + "/" + repository
}

const (
	passphraseFile = "passphrase"
	oldTimestamp   = "old-timestamp.json"
	addresses      = "addresses" // of the cables: station.json has one of them
)

// newStation makes a station, or takes the one that is there.
func (b *bench) newStation() (*station, error) {
	s := &station{dir: b.path("station"), issuer: b.path("issuer/keys.json")}
	s.run = func(args ...string) *exec.Cmd {
		return b.command("station", append([]string{"--dir", s.dir, "--passphrase-file", s.path(passphraseFile), "--work-factor", "10", "--clock-file", b.path(timeFile)}, args...)...)
	}
	if err := os.MkdirAll(s.path("roots"), 0o750); err != nil {
		return nil, err
	}
	if err := s.layCables(); err != nil {
		return nil, err
	}
	b.cables = []*cable{s.web, s.wire}
	if _, err := os.Stat(s.path(oldTimestamp)); err == nil {
		return s, nil
	}
	return s, s.make()
}

// layCables gives the station its addresses: a bench that was ended has the same again.
func (s *station) layCables() (err error) {
	if s.listen, err = loopback.Free(); err != nil {
		return err
	}
	if s.bus, err = loopback.Free(); err != nil {
		return err
	}
	before, err := os.ReadFile(s.path(addresses))
	at := strings.Fields(string(before))
	if errors.Is(err, os.ErrNotExist) {
		at, err = []string{"127.0.0.1:0", "127.0.0.1:0"}, nil
	}
	if err != nil {
		return err
	}
	if len(at) != 2 {
		return fmt.Errorf("%s: want two addresses; remove the bench's folder", s.path(addresses))
	}
	if s.web, err = lay(at[0], s.listen); err != nil {
		return err
	}
	if s.wire, err = lay(at[1], s.bus); err != nil {
		s.web.close()
		return err
	}
	return os.WriteFile(s.path(addresses), []byte(s.web.from()+" "+s.wire.from()+"\n"), 0o640)
}

// make makes the two repositories, and keeps the timestamp of when they were empty: an old
// one, to be rolled back to.
func (s *station) make() error {
	if err := os.WriteFile(s.path(passphraseFile), []byte(pagePassphrase+"\n"), 0o600); err != nil {
		return err
	}
	if err := s.do("init", "--station", stationName, "--online", "--server", "tls://"+s.wire.from()); err != nil {
		return err
	}
	if err := s.do("passphrase"); err != nil {
		return err
	}
	return errors.Join(copyFile(s.path("nation/public/1.root.json"), s.path("roots/nation.root.json")),
		copyFile(s.timestamp(), s.path(oldTimestamp)))
}

func (s *station) timestamp() string { return s.path("nation/public/timestamp.json") }

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o640)
}

// do runs one of the station's commands.
func (s *station) do(args ...string) error {
	if out, err := s.run(args...).CombinedOutput(); err != nil {
		return fmt.Errorf("station %s: %w: %s", args[0], err, out)
	}
	return nil
}

// startStation publishes the keyset, enrolls the gates and starts the station's program.
func (b *bench) startStation(ctx context.Context) error {
	s := b.station
	if _, err := s.publish(true); err != nil {
		return err
	}
	if err := s.publishRevokers(b.path("issuer/revokers.json")); err != nil {
		return err
	}
	for _, g := range b.gates {
		if err := s.enroll(g); err != nil {
			return err
		}
	}
	log, err := os.OpenFile(b.path("station.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.run("serve", "--listen", s.listen, "--bus", s.bus, "--revocations", b.web.issuer.JoinPath("v1/revocations").String())
	cmd.Stderr = log
	if err := b.launch(cmd); err != nil {
		return err
	}
	for end := time.Now().Add(readyIn); ; time.Sleep(lookEvery) {
		if err = s.signIn(ctx); err == nil {
			break
		}
		if time.Now().After(end) || ctx.Err() != nil {
			text, _ := os.ReadFile(b.path("station.log"))
			return fmt.Errorf("the station does not get ready: %w\n%s", err, text)
		}
	}
	b.web.addStation(s)
	go s.follow(ctx)
	return nil
}

// publishRevokers publishes the keys that sign what is revoked, where they are others than before.
func (s *station) publishRevokers(issuers string) error {
	data, err := os.ReadFile(issuers)
	if err != nil {
		return err
	}
	if before, err := os.ReadFile(s.path("revokers.json")); err == nil && bytes.Equal(before, data) {
		return nil
	}
	return s.do("publish", "revokers", issuers)
}

// enroll makes a gate's seed, and has the station know its public keys.
func (s *station) enroll(g *gate) error {
	if err := os.MkdirAll(g.path("data"), 0o750); err != nil {
		return err
	}
	i, err := identity.Load(g.path("data"))
	if err != nil {
		return err
	}
	code, err := i.Public(stationName, g.name).Text()
	if err != nil {
		return err
	}
	return s.do("enroll", "--replace", code)
}

// publish publishes the issuer's keyset where it has changed, and signs a new timestamp
// where asked or where the keyset has not. It returns whether gates should ask.
func (s *station) publish(always bool) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := os.ReadFile(s.issuer)
	if err != nil || s.newest != nil {
		return false, err
	}
	switch {
	case !bytes.Equal(data, s.published):
		err = s.do("publish", "keyset", s.issuer)
	case always:
		err = s.do("timestamp")
	default:
		return false, nil
	}
	if err == nil {
		s.published = data
	}
	return err == nil, err
}

const publishEvery = time.Second

// follow publishes what the issuer changes, until ctx ends.
func (s *station) follow(ctx context.Context) {
	tick := time.NewTicker(publishEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if news, err := s.publish(false); err == nil && news { // an error is tried again
			s.gates()
		}
	}
}

// rollBack puts an old timestamp in the place of the newest one, or the newest one back.
func (s *station) rollBack(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case on && s.newest == nil:
		newest, err := os.ReadFile(s.timestamp())
		if err == nil {
			err = copyFile(s.path(oldTimestamp), s.timestamp())
		}
		if err == nil {
			s.newest = newest
		}
		return err
	case !on && s.newest != nil:
		if err := os.WriteFile(s.timestamp(), s.newest, 0o640); err != nil {
			return err
		}
		s.newest = nil
	}
	return nil
}

// cut cuts the gates off, or mends that.
func (s *station) cut(on bool) {
	s.web.setCut(on)
	s.wire.setCut(on)
}

func (s *station) url() *url.URL { return &url.URL{Scheme: "https", Host: s.listen} }

// client talks to the station's page. It is this machine's own: its certificate is not
// looked at.
var client = &http.Client{
	Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 8},
}

// signIn signs the bench in at the station's page.
func (s *station) signIn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url().JoinPath("api/signin").String(), strings.NewReader(fmt.Sprintf(`{"passphrase":%q}`, pagePassphrase)))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	resp.Body.Close()
	cookies := resp.Cookies()
	if resp.StatusCode != http.StatusOK || len(cookies) != 1 {
		return fmt.Errorf("signing in: %s", resp.Status)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session = cookies[0]
	return nil
}

// cookie is the bench's session.
func (s *station) cookie() *http.Cookie {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}
