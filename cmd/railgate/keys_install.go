package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/store/durable"
	"railgate/verify"
)

// oldSuffix makes of a keyset's path the path of the one from before.
const oldSuffix = ".old"

func newKeysInstall(g *gate) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "install FILE",
		Short: "Put a keyset in place of the gate's",
		Long: `Install checks a keyset, says what it changes, puts it where the configuration says (keys),
and has railgated read it. The one from before stays beside it, with the ending .old. A
keyset that has none of the keys in use may be another issuer's, and one whose keys have all
ended opens nothing: they take --force. It works while railgated does not run, too.`,
		Example: "  railgate keys install /media/usb/keys.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			k, err := g.keys(c.Context())
			if err != nil {
				return err
			}
			if k.Path == "" {
				return errNoKeysFile
			}
			in := installation{host: thisHost(), keys: k, zone: g.zone(c.Context()), force: force, out: c.OutOrStdout()}
			return in.install(c.Context(), args[0])
		},
	}
	c.Flags().BoolVar(&force, "force", false, "install it though it has none of the keys in use, or only keys that have ended")
	return c
}

// An installation puts a keyset in place of a gate's.
type installation struct {
	host  *host
	keys  *shownKeys
	zone  *time.Location // the gate's
	force bool
	out   io.Writer
}

func (in *installation) install(ctx context.Context, file string) error {
	data, _, err := configs.ReadKeyset(file)
	if err != nil {
		return err
	}
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		return fmt.Errorf("%s: %w; nothing was changed", file, err)
	}
	if err := in.check(file, keys); err != nil {
		return err
	}
	path := in.keys.Path
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved // a link stays, and what it leads to is replaced
	}
	if err := in.put(path, data); err != nil {
		return fmt.Errorf("%w; the keyset in use stays", err)
	}
	return in.tell(ctx, path)
}

// check says what changes, and refuses what would open nothing or is another issuer's.
func (in *installation) check(file string, keys *verify.Keyset) error {
	old := in.keys.InUse
	if old == nil {
		old = in.keys.File
	}
	new := control.DescribeKeyset(keys)
	if err := printKeyset(in.out, file, new, time.Now().In(in.zone)); err != nil {
		return err
	}
	foreign := isForeign(old, new)
	printChanges(in.out, keysetChanges(old, new, in.zone), foreign)
	why := ""
	switch last := lastKey(keys); {
	case in.force:
		return nil
	case foreign:
		why = "has none of the keys in use, so it may be another issuer's"
	case last.Before(time.Now()):
		why = "has no key that is still valid, so no code would open"
	default:
		return nil
	}
	return fmt.Errorf("%s %s; nothing was changed; to install it nevertheless: railgate keys install --force %s", file, why, control.Quote(file))
}

// put writes the new keyset, and the one from before beside it.
func (in *installation) put(path string, data []byte) error {
	mode, uid, gid := in.rights(path)
	if old := in.before(path); old != nil && string(old) != string(data) {
		if err := durable.WriteFileAs(path+oldSuffix, old, mode, uid, gid); err != nil {
			return fmt.Errorf("keeping the old keyset: %w", err)
		}
		fmt.Fprintf(in.out, "the old keyset is kept: %s\n", path+oldSuffix)
	}
	return durable.WriteFileAs(path, data, mode, uid, gid)
}

// before is the keyset from before: the one that railgated took last, else the file's. What
// was never in use is not kept in its place.
func (in *installation) before(path string) []byte {
	for _, p := range []string{filepath.Join(in.keys.data, control.KeptKeysetName), path} {
		if data, _, err := configs.ReadKeyset(p); err == nil {
			if _, err := verify.ParseKeyset(data); err == nil {
				return data
			}
		}
	}
	return nil
}

// rights are the mode and owner of the new file: the old one's, with which the service's
// user can read it.
func (in *installation) rights(path string) (mode fs.FileMode, uid, gid int) {
	mode, uid, gid = 0o640, -1, -1
	var st unix.Stat_t
	if unix.Stat(path, &st) == nil {
		mode, uid, gid = fs.FileMode(st.Mode&0o777), int(st.Uid), int(st.Gid)
	}
	if os.Geteuid() != 0 {
		return mode, -1, -1
	}
	user := in.host.serviceUser()
	if user == nil || user.uid == 0 || uid == user.uid && mode&0o400 != 0 || gid == user.gid && mode&0o040 != 0 || mode&0o004 != 0 {
		return mode, uid, gid
	}
	return mode | 0o640, uid, user.gid
}

// tell has the daemon read the file, and says what it says.
func (in *installation) tell(ctx context.Context, path string) error {
	k, err := control.NewClient(in.keys.data).TakeKeys(ctx, in.force)
	if errors.Is(err, control.ErrNotRunning) {
		return in.leave(path)
	}
	if err != nil {
		return fmt.Errorf("installed in %s, and not in use: %w", path, err)
	}
	_, err = fmt.Fprintf(in.out, "installed in %s and in use: version %d\n", path, k.InUse.Version)
	return err
}

// leave leaves the keyset for a daemon that does not run. One that was forced is held
// against no copy at the next start.
func (in *installation) leave(path string) error {
	if in.force {
		err := os.Remove(filepath.Join(in.keys.data, control.KeptKeysetName))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("installed in %s, but railgated will refuse it: %w", path, err)
		}
	}
	_, err := fmt.Fprintf(in.out, "installed in %s; railgated is not running, and begins with it\n", path)
	return err
}
