package main

import (
	"io"
	"net"
	"sync"
)

// A cable carries connections to an address, until it is cut: the network between a gate
// and its station.
type cable struct {
	to string
	l  net.Listener

	mu    sync.Mutex // guards the fields below
	cut   bool
	conns map[net.Conn]bool
}

// lay lays a cable from an address of this machine to another; close ends it.
func lay(from, to string) (*cable, error) {
	l, err := net.Listen("tcp", from)
	if err != nil {
		return nil, err
	}
	c := &cable{to: to, l: l, conns: map[net.Conn]bool{}}
	go c.serve()
	return c, nil
}

func (c *cable) from() string { return c.l.Addr().String() }

func (c *cable) serve() {
	for {
		near, err := c.l.Accept()
		if err != nil {
			return // closed
		}
		go c.carry(near)
	}
}

// carry joins a connection with one to the other end.
func (c *cable) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer far.Close()
	if !c.add(near, far) {
		return
	}
	defer c.remove(near, far)
	done := make(chan struct{}, 2)
	go func() { io.Copy(far, near); done <- struct{}{} }() // whichever way ends, both do
	go func() { io.Copy(near, far); done <- struct{}{} }()
	<-done
}

// add keeps connections, to end them with a cut; false: it is cut.
func (c *cable) add(conns ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return false
	}
	for _, conn := range conns {
		c.conns[conn] = true
	}
	return true
}

func (c *cable) remove(conns ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range conns {
		delete(c.conns, conn)
	}
}

// setCut cuts the cable, or mends it.
func (c *cable) setCut(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut = cut; !cut {
		return
	}
	for conn := range c.conns {
		conn.Close()
	}
}

func (c *cable) close() {
	c.l.Close()
	c.setCut(true)
}
