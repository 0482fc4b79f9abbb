package pages

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

// ErrRequest is a request that a page of ours would not make.
var ErrRequest = errors.New("the request is not understood")

// IsJSON tells whether a request says that its body is JSON. Others are refused: a form on another
// site's page could send them.
func IsJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// ReadJSON reads a body: one JSON value and nothing after it, without members that v has not, and each
// member once. Where the body does not come the error is the reader's, else it is ErrRequest: what the
// body holds may be somebody's name, and is in no error.
func ReadJSON(body io.Reader, v any) error {
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if dec.Decode(v) != nil {
		return ErrRequest
	}
	if _, err := dec.Token(); err != io.EOF {
		return ErrRequest
	}
	if !eachOnce(json.NewDecoder(bytes.NewReader(data))) {
		return ErrRequest
	}
	return nil
}

// letters are what members' names are made of.
const letters = "abcdefghijklmnopqrstuvwxyz0123456789_"

// eachOnce tells whether each object of a value that is JSON has each member once, by the names that
// pages write. Package json takes the last of several, and takes NAME, or a name
// with the letter ſ, for the same.
func eachOnce(dec *json.Decoder) bool {
	token, err := dec.Token()
	if err != nil {
		return false // a number that is too large for one: a value that is not looked into may hold it
	}
	open, ok := token.(json.Delim)
	if !ok {
		return true
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			token, _ := dec.Token()
			name, _ := token.(string)
			if seen[name] || strings.Trim(name, letters) != "" {
				return false
			}
			seen[name] = true
		}
		if !eachOnce(dec) {
			return false
		}
	}
	dec.Token() // the closing bracket
	return true
}
