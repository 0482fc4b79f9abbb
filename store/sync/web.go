package sync

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	gosync "sync"
	"time"

	"railgate/store/bus"
)

// A Web is a source on a web server. Its methods may be called concurrently.
type Web struct {
	base   string
	client *http.Client

	mu    gosync.Mutex // guards the field below
	known map[string]tagged
}

// tagged is a small file with its entity tag (RFC 9110, section 8.8.3).
type tagged struct {
	tag  string
	body []byte
}

const (
	headerTimeout = 10 * time.Second
	stallTimeout  = 20 * time.Second // without a byte
	keptByTag     = 16 << 10         // a larger file is not kept for its tag
)

// NewWeb makes a source of a base URL. pins are the public keys that its server may
// have, as [bus.Pin] writes them; with none any is taken, for what is fetched
// proves itself. The certificate's dates are not looked at: a gate may be the
// one whose clock is wrong.
func NewWeb(base string, pins []string) *Web {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: headerTimeout, TLSHandshakeTimeout: headerTimeout, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: true, // VerifyConnection holds the key to its pin
			VerifyConnection:   pinned(pins),
		},
	}
	return &Web{base: strings.TrimSuffix(base, "/") + "/", client: &http.Client{Transport: transport}, known: map[string]tagged{}}
}

// ErrPin is a server whose public key is none of those that are pinned.
var ErrPin = errors.New("the server's public key is not pinned")

func pinned(pins []string) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		if len(pins) == 0 {
			return nil
		}
		if !slices.Contains(pins, bus.Pin(s.PeerCertificates[0].RawSubjectPublicKeyInfo)) {
			return ErrPin
		}
		return nil
	}
}

// Open implements [Source].
func (w *Web) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	return w.open(ctx, name, 0)
}

// OpenFrom implements [Resumer].
func (w *Web) OpenFrom(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	return w.open(ctx, name, offset)
}

// open opens a file from a byte on.
func (w *Web) open(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stall := time.AfterFunc(stallTimeout, func() { cancel(errStall) })
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+name, nil)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	old := w.tagOf(name)
	switch {
	case offset > 0:
		old = tagged{}
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	case old.tag != "":
		request.Header.Set("If-None-Match", old.tag)
	}
	response, err := w.client.Do(request)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	body := &webBody{ReadCloser: response.Body, stall: stall, ctx: ctx, cancel: cancel}
	switch {
	case response.StatusCode == http.StatusNotModified && old.tag != "":
		body.Close()
		return io.NopCloser(strings.NewReader(string(old.body))), nil
	case response.StatusCode == http.StatusNotFound:
		body.Close()
		return nil, fmt.Errorf("%s: %w", name, ErrNotFound)
	case offset > 0 && response.StatusCode == http.StatusPartialContent && strings.HasPrefix(response.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", offset)):
		return body, nil
	case offset > 0 && (response.StatusCode == http.StatusOK || response.StatusCode == http.StatusPartialContent || response.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		body.Close()
		return nil, ErrFromStart
	case response.StatusCode != http.StatusOK:
		body.Close()
		return nil, fmt.Errorf("%s: %s", request.URL.Redacted(), response.Status)
	}
	if tag := response.Header.Get("ETag"); tag != "" {
		body.keep = func(data []byte) { w.setTag(name, tagged{tag, data}) }
	}
	return body, nil
}

func (w *Web) tagOf(name string) tagged {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known[name]
}

func (w *Web) setTag(name string, t tagged) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known[name] = t
}

var errStall = errors.New("no byte has come for a while")

// webBody is an answer that may not stall, and that is kept for its tag if it is small.
type webBody struct {
	io.ReadCloser
	stall  *time.Timer
	ctx    context.Context
	cancel context.CancelCauseFunc
	keep   func([]byte) // nil: it has no tag
	data   []byte
}

func (b *webBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.stall.Reset(stallTimeout)
	if b.keep != nil && len(b.data)+n <= keptByTag {
		b.data = append(b.data, p[:n]...)
	} else {
		b.keep = nil
	}
	if err == io.EOF && b.keep != nil {
		b.keep(b.data)
	}
	if cause := context.Cause(b.ctx); err != nil && err != io.EOF && cause != nil {
		err = cause
	}
	return n, err
}

func (b *webBody) Close() error {
	b.stall.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}
