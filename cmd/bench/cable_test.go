package main

import (
	"io"
	"net"
	"testing"
)

// echo answers what it is told.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

// says tells whether something comes back from the other end.
func says(c net.Conn) bool {
	if _, err := c.Write([]byte("x")); err != nil {
		return false
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err == nil
}

func TestACableIsCutAndMended(t *testing.T) {
	c, err := lay("127.0.0.1:0", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", c.from())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	before := dial()
	if !says(before) {
		t.Fatal("nothing comes over a whole cable")
	}
	c.setCut(true)
	if says(before) || says(dial()) {
		t.Error("something comes over a cable that is cut")
	}
	c.setCut(false)
	if !says(dial()) {
		t.Error("nothing comes over a cable that was mended")
	}
}
