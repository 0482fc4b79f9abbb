// Package countertest holds a server's answers against its OpenAPI document, in tests.
package countertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// A Document is an OpenAPI document.
type Document struct {
	valid validator.Validator
	model *v3.Document
}

// Read reads a document, and fails the test where it is not valid.
func Read(t testing.TB, data []byte) *Document {
	t.Helper()
	d, err := read(data)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func read(data []byte) (*Document, error) {
	doc, err := libopenapi.NewDocument(data)
	if err != nil {
		return nil, err
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		return nil, err
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if ok, errs := v.ValidateDocument(); !ok {
		return nil, fmt.Errorf("the document is not OpenAPI 3.1: %v", errs)
	}
	return &Document{v, &model.Model}, nil
}

// Routes are the document's, as "METHOD /path".
func (d *Document) Routes() (routes []string) {
	for path, item := range d.model.Paths.PathItems.FromOldest() {
		for method := range item.GetOperations().FromOldest() {
			routes = append(routes, strings.ToUpper(method)+" "+path)
		}
	}
	return routes
}

// Under tells whether the document is to describe a path.
func Under(path string) bool {
	return strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/oauth/")
}

// Check tells what is wrong with an answer to a request: a route, a status, a header, a type
// of content or a member that is not described so. A request that was answered with 2xx must be as
// it is described, too.
func (d *Document) Check(r *http.Request, sent []byte, rec *http.Response, got []byte) (wrong []string) {
	if rec.StatusCode == http.StatusNotFound || rec.StatusCode == http.StatusMethodNotAllowed {
		if kind := rec.Header.Get("Content-Type"); kind != "application/problem+json" {
			wrong = append(wrong, "the refusal is "+kind)
		}
		return wrong // of a route that is none
	}
	r.Body, rec.Body = io.NopCloser(bytes.NewReader(sent)), io.NopCloser(bytes.NewReader(got))
	ok, errs := d.valid.ValidateHttpResponse(r, rec)
	if ok && rec.StatusCode < 300 {
		r.Body = io.NopCloser(bytes.NewReader(sent))
		ok, errs = d.valid.ValidateHttpRequest(r)
	}
	if ok {
		return nil
	}
	for _, e := range errs {
		text := e.Message + ": " + e.Reason
		for _, s := range e.SchemaValidationErrors {
			text += "; " + s.KeywordLocation + " " + s.Reason
		}
		wrong = append(wrong, text)
	}
	return wrong
}

// Described is a server whose every answer under /v1/ and /oauth/ is held against the
// document; what is not described fails the test.
func (d *Document) Described(t testing.TB, h http.Handler) http.Handler {
	return Described(t, func() (*Document, error) { return d, nil }, h)
}

// Lazily reads a document when it is first asked for.
func Lazily(data []byte) func() (*Document, error) {
	return sync.OnceValues(func() (*Document, error) { return read(data) })
}

// Described is [Document.Described] for a document that is read when it is needed.
func Described(t testing.TB, document func() (*Document, error), h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !Under(r.URL.Path) {
			h.ServeHTTP(rw, r)
			return
		}
		d, err := document()
		if err != nil {
			t.Error(err)
			return
		}
		asked := r.Clone(r.Context())
		sent := new(bytes.Buffer)
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, sent), r.Body}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		got := rec.Body.Bytes()
		for _, wrong := range d.Check(asked, sent.Bytes(), rec.Result(), got) {
			t.Errorf("%s %s, status %d: not as openapi.yaml has it: %s\n%s", r.Method, r.URL.Path, rec.Code, wrong, got)
		}
		maps.Copy(rw.Header(), rec.Header())
		rw.WriteHeader(rec.Code)
		rw.Write(got)
	})
}
