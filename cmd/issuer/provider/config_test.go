package provider

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const least = "issuer = \"https://id.example\"\nclient_id = \"railgate\"\npage = \"https://temporary-id.example/\"\n"

func TestTheLeastConfiguration(t *testing.T) {
	c, err := ParseConfig(strings.NewReader(least))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Check.Methods, []string{"face"}) || !slices.Equal(c.Check.Scopes, []string{"openid"}) || c.Check.Name == "" || c.SignIn.Roles != "roles" {
		t.Errorf("%+v; want the defaults", c)
	}
}

func TestABadConfigurationIsNamed(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "issuer:"},
		{strings.Replace(least, "https://id", "http://id", 1), "issuer: \"http://id.example\"; want https"},
		{strings.Replace(least, "https://temporary-id.example/", "http://192.0.2.1/", 1), "page:"},
		{strings.Replace(least, "example/", "example/id", 1), "slash"},
		{strings.Replace(least, "id.example\"", "id.example?x\"", 1), "issuer:"},
		{strings.Replace(least, "\"railgate\"", "\"\"", 1), "client_id"},
		{least + "secret = 1", `line 4: unknown key "secret"`},
		{least + "[check]\nfaces = []", `line 5: unknown key "check.faces"`},
		{least + "[check]\nmethods = []", "check.methods"},
		{least + "[check]\nname = ''", "check.name"},
		{least + "[check]\nscopes = ['profile']", "check.scopes"},
		{least + "[check.parameters]\nnonce = 'x'", "nonce is not yours"},
		{least + "[check.parameters]\nclaims = '{'", "want JSON"},
		{least + "[signin]\nroles = ''", "signin.name"},
		{least + "[signin]\nscopes = []", "signin.scopes"},
		{least + "[signin.parameters]\nmax_age = '1'", "signin.parameters: max_age"},
		{least + "[signin.values]\nboss = ['x']", `unknown role "boss"`},
		{least + "[check]\nname = 7", "line 5:"},
		{least + "[check", "line 4:"},
	} {
		if _, err := ParseConfig(strings.NewReader(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q:\n%v; want %q", strings.TrimPrefix(tt.text, least), err, tt.want)
		}
	}
}

func TestTheSecretIsItsOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	config, secret := filepath.Join(dir, "check.toml"), filepath.Join(dir, "secret")
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		os.Remove(path)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(config, "client_secret_file = \"secret\"\n"+least, 0o644)
	if _, err := ReadConfig(config); err == nil || !strings.Contains(err.Error(), "client_secret_file") {
		t.Errorf("no secret: %v", err)
	}
	write(secret, "hunter2\n", 0o644)
	if _, err := ReadConfig(config); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a secret that others may read: %v", err)
	}
	write(secret, "\n", 0o600)
	if _, err := ReadConfig(config); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("an empty secret: %v", err)
	}
	write(secret, "hunter2\n", 0o600)
	c, err := ReadConfig(config)
	if err != nil || c.secret != "hunter2" {
		t.Errorf("%q, %v; want the secret without its line's end", c.secret, err)
	}
	write(config, least, 0o644)
	if c, err := ReadConfig(config); err != nil || c.secret != "" {
		t.Errorf("a client without a secret: %v", err)
	}
	if _, err := ReadConfig(filepath.Join(dir, "none")); err == nil {
		t.Error("a configuration that is not there is read")
	}
}

func TestClaimsAreFoundByTheirPath(t *testing.T) {
	var id Identity
	if err := json.Unmarshal([]byte(`{
		"name": "李雷", "empty": "", "number": 7, "roles": ["police", "train", "police"],
		"verified_claims": [{"claims": {"name": "李雷"}}, {"claims": {"name": "李雷"}}],
		"two": [{"name": "a"}, {"name": "b"}]
	}`), &id.claims); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"name": "李雷", "verified_claims.claims.name": "李雷", "roles": "police|train", "two.name": "a|b",
		"empty": "", "number": "", "none": "", "name.more": "", "two": "", "": "", ".": "", "verified_claims.claims": "", "verified_claims..name": "",
	} {
		if got := strings.Join(id.Texts(path), "|"); got != want {
			t.Errorf("%q has %q; want %q", path, got, want)
		}
		text, err := id.Text(path)
		if one := want != "" && !strings.Contains(want, "|"); one != (err == nil) || one && text != want {
			t.Errorf("%q is %q, %v", path, text, err)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add(least)
	f.Add(least + "[check]\nmethods = ['face']\n[check.require]\n\"a.b\" = 'c'\n[signin.values]\nwindow = ['x']")
	f.Add("[[check]]")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConfig(strings.NewReader(text))
		if err == nil && (c.check() != nil || c.ClientID == "") {
			t.Errorf("%q gives %+v", text, c)
		}
	})
}

func FuzzClaims(f *testing.F) {
	f.Add(`{"a":[{"b":"c"}]}`, "a.b")
	f.Add(`{"":{"":""}}`, "..")
	f.Fuzz(func(t *testing.T, text, path string) {
		var id Identity
		if json.Unmarshal([]byte(text), &id.claims) != nil {
			return
		}
		for _, v := range id.Texts(path) {
			if v == "" {
				t.Errorf("%q of %q has an empty text", path, text)
			}
		}
	})
}
