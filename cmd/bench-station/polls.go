package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Poll is what it costs to ask a repository whether there is anything new: one conditional
// request for timestamp.json, as gates send it, answered with 304.
type Poll struct {
	Kept     float64 `json:"bytes_kept"` // both ways, without TCP's and IP's headers, over a connection that is kept
	New      float64 `json:"bytes_new"`  // over one that is made for it, with TLS's handshake
	KeptRate float64 `json:"a_second_kept"`
	NewRate  float64 `json:"a_second_new"`
}

// counted counts a connection's bytes, both ways.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// A poller asks for the timestamp as a gate does.
type poller struct {
	client *http.Client
	url    string
	tag    string
	bytes  atomic.Int64
}

func newPoller(address string, keep bool) *poller {
	p := &poller{url: "https://" + address + "/nation/timestamp.json"}
	dialer := new(net.Dialer)
	p.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: !keep, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // a bench's server, whose key is its own
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			return counted{c, &p.bytes}, err
		},
	}}
	return p
}

func (p *poller) ask(ctx context.Context, want int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return err
	}
	if p.tag != "" {
		request.Header.Set("If-None-Match", p.tag)
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	if answer.StatusCode != want {
		return fmt.Errorf("%s: %s", p.url, answer.Status)
	}
	p.tag = answer.Header.Get("ETag")
	return nil
}

const (
	pollers = 8
	pollFor = 5 * time.Second
)

// polls measures the unit costs of asking the repository.
func (b *bench) polls(ctx context.Context) error {
	b.say("asking the repository")
	for keep, at := range map[bool]struct{ bytes, rate *float64 }{
		true:  {&b.report.Poll.Kept, &b.report.Poll.KeptRate},
		false: {&b.report.Poll.New, &b.report.Poll.NewRate},
	} {
		wait := new(sync.WaitGroup)
		var asked, bytes atomic.Int64
		failed := make(chan error, pollers)
		began := time.Now()
		for range pollers {
			wait.Go(func() {
				p := newPoller(b.station.web, keep)
				defer p.client.CloseIdleConnections()
				if err := p.ask(ctx, http.StatusOK); err != nil {
					failed <- err
					return
				}
				p.bytes.Store(0)
				for time.Since(began) < pollFor {
					if err := p.ask(ctx, http.StatusNotModified); err != nil {
						failed <- err
						return
					}
					asked.Add(1)
				}
				bytes.Add(p.bytes.Load())
			})
		}
		wait.Wait()
		select {
		case err := <-failed:
			return err
		default:
		}
		*at.rate = float64(asked.Load()) / time.Since(began).Seconds()
		*at.bytes = float64(bytes.Load()) / float64(max(1, asked.Load()))
	}
	return nil
}
