package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"railgate/store/journal"
)

// ErrNotRunning is a gate whose daemon does not answer.
var ErrNotRunning = errors.New("railgated is not running")

// ErrMayNotAsk is a control socket that is closed to the caller: an [fs.ErrPermission] too.
var ErrMayNotAsk = errors.New("you may not ask railgated")

// ErrNoStore is a daemon whose store is unavailable: a full disk, a bad card.
var ErrNoStore = errors.New("railgated's store is unavailable")

// A Client asks a daemon.
type Client struct {
	http    *http.Client
	data    string
	sockets []string // where it may answer, the likeliest first
}

// NewClient prepares to ask the daemon that has a data folder. Its socket is there, or a
// link to it, and where the folder could not be written, in the unit's runtime folder.
func NewClient(dataDir string) *Client {
	if abs, err := filepath.Abs(dataDir); err == nil {
		dataDir = abs
	}
	c := &Client{data: dataDir}
	for _, dir := range []string{dataDir, os.Getenv("RUNTIME_DIRECTORY"), "/run/railgate"} {
		if dir != "" {
			c.sockets = append(c.sockets, filepath.Join(dir, SocketName))
		}
	}
	c.http = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, // a tool asks once
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
	}}
	return c
}

// dial connects to the first socket at which somebody answers.
func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	var first error
	for _, path := range c.sockets {
		conn, err := dial(ctx, path)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// DataHeader has the data folder of the gate that a request is for: the socket in the
// runtime folder may be another gate's, which answers StatusMisdirectedRequest.
const DataHeader = "Railgate-Data"

// dial connects to a socket. A path longer than an address may be (108 bytes) is
// reached by its folder.
func dial(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	short, done, err := Shorten(path)
	if err != nil {
		return nil, err
	}
	defer done()
	return d.DialContext(ctx, "unix", short)
}

// Shorten makes of a socket's path one that fits a socket address: where it does
// not, by way of its folder, which stays open until done is called.
func Shorten(path string) (short string, done func(), err error) {
	const most = 107 // sizeof sun_path less its end (unix(7))
	if len(path) <= most {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { dir.Close() }, nil
}

func (c *Client) do(ctx context.Context, method, path string, query url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://gate"+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return c.send(req)
}

// send sends a request; any answer but OK is an error.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	req.Header.Set(DataHeader, c.data)
	resp, err := c.http.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (no answer on %s)", ErrNotRunning, c.sockets[0])
	}
	var dialed *net.OpError // and not what is read for the request, as a stick's file
	if errors.As(err, &dialed) && dialed.Op == "dial" && errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: %s: %w", ErrMayNotAsk, c.sockets[0], fs.ErrPermission)
	}
	if err != nil {
		return nil, fmt.Errorf("asking railgated: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		if resp.StatusCode == http.StatusMisdirectedRequest {
			return nil, fmt.Errorf("%w (no answer on %s; %s)", ErrNotRunning, c.sockets[0], strings.TrimSpace(string(text)))
		}
		if resp.StatusCode == http.StatusServiceUnavailable {
			return nil, fmt.Errorf("%w: %s", ErrNoStore, strings.TrimSpace(string(text)))
		}
		return nil, fmt.Errorf("railgated: %s", strings.TrimSpace(string(text)))
	}
	return resp, nil
}

// Config asks for the configuration, with the station's policy over it.
func (c *Client) Config(ctx context.Context) (answer Config, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, "/config", nil)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	return answer, json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer)
}

// Status asks how the gate is.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	s := new(Status)
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxStatus)).Decode(s); err != nil {
		return nil, fmt.Errorf("railgated's status: %w", err)
	}
	return s, nil
}

// Metrics asks for the metrics, in Prometheus's form.
func (c *Client) Metrics(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return string(text), err
}

// Records asks for up to n records that follow a sequence number.
func (c *Client) Records(after uint64, n int) ([]journal.Record, error) {
	return c.RecordsAfter(context.Background(), after, n)
}

// RecordsAfter is Records, until ctx ends.
func (c *Client) RecordsAfter(ctx context.Context, after uint64, n int) ([]journal.Record, error) {
	resp, err := c.do(ctx, http.MethodGet, "/journal", url.Values{
		"after": {strconv.FormatUint(after, 10)}, "limit": {strconv.Itoa(n)},
	})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var records []journal.Record
	for dec := json.NewDecoder(resp.Body); ; {
		var r journal.Record
		if err := dec.Decode(&r); errors.Is(err, io.EOF) {
			return records, nil
		} else if err != nil {
			return nil, fmt.Errorf("railgated's journal: %w", err)
		}
		records = append(records, r)
	}
}

