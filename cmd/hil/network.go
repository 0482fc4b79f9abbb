package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Interface is a network interface, with its address of IPv4.
type Interface struct {
	Name    string
	Address string // and the prefix's length: "10.0.2.15/24"
}

// Network turns an interface on. It leads to its own network alone: there is no route.
func (g *Guest) Network(i Interface, _ *struct{}) error {
	prefix, err := netip.ParsePrefix(i.Address)
	if err != nil {
		return err
	}
	request, err := unix.NewIfreq(i.Name)
	if err != nil {
		return err
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	if err := request.SetInet4Addr(prefix.Addr().AsSlice()); err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFADDR, request); err != nil {
		return fmt.Errorf("%s: its address: %w", i.Name, err)
	}
	mask := binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-prefix.Bits()))
	if err := request.SetInet4Addr(mask); err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFNETMASK, request); err != nil {
		return fmt.Errorf("%s: its network: %w", i.Name, err)
	}
	request.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("%s: turning it on: %w", i.Name, err)
	}
	return nil
}
