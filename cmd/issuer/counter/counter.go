package counter

import (
	_ "embed"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/verify"
)

// An Office is what a counter asks of the issuer.
type Office interface {
	// Inspect decides about a text as a gate does, at the time that it returns.
	Inspect(text string) (v verify.Verdict, at time.Time, err error)
	// Holder is whose code it is; false: nobody on record.
	Holder(v *verify.Verdict) (p office.Person, known bool, err error)
}

// A Config is what a counter is made of.
type Config struct {
	Office  Office
	People  People
	Record  Recorder
	Tickets Tickets                      // nil: none is connected
	Dir     string                       // the issuer's folder, with clients.json
	Address func(r *http.Request) string // where a request comes from, for counting
	Log     *slog.Logger
}

// A Counter answers to ticketing systems and to the page of the clerk.
//
//	POST /oauth/token            a token, for a client's secret
//	POST /v1/resolve             a look-up
//	GET  /v1/openapi.yaml        the description of these
//	GET  /v1/problems/{name}     what an error means
//	GET  /counter/               the page, with its files
//	GET  /counter/me             who is signed in there
//
// Its methods may be called concurrently.
type Counter struct {
	office  Office
	people  People
	record  Recorder
	tickets Tickets
	dir     string
	address func(r *http.Request) string
	log     *slog.Logger

	key    []byte // of tokens
	limits *limits
	origin *http.CrossOriginProtection
	now    func() time.Time // of tokens and limits: the system's, whatever a bench makes of the time
}

// New makes a counter.
func New(c Config) *Counter {
	return &Counter{
		office: c.Office, people: c.People, record: c.Record, tickets: c.Tickets, dir: c.Dir, address: c.Address, log: c.Log,
		key: newTokenKey(), limits: newLimits(), origin: http.NewCrossOriginProtection(), now: time.Now,
	}
}

// clients are those of the file as it is now: who is removed there has no token any more.
func (c *Counter) clients() ([]Client, error) { return Clients(c.dir) }

// OpenAPI is the description of what programs ask (OpenAPI 3.1).
//
//go:embed openapi.yaml
var OpenAPI []byte

// A route is one that openapi.yaml describes.
type route struct {
	method, path string
	h            http.HandlerFunc
}

func (c *Counter) routes() []route {
	return []route{
		{http.MethodPost, "/oauth/token", c.postToken},
		{http.MethodPost, "/v1/resolve", c.postResolve},
		{http.MethodGet, "/v1/openapi.yaml", getOpenAPI},
		{http.MethodGet, problemPath + "{name}", c.getProblem},
	}
}

// Revocations is the one path of openapi.yaml that another part of the issuer answers to.
const Revocations = "/v1/revocations"

// API answers to what openapi.yaml describes, which is all that [Describes] names. Revocations
// is answered by another part of the issuer.
func (c *Counter) API(revocations http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	for _, r := range append(c.routes(), route{http.MethodGet, Revocations, revocations}) {
		mux.HandleFunc(r.method+" "+r.path, r.h)
		mux.HandleFunc(r.path, c.refuseMethod(r.method))
	}
	mux.HandleFunc("/", func(rw http.ResponseWriter, _ *http.Request) { c.refuse(rw, because("not_found", "")) })
	return mux
}

// Mount adds the page.
func (c *Counter) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /counter/me", c.getMe)
	mountPage(mux)
}

// refuseMethod answers to every method of a path but its own.
func (c *Counter) refuseMethod(own string) http.HandlerFunc {
	p := because("method_not_allowed", "")
	if p.allow = own; own == http.MethodGet {
		p.allow = "GET, HEAD"
	}
	return func(rw http.ResponseWriter, _ *http.Request) { c.refuse(rw, p) }
}

// RefuseCrossSite answers to another site's page.
func (c *Counter) RefuseCrossSite(rw http.ResponseWriter, _ *http.Request) {
	c.refuse(rw, because("cross_site", ""))
}

// Describes tells whether a path is one of those that openapi.yaml is about.
func Describes(path string) bool {
	return strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/oauth/")
}

func getOpenAPI(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "application/yaml") // RFC 9512
	rw.Write(OpenAPI)
}