// Events hands each event to see until ctx ends, see returns false, or the daemon
// goes: then the error is ErrNotRunning.
func (c *Client) Events(ctx context.Context, see func(Event) bool) error {
	resp, err := c.do(ctx, http.MethodGet, "/events", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for dec := json.NewDecoder(resp.Body); ; {
		var e Event
		err := dec.Decode(&e)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("%w any more", ErrNotRunning)
		case !see(e):
			return nil
		}
	}
}

// Service takes the lane over (free, which needs a reason, closed, diagnosis), or gives
// it back (none).
func (c *Client) Service(ctx context.Context, mode, why string) (answer Service, err error) {
	body, err := c.postFor(ctx, "/service", url.Values{"mode": {mode}, "why": {why}})
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	return answer, err
}

// Provision makes the gate one of its station's, by a code.
func (c *Client) Provision(ctx context.Context, code string) (Provisioned, error) {
	return c.provision(ctx, "/provision", url.Values{"code": {code}})
}

// ProvisionByHand does so by settings, as provisioned.toml has them.
func (c *Client) ProvisionByHand(ctx context.Context, settings []byte) (Provisioned, error) {
	return c.provision(ctx, "/provision", url.Values{"settings": {string(settings)}})
}

// ConfirmSigner takes the code that waits for its signer to be confirmed.
func (c *Client) ConfirmSigner(ctx context.Context, fingerprint string) (Provisioned, error) {
	return c.provision(ctx, "/provision/confirm", url.Values{"signer": {fingerprint}})
}

// Unprovision makes the gate wait to be provisioned again, and says why.
func (c *Client) Unprovision(ctx context.Context, why string) error {
	return c.post(ctx, "/provision/reset", url.Values{"why": {why}})
}

func (c *Client) provision(ctx context.Context, path string, query url.Values) (answer Provisioned, err error) {
	body, err := c.postFor(ctx, path, query)
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	return answer, err
}

// AcceptTime lowers what is proven of the time, and says why.
func (c *Client) AcceptTime(ctx context.Context, at time.Time, why string) error {
	return c.post(ctx, "/clock", url.Values{"time": {at.Format(time.RFC3339Nano)}, "why": {why}})
}

// Sim changes a simulated turnstile's input (passage, emergency), or with line
// "walk" makes one person cross.
func (c *Client) Sim(ctx context.Context, line string, active bool) error {
	level := "0"
	if active {
		level = "1"
	}
	return c.post(ctx, "/sim", url.Values{"line": {line}, "level": {level}})
}

// Pretend moves the time of a bench forward.
func (c *Client) Pretend(ctx context.Context, d time.Duration) error {
	return c.post(ctx, "/sim", url.Values{"line": {"clock"}, "seconds": {strconv.FormatInt(int64(d/time.Second), 10)}})
}

func (c *Client) post(ctx context.Context, path string, query url.Values) error {
	_, err := c.postFor(ctx, path, query)
	return err
}

// maxStatus bounds a status, in bytes: root asks for it, too, and a daemon that was taken over may not end.
const maxStatus = 8 << 20

// maxAnswer bounds the answer to a post, in bytes.
const maxAnswer = 1 << 20

// postFor posts and reads the answer.
func (c *Client) postFor(ctx context.Context, path string, query url.Values) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	resp, err := c.do(ctx, http.MethodPost, path, query)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
}

// Update has the gate bring the station's release now; install: a person wants it installed.
func (c *Client) Update(ctx context.Context, install bool) (answer Update, err error) {
	query := url.Values{"install": {"0"}}
	if install {
		query.Set("install", "1")
	}
	resp, err := c.do(ctx, http.MethodPost, "/update", query)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	return answer, json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer)
}

// TarType is the type of a tar archive in a request's body.
const TarType = "application/x-tar"

// Sync has the gate ask its repository now, or, with a tar archive of one, take that. It
// waits until the gate has.
func (c *Client) Sync(ctx context.Context, archive io.Reader) (answer Sync, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gate/sync", archive)
	if err != nil {
		return answer, err
	}
	if archive != nil {
		req.Header.Set("Content-Type", TarType)
	}
	resp, err := c.send(req)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	return answer, json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer)
}
