package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/store/durable"
	"railgate/verify"
)

// This file is about the keyset's file: when it is read, what is taken of it, the copy.

// how says why the keyset's file is read.
type how uint8

const (
	ifChanged how = iota
	asked         // by a person: whatever it looks like
	forced        // and it is taken though it is another issuer's
)

// errForeign is a keyset that has no key in common with the one in use.
var errForeign = errors.New("it shares no key with the keyset in use, so it may be another issuer's")

// read reads the file, where one is configured, and puts its keyset to use. It returns
// why the file is not in use.
func (k *keyring) read(why how) error {
	if k.path == "" {
		return nil
	}
	k.file.Lock()
	defer k.file.Unlock()
	defer k.keep()
	if info, err := os.Stat(k.path); why == ifChanged && err == nil && k.last.of(info) {
		return k.refusal()
	}
	data, info, err := configs.ReadKeyset(k.path)
	if err != nil {
		k.last = fileVersion{}
		return k.failed(fmt.Errorf("keyset: %w", err))
	}
	was := k.last
	k.last = fileVersionOf(data, info)
	if why == ifChanged && k.last.sum == was.sum {
		return k.refusal()
	}
	keys, err := verify.ParseKeyset(data)
	if err == nil && why != forced && k.isForeign(keys) {
		err = fmt.Errorf("%w; if it is meant to be used: railgate keys install --force %s", errForeign, k.path)
	}
	if err != nil {
		return k.failed(fmt.Errorf("%s: %w", k.path, err))
	}
	k.take(keys, data)
	return nil
}

func (k *keyring) isForeign(keys *verify.Keyset) bool {
	old := k.current()
	return old != nil && !old.SharesKey(keys)
}

// take puts a keyset to use that was read from data.
func (k *keyring) take(keys *verify.Keyset, data []byte) {
	if old := k.current(); old != nil && keys.Version < old.Version {
		k.log.Warn("the keyset's version went back; this is a local file, so it is used", "from", old.Version, "to", keys.Version)
	}
	k.use(keys)
	k.unkept, k.noted = data, ""
	k.log.Info("keyset in use", "file", k.path, "version", keys.Version, "keys", len(keys.Keys))
}

// receive puts a keyset to use that a repository signed: it may share no key with the
// one before.
func (k *keyring) receive(data []byte) error {
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		return err
	}
	k.file.Lock()
	defer k.file.Unlock()
	k.use(keys)
	k.unkept = data
	k.keep()
	k.log.Info("keyset in use", "from", k.source, "version", keys.Version, "keys", len(keys.Keys))
	return nil
}

// failed notes an error, and logs each once.
func (k *keyring) failed(err error) error {
	k.refuse(err)
	if keys := k.current(); keys != nil && k.noted != err.Error() {
		k.log.Error("the keyset's file cannot be used; the old one stays in use", "err", err, "version", keys.Version)
		k.noted = err.Error()
	}
	return err
}

// keep writes the copy of a keyset that was taken, and tries again where it cannot.
func (k *keyring) keep() {
	if k.unkept == nil {
		return
	}
	if old, _, err := configs.ReadKeyset(k.kept); err == nil && string(old) == string(k.unkept) {
		k.unkept = nil
		return
	}
	if durable.WriteFile(k.kept, k.unkept, 0o640) == nil {
		k.unkept = nil
	}
}

// detail is the keyset in use beside its file's.
func (k *keyring) detail() *control.Keys {
	k.mu.Lock()
	d := &control.Keys{Path: k.path, InUse: control.DescribeKeyset(k.keys), Foreign: errors.Is(k.err, errForeign)}
	if d.InUse != nil {
		since := k.since
		d.InUse.Since = &since
	}
	if k.err != nil {
		d.Problem = k.err.Error()
	}
	k.mu.Unlock()
	if data, _, err := configs.ReadKeyset(k.path); err == nil {
		if keys, err := verify.ParseKeyset(data); err == nil {
			d.File = control.DescribeKeyset(keys)
		}
	}
	return d
}

// A fileVersion is a file as it was read. Size and mtime alone do not tell one from
// another: cp -p and a coarse clock make them equal.
type fileVersion struct {
	sum     [sha256.Size]byte
	dev     uint64
	inode   uint64
	size    int64
	changed int64 // nanoseconds; 0: it changed just before it was read, and may have changed after
}

// settled is how long after a change a file's times tell a second one from it.
const settled = 2 * time.Second

func fileVersionOf(data []byte, info fs.FileInfo) fileVersion {
	v := fileVersion{sum: sha256.Sum256(data), size: info.Size()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		v.dev, v.inode = uint64(st.Dev), st.Ino
	}
	if changed := changedOf(info); time.Now().UnixNano()-changed > int64(settled) {
		v.changed = changed
	}
	return v
}

// changedOf is when a file's bytes, times or names changed last (ctime), in nanoseconds;
// unlike its mtime nobody can set it.
func changedOf(info fs.FileInfo) int64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return st.Ctim.Nano()
}

// of tells whether info is that of the file that was read.
func (v fileVersion) of(info fs.FileInfo) bool {
	w := fileVersionOf(nil, info)
	return v.changed != 0 && v.changed == changedOf(info) && v.inode == w.inode && v.dev == w.dev && v.size == w.size
}
