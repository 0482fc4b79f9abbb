package loopback

import (
	"net"
	"testing"
)

func TestFreeAddressesDifferAndNobodyListensThere(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		address, err := Free()
		if err != nil {
			t.Fatal(err)
		}
		if seen[address] {
			t.Fatalf("%s was given twice", address)
		}
		seen[address] = true
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("%s is not free: %v", address, err)
		}
		if port := l.Addr().(*net.TCPAddr).Port; port >= 32768 {
			t.Errorf("%d is one that the kernel gives to clients", port)
		}
		l.Close()
	}
}
