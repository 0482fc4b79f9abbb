// Package inspector serves the inspector: a page for conductors and clerks that checks codes as a
// gate does, on any phone, with the network cut too. The page runs railgate/cmd/inspector/inspect
// as WebAssembly, which make build puts into the folder built.
package inspector

import (
	"embed"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"railgate/cmd/pages"
	"railgate/verify"
	"railgate/verify/lane"
)

//go:embed page
var page embed.FS

//go:embed built
var built embed.FS

// Options are what a server has for the inspector.
type Options struct {
	Now  func() time.Time       // the time that the page goes by
	Keys func() ([]byte, error) // keys.json; an error: there is none now
	Log  *slog.Logger

	Framed bool // pages of the same server may frame it: a bench's do

	// Revokers and Revocations are revokers.json and the newest list that one of its keys signed; nil:
	// this server has none.
	Revokers, Revocations func() ([]byte, error)
}

// New makes the inspector's handler. It is mounted at a path that ends with a slash, with that path
// stripped.
//
//	GET /           the page, and its files
//	GET /now        {"now": milliseconds since 1970}
//	GET /keys.json, /revokers.json, /revocations
func New(o Options) http.Handler {
	dir, err := fs.Sub(built, "built")
	if err != nil {
		panic("inspector: internal error: " + err.Error()) // it is embedded
	}
	return newHandler(o, dir)
}

// newHandler takes the folder of what make build makes.
func newHandler(o Options, programs fs.FS) http.Handler {
	set, err := files(programs)
	if err != nil {
		panic("inspector: internal error: " + err.Error()) // they are embedded
	}
	mux := http.NewServeMux()
	if set != nil {
		mux.Handle("GET /", set)
	} else {
		mux.HandleFunc("GET /{$}", notBuilt)
	}
	mux.HandleFunc("GET /now", o.getNow)
	for path, f := range map[string]document{
		"keys.json":     {o.Keys, "application/json"},
		"revokers.json": {o.Revokers, "application/json"},
		"revocations":   {o.Revocations, "application/cose"},
	} {
		if f.read != nil {
			mux.HandleFunc("GET /"+path, func(rw http.ResponseWriter, _ *http.Request) { o.answer(rw, path, f) })
		}
	}
	return o.guard(mux)
}

func (o *Options) getNow(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "application/json")
	json.NewEncoder(rw).Encode(map[string]int64{"now": o.Now().UnixMilli()}) // a page that is gone asks again
}

// A document is what the page goes by.
type document struct {
	read func() ([]byte, error)
	kind string
}

func (o *Options) answer(rw http.ResponseWriter, name string, d document) {
	data, err := d.read()
	if err != nil {
		o.Log.Error("the inspector's document is not there", "name", name, "err", err)
		http.Error(rw, "it is not there", http.StatusServiceUnavailable)
		return
	}
	rw.Header().Set("Content-Type", d.kind)
	rw.Write(data)
}

// guard says what a browser may do with the page: run its own scripts and its own WebAssembly, use
// the camera, talk to its own server, and be framed by nobody (by a bench's own page on a bench).
func (o *Options) guard(next http.Handler) http.Handler {
	protect := pages.Policy{Framed: o.Framed, Sources: "worker-src 'self'; manifest-src 'self'; ", Permissions: "geolocation=(), camera=(self)", WebAssembly: true}.Headers()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		protect(rw.Header())
		next.ServeHTTP(rw, r)
	})
}

// files is the set of the page's files; nil where the program was not built.
func files(programs fs.FS) (*pages.Set, error) {
	made, err := pages.ReadFiles(programs)
	if err != nil {
		return nil, err
	}
	if made["inspector.wasm.br"] == nil || made["wasm_exec.js"] == nil {
		return nil, nil
	}
	dir, err := fs.Sub(page, "page")
	if err != nil {
		return nil, err
	}
	all, err := pages.ReadFiles(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"inspector.wasm.br", "wasm_exec.js"} {
		all[name] = made[name]
	}
	all["says.json"], err = json.Marshal(says())
	if err != nil {
		return nil, err
	}
	return pages.NewSet(all)
}

func notBuilt(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(http.StatusServiceUnavailable)
	rw.Write([]byte(`<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>查验 Inspector</title>
<h1>查验程序未包含在此版本中</h1><p lang="en">This program was built without the inspector: <code>make build</code> builds it in.</p></html>`))
}

// A saying is what is shown for a reason: as a gate shows it at a real-name check, which opens
// nothing.
type saying struct {
	Light lane.Light `json:"light"`
	Sound lane.Sound `json:"sound"`
	Zh    string     `json:"zh"`
	En    string     `json:"en"`
}

// says has the gate's words for each reason of the decision; "": for any other.
func says() map[string]saying {
	all := map[string]saying{}
	for _, r := range append(reasons(), "") {
		m := lane.Say(lane.Occasion{Reason: string(r), Check: true}, []string{"zh", "en"})
		all[string(r)] = saying{m.Light, m.Sound, m.Words[0].Text, m.Words[1].Text}
	}
	return all
}

// reasons are all of the decision's.
func reasons() []verify.Reason {
	return []verify.Reason{
		verify.Malformed, verify.UnknownKey, verify.BadSignature, verify.KeyRevoked, verify.KeyNotValid, verify.ClassNotAccepted, verify.BadClaims, verify.Revoked,
		verify.CertificateExpired, verify.LivenessExpired, verify.BadProof, verify.NotYetValid, verify.CodeExpired, verify.OK,
	}
}
