package main

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A timeServer tells the time on the guest's own loopback, as wrongly as it is told to
// (SNTP, RFC 4330). It goes by the monotonic clock: the guest's may be set by anybody.
type timeServer struct {
	mu    sync.Mutex // guards the fields below
	conn  net.PacketConn
	began time.Time // when it was told,
	time  time.Time // and what it said then
}

// say has the server tell a time from now on.
func (s *timeServer) say(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began, s.time = time.Now(), now
	if s.conn != nil {
		return nil
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:123")
	if err != nil {
		return err
	}
	s.conn = conn
	go s.serve(conn)
	return nil
}

func (s *timeServer) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.time.Add(time.Since(s.began))
}

const ntpSize = 48

// serve answers who asks until the socket is closed.
func (s *timeServer) serve(conn net.PacketConn) {
	buf := make([]byte, 128)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if n >= ntpSize {
			conn.WriteTo(ntpAnswer(buf[:ntpSize], s.now()), from) // who gets none asks again
		}
	}
}

// ntpAnswer is a server's answer to a client's packet, by its clock.
func ntpAnswer(asked []byte, now time.Time) []byte {
	const server, version4, stratum, precision = 4, 4 << 3, 2, 0xec // 2^-20 s
	answer := make([]byte, ntpSize)
	answer[0], answer[1], answer[2], answer[3] = version4|server, stratum, asked[2], precision
	copy(answer[12:16], "TEST")
	stamp := ntpTime(now)
	binary.BigEndian.PutUint64(answer[16:], stamp) // its clock was set
	copy(answer[24:32], asked[40:48])              // the client's, so that it knows its own
	binary.BigEndian.PutUint64(answer[32:], stamp) // received
	binary.BigEndian.PutUint64(answer[40:], stamp) // answered
	return answer
}

// ntpTime is a time in seconds since 1900, with 32 bits of a fraction. It wraps in 2036,
// and a client takes the era that is nearest.
func ntpTime(t time.Time) uint64 {
	const from1900 = 2_208_988_800
	return uint64(t.Unix()+from1900)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// Serve has a time server on the guest's loopback say that it is now.
func (g *Guest) Serve(now time.Time, _ *struct{}) error { return g.times.say(now) }

// Vouch sets the clock, and tells the kernel that it is synchronised, as a time daemon
// does (adjtimex(2)).
func (g *Guest) Vouch(now time.Time, _ *struct{}) error {
	if err := g.Time(now, nil); err != nil {
		return err
	}
	_, err := unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_STATUS | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR, Status: unix.STA_PLL, Maxerror: 1000, Esterror: 1000})
	return err
}
