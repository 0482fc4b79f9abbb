package pages

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
)

// ErrRequest is a request that a page of ours would not make.
var ErrRequest = errors.New("the request is not understood")

// IsJSON tells whether a request says that its body is JSON. Others are refused: a form on another
// site's page could send them.
func IsJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// ReadJSON reads a body: one JSON value and nothing after it, without members that v has not. Where the
// body does not come the error is the reader's, else it is ErrRequest: what the body holds may be
// somebody's name, and is in no error.
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
	return nil
}
