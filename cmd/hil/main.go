// Hil is the inside of the gate that make hil boots under QEMU: its first process, and the agent that
// the tests outside command. Nothing of it is for a device.
//
// The tests of this folder are the outside: they hold the other end of every wire. The relay's, the
// lamps' and the inputs' pins are those of the board's GPIO controller (PL061), seen and driven through
// QEMU's qtest socket; the scanner is a USB serial adapter (FTDI) whose other end is a socket; power is
// QEMU itself. A Raspberry Pi is another machine, whose agent talks over a serial port; an industrial PC's
// GPIO adapter is a program inside. The tests run where RAILGATE_HIL names the folder that prepare.sh filled.
package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	var err error
	switch {
	case os.Getpid() == 1:
		err = boot()
	case len(os.Args) == 2 && os.Args[1] == "agent":
		err = serve()
	case len(os.Args) == 2 && os.Args[1] == "adapter":
		err = runAdapter()
	case len(os.Args) == 4 && os.Args[1] == "show":
		err = show(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "look":
		err = look(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "unload":
		err = unix.DeleteModule(os.Args[2], unix.O_NONBLOCK)
	case len(os.Args) == 3 && os.Args[1] == "listen":
		err = listen(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "load":
		err = loadModules()
	default:
		err = fmt.Errorf("this runs inside the machine that make hil boots; it is nothing for this one")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hil:", err)
		os.Exit(1)
	}
}
