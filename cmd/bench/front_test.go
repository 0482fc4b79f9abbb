package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A front stands before an issuer: it can be away, it can hold a file back or refuse it,
// and it can serve the page as another version of it would be.
type front struct {
	*httptest.Server
	first, second string // the issuer's version of the page, and the other

	mu     sync.Mutex // guards the fields below
	down   bool
	newer  bool                     // the second version is served
	held   map[string]chan struct{} // files that come when the channel is closed
	absent map[string]bool          // files that are answered with an error
	asked  map[string]int           // requests, by path
}

var pageVersion = regexp.MustCompile(`v/([0-9a-f]{16})/phone\.js`)

func newFront(t *testing.T, issuer *url.URL) *front {
	t.Helper()
	resp, err := http.Get(issuer.String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	index, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	v := pageVersion.FindSubmatch(index)
	if v == nil {
		t.Fatalf("the page names no version:\n%s", index)
	}
	f := &front{
		first: string(v[1]), second: "x" + string(v[1][1:]),
		held: map[string]chan struct{}{}, absent: map[string]bool{}, asked: map[string]int{},
	}
	to := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(issuer)
			r.Out.Host = r.In.Host
			r.Out.URL.Path = strings.Replace(r.In.URL.Path, f.second, f.first, 1)
			r.Out.Header.Del("If-None-Match")
			r.Out.Header.Set("Accept-Encoding", "identity")
		},
		ModifyResponse: f.asNewer,
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if f.pass(rw, r) {
			to.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(func() { f.CloseClientConnections(); f.Close() })
	return f
}

// pass tells whether a request goes on to the issuer.
func (f *front) pass(rw http.ResponseWriter, r *http.Request) bool {
	f.mu.Lock()
	f.asked[r.URL.Path]++
	down, absent, held := f.down, f.absent[path.Base(r.URL.Path)], f.held[path.Base(r.URL.Path)]
	other := f.first
	if !f.newer {
		other = f.second
	}
	f.mu.Unlock()
	switch {
	case down:
		panic(http.ErrAbortHandler) // the connection ends without an answer
	case absent, strings.Contains(r.URL.Path, other):
		http.Error(rw, "not here", http.StatusNotFound)
		return false
	case held != nil:
		select {
		case <-held:
		case <-r.Context().Done():
			return false
		}
	}
	return true
}

// asNewer makes the second version of what the issuer answers: its modules call something
// by another name, so that they do not work with modules of the first.
func (f *front) asNewer(r *http.Response) error {
	f.mu.Lock()
	newer := f.newer
	f.mu.Unlock()
	if !newer || strings.HasPrefix(r.Request.URL.Path, "/api/") {
		return nil
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body.Close()
	data = bytes.ReplaceAll(data, []byte(f.first), []byte(f.second))
	data = bytes.ReplaceAll(data, []byte("clockText"), []byte("clockWords"))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	r.Header.Del("Content-Length")
	return nil
}

// set changes what the front does.
func (f *front) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// times is how often a path was asked for.
func (f *front) times(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[path]
}

// cut takes the network away, or brings it back.
func (f *front) cut(down bool) { f.set(func() { f.down = down }) }
