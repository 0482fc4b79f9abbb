// Package loopback finds addresses of this machine for servers that other processes start.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports below Linux's ephemeral ones (ip_local_port_range, 32768 and above), which no client gets by chance.
const firstPort, lastPort = 12000, 32000

var (
	mu    sync.Mutex
	given = map[int]bool{}
)

// Free returns an address, "127.0.0.1:PORT", on which nobody listens, and which it has given to no one else in this process.
// A port that the kernel chooses for ":0" may be a client's as soon as it is closed; these ports are not.
func Free() (string, error) {
	mu.Lock()
	defer mu.Unlock()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if given[port] {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		given[port] = true
		return address, l.Close()
	}
	return "", errors.New("no port of 127.0.0.1 is free")
}
