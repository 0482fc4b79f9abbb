package linktest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A Proxy stands between a gate and its station: a cable that can be pulled.
type Proxy struct {
	listener net.Listener
	to       string

	mu    sync.Mutex // guards the fields below
	cut   bool
	came  int
	conns []net.Conn
}

// NewProxy makes one that forwards to an address.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, to: to}
	t.Cleanup(func() { l.Close(); p.Cut(true) })
	go p.run()
	return p
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Cut ends what goes through and lets nothing new through; or lets it through again.
func (p *Proxy) Cut(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = on
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// Came is how many connections were asked for.
func (p *Proxy) Came() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.came
}

func (p *Proxy) run() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.forward(in)
	}
}

func (p *Proxy) forward(in net.Conn) {
	out, err := net.Dial("tcp", p.to)
	if err != nil || !p.keep(in, out) {
		in.Close()
		if out != nil {
			out.Close()
		}
		return
	}
	go func() { io.Copy(out, in); out.Close() }()
	io.Copy(in, out)
	in.Close()
}

// keep notes two ends, unless the cable is out.
func (p *Proxy) keep(in, out net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.came++
	if p.cut {
		return false
	}
	p.conns = append(p.conns, in, out)
	return true
}
