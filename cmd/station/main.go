// Station publishes what gates fetch: a nation's keyset and releases, a station's policy
// and manifest, each in a TUF repository (theupdateframework.io) of static files, which
// any web server or USB stick can carry.
//
//	station init --dir nation               keys and a first publication
//	station init --dir D --station GZQ      a station's keys and both repositories
//	station serve --dir D                   the files, the bus, receipts, the time, a page
//	station enroll --dir D FILE             lets a gate in
//	station publish --dir nation keyset keys.json
//	station timestamp --dir nation          says again that this is the newest; for a timer
//	station show --dir nation               what is published, and until when it is good
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	_ "time/tzdata" // a small Debian has no tzdata

	"github.com/spf13/cobra"
)

// Set by the linker: the version, and when it was made (seconds since 1970).
var (
	version = "devel"
	built   = "0"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

const (
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a command line that cannot be carried out.
type usageError struct{ error }

func run(args []string, in io.Reader, out, errOut io.Writer) int {
	root := newRoot(time.Now)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(context.Background())
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(errOut, "station:", err)
		return exitUsage
	}
	fmt.Fprintln(errOut, "station:", err)
	return exitFailed
}

// desk is what every command needs.
type desk struct {
	dir        string
	asker      asker
	now        func() time.Time
	workFactor int // of new keys' passphrases; 0: age's own
}

func newRoot(now func() time.Time) *cobra.Command {
	return newCommands(&desk{now: now})
}

func newCommands(d *desk) *cobra.Command {
	root := &cobra.Command{
		Use: "station", Version: version, SilenceErrors: true, SilenceUsage: true,
		Short: "Publish what gates fetch",
		Long: `Station publishes what gates fetch, in a TUF repository: a folder of static files, of which
any web server or USB stick carries public/. The keys that must stay offline are encrypted
under passphrases; move keys/root-2.age and root-3.age to other people's safes.`,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVar(&d.dir, "dir", ".", "the repository's `folder`")
	root.PersistentFlags().StringVar(&d.asker.file, "passphrase-file", "", "read every passphrase from the first line of a `file`, instead of asking")
	d.benchFlags(root)
	root.AddCommand(newInit(d), newPublish(d), newTimestamp(d), newRestored(d), newShow(d), newPassphrase(d), newServe(d), newCollect(d), newEnroll(d), newGates(d), newBusUsers(d), newAudit(d), newMan(root))
	return root
}
