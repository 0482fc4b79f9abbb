package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// A Config is the file that connects a provider (issuer serve --check-config).
type Config struct {
	Issuer     string `toml:"issuer"`    // URL of the provider, without a slash at its end unless its own name has one
	ClientID   string `toml:"client_id"` // this issuer's name there
	SecretFile string `toml:"client_secret_file"`
	Page       string `toml:"page"` // URL of the passenger's page as browsers see it, with a slash at its end
	Check      Check  `toml:"check"`
	SignIn     SignIn `toml:"signin"`

	secret string
}

// Check is the real-person check's part.
type Check struct {
	Scopes     []string          `toml:"scopes"`
	Parameters map[string]string `toml:"parameters"` // of the authorization request: acr_values, claims, …
	Methods    []string          `toml:"methods"`    // amr values that are a face's (RFC 8176)
	Name       string            `toml:"name"`       // paths of claims
	Number     string            `toml:"number"`
	Require    map[string]string `toml:"require"`    // claims, by path, and the value that each must have
	LoginHint  bool              `toml:"login_hint"` // send NAME|NUMBER as login_hint: a provider that compares a face with them needs it
}

// SignIn is the part about people with a role.
type SignIn struct {
	Scopes     []string            `toml:"scopes"`
	Parameters map[string]string   `toml:"parameters"`
	Methods    []string            `toml:"methods"` // empty: however the provider does it
	Name       string              `toml:"name"`    // paths of claims
	Roles      string              `toml:"roles"`
	Values     map[string][]string `toml:"values"` // role → the values of the claim that give it
}

// Roles are those that people may sign in with.
func Roles() []string { return []string{"window", "window-lead", "conductor", "clerk", "staff"} }

// ReadConfig reads a configuration and the secret that it names, whose path is relative to
// the configuration's folder.
func ReadConfig(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	c, err := ParseConfig(bytes.NewReader(data))
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if c.SecretFile == "" {
		return c, nil
	}
	if !filepath.IsAbs(c.SecretFile) {
		c.SecretFile = filepath.Join(filepath.Dir(path), c.SecretFile)
	}
	if c.secret, err = readSecret(c.SecretFile); err != nil {
		return c, fmt.Errorf("%s: client_secret_file: %w", path, err)
	}
	return c, nil
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("others may read %s; chmod 600 it", path)
	}
	data, err := os.ReadFile(path)
	secret := strings.TrimSpace(string(data))
	if err == nil && secret == "" {
		err = fmt.Errorf("%s is empty", path)
	}
	return secret, err
}

// ParseConfig reads a configuration in TOML. A key that it does not know is an error.
func ParseConfig(r io.Reader) (Config, error) {
	c := Config{
		Check: Check{
			Scopes: []string{"openid"}, Methods: []string{"face"},
			Name: "verified_claims.claims.name", Number: "verified_claims.verification.evidence.document_details.document_number",
		},
		SignIn: SignIn{Scopes: []string{"openid"}, Name: "name", Roles: "roles"},
	}
	dec := toml.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, tomlError(err)
	}
	return c, c.check()
}

// tomlError names the key that is meant.
func tomlError(err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		e := strict.Errors[0]
		row, _ := e.Position()
		return fmt.Errorf("line %d: unknown key %q", row, strings.Join(e.Key(), "."))
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		row, _ := bad.Position()
		return fmt.Errorf("line %d: %s", row, strings.TrimPrefix(bad.Error(), "toml: "))
	}
	return err
}

// check tells what is wrong with a configuration, if anything is.
func (c *Config) check() error {
	if err := checkURL(c.Issuer); err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	if err := checkURL(c.Page); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	switch {
	case !strings.HasSuffix(c.Page, "/"):
		return fmt.Errorf("page: %q; want a slash at its end", c.Page)
	case c.ClientID == "":
		return errors.New("client_id: want this issuer's name at the provider")
	case len(c.Check.Methods) == 0:
		return errors.New("check.methods: want the amr values of a face's check, such as face")
	case c.Check.Name == "" || c.Check.Number == "":
		return errors.New("check.name, check.number: want the claims that have the name and the document number")
	case c.SignIn.Name == "" || c.SignIn.Roles == "":
		return errors.New("signin.name, signin.roles: want the claims that have the name and the roles")
	}
	for role := range c.SignIn.Values {
		if !slices.Contains(Roles(), role) {
			return fmt.Errorf("signin.values: unknown role %q (want %s)", role, strings.Join(Roles(), ", "))
		}
	}
	for part, asked := range map[string]struct {
		scopes     []string
		parameters map[string]string
	}{"check": {c.Check.Scopes, c.Check.Parameters}, "signin": {c.SignIn.Scopes, c.SignIn.Parameters}} {
		if !slices.Contains(asked.scopes, "openid") {
			return fmt.Errorf("%s.scopes: want openid among them", part)
		}
		if err := checkParameters(asked.parameters); err != nil {
			return fmt.Errorf("%s.parameters: %w", part, err)
		}
	}
	return nil
}

// checkParameters refuses those that are this program's to set.
func checkParameters(all map[string]string) error {
	for name, value := range all {
		switch name {
		case "client_id", "client_secret", "code_challenge", "code_challenge_method", "max_age", "nonce", "redirect_uri", "response_mode", "response_type", "scope", "state":
			return fmt.Errorf("%s is not yours to set", name)
		case "claims":
			if !json.Valid([]byte(value)) {
				return errors.New("claims: want JSON")
			}
		}
	}
	return nil
}

// checkURL tells whether a text is a URL that nobody on the way can change: https, or http
// to this very machine.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%q; want a URL, such as https://id.example", text)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("%q; want https (http only for this very machine)", text)
}

// CheckAsk is what a real-person check asks the provider.
func (c *Client) CheckAsk() Ask {
	k := c.config.Check
	return Ask{Back: c.config.Page, Scopes: k.Scopes, Parameters: k.Parameters, Methods: k.Methods}
}

// SignInAsk is what signing in asks the provider.
func (c *Client) SignInAsk() Ask {
	k := c.config.SignIn
	return Ask{Back: c.config.Page + "signin/done", Scopes: k.Scopes, Parameters: k.Parameters, Methods: k.Methods}
}
