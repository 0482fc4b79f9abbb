package counter

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A tokenError is why no token is given (RFC 6749 §5.2).
type tokenError struct {
	Name   string `json:"error"`
	Detail string `json:"error_description"`
}

func (e tokenError) Error() string { return e.Name + ": " + e.Detail }

// A grant is a token (RFC 6749 §5.1).
type grant struct {
	Token   string `json:"access_token"`
	Type    string `json:"token_type"` // Bearer
	Expires int    `json:"expires_in"` // seconds
	Scope   string `json:"scope"`
}

// postToken is the token endpoint (RFC 6749 §4.4: client credentials). The client proves
// itself by HTTP Basic or in the body (§2.3.1), never both.
func (c *Counter) postToken(rw http.ResponseWriter, r *http.Request) {
	g, err := c.grant(r)
	var no tokenError
	switch {
	case errors.As(err, &no) && no.Name == "invalid_client":
		rw.Header().Set("WWW-Authenticate", `Basic realm="railgate", charset="UTF-8"`)
		write(rw, http.StatusUnauthorized, "application/json", no)
	case errors.As(err, &no):
		write(rw, http.StatusBadRequest, "application/json", no)
	case err != nil:
		c.refuse(rw, err)
	default:
		rw.Header().Set("Pragma", "no-cache") // RFC 6749 §5.1
		write(rw, http.StatusOK, "application/json", g)
	}
}

func (c *Counter) grant(r *http.Request) (*grant, error) {
	now := c.now()
	if wait, ok := c.limits.askToken(c.address(r), now); !ok {
		return nil, tooMany(wait, "requests for tokens from one address")
	}
	form, err := tokenForm(r)
	if err != nil {
		return nil, err
	}
	client, err := c.authenticate(r, form)
	if err != nil {
		return nil, err
	}
	if kind := form.Get("grant_type"); kind != "client_credentials" {
		return nil, tokenError{"unsupported_grant_type", "want grant_type=client_credentials"}
	}
	scopes, err := asked(form.Get("scope"), client)
	if err != nil {
		return nil, err
	}
	return &grant{makeToken(c.key, client, scopes, now), "Bearer", int(tokenLasts.Seconds()), joinScopes(scopes)}, nil
}

// tokenForm reads the parameters, each once and none from the address (RFC 6749 §3.2).
func tokenForm(r *http.Request) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, because("unsupported_media_type", "want application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, large
		}
		return nil, tokenError{"invalid_request", "the form cannot be read"}
	}
	if r.URL.RawQuery != "" {
		return nil, tokenError{"invalid_request", "parameters belong in the body"}
	}
	for _, values := range r.PostForm {
		if len(values) > 1 {
			return nil, tokenError{"invalid_request", "a parameter is there twice"}
		}
	}
	return r.PostForm, nil
}

// authenticate finds the client who asks. The answer to a wrong secret is the one to an
// unknown client.
func (c *Counter) authenticate(r *http.Request, form url.Values) (*Client, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if r.Header.Get("Authorization") != "" {
		if form.Has("client_secret") {
			return nil, tokenError{"invalid_request", "the client proves itself twice: in the header and in the body"}
		}
		basicID, basicSecret, ok := r.BasicAuth()
		var err1, err2 error
		basicID, err1 = url.QueryUnescape(basicID)
		basicSecret, err2 = url.QueryUnescape(basicSecret)
		if !ok || err1 != nil || err2 != nil || id != "" && id != basicID {
			return nil, unknownClient
		}
		id, secret = basicID, basicSecret
	}
	all, err := c.clients()
	if err != nil {
		return nil, err
	}
	client := find(all, id)
	if !client.opens(secret) {
		c.log.Warn("a client did not prove itself", "client", cut(id), "from", c.address(r))
		return nil, unknownClient
	}
	return client, nil
}

var unknownClient = tokenError{"invalid_client", "unknown client, or wrong secret"}

// cut keeps what a stranger wrote out of the log, but for its beginning.
func cut(text string) string { return text[:min(len(text), 32)] }

// asked are the scopes of a request; all of the client's where it names none.
func asked(text string, client *Client) ([]Scope, error) {
	if text == "" {
		return client.Scopes, nil
	}
	var scopes []Scope
	for _, word := range strings.Split(text, " ") {
		s := Scope(word)
		if !slices.Contains(client.Scopes, s) {
			return nil, tokenError{"invalid_scope", "the client does not have all of these scopes"}
		}
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes, nil
}
