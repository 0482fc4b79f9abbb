package main

import (
	"encoding/binary"
	"net"
	"testing"
	"time"
)

func TestTimeServerSaysWhatItIsTold(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := &timeServer{conn: conn}
	go s.serve(conn)
	client, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, want := range []time.Time{time.Unix(0, 0), time.Date(2026, 11, 23, 4, 0, 0, 5e8, time.UTC)} {
		if err := s.say(want); err != nil {
			t.Fatal(err)
		}
		asked := make([]byte, ntpSize)
		asked[0] = 4<<3 | 3 // a client's
		copy(asked[40:], "my clock")
		client.Write([]byte("too short"))
		client.Write(asked)
		client.SetDeadline(time.Now().Add(time.Minute))
		answer := make([]byte, 2*ntpSize)
		n, err := client.Read(answer)
		if err != nil || n != ntpSize || answer[0] != 4<<3|4 || string(answer[24:32]) != "my clock" {
			t.Fatalf("answer = %v, %v; want a server's, with my clock", answer[:n], err)
		}
		stamp := binary.BigEndian.Uint64(answer[40:])
		got := time.Unix(int64(stamp>>32)-2_208_988_800, int64(stamp&0xffffffff)*1e9>>32)
		if d := got.Sub(want); d < -time.Millisecond || d > time.Minute {
			t.Errorf("it says %v; want %v", got, want)
		}
	}
}
