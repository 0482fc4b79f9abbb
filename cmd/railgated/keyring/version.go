package keyring

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"syscall"
	"time"
)

// How says why the keyset's file is read.
type How uint8

const (
	IfChanged How = iota
	Asked         // a person Asked: read it whatever it looks like
	Forced        // a person insists: take another issuer's too
)

// ErrForeign is a keyset that has no key in common with the one in use.
var ErrForeign = errors.New("it shares no key with the keyset in use, so it may be another issuer's")

// A fileVersion is a file as it was read. Size and mtime alone do not tell one from
// another: cp -p and a coarse clock make them equal.
type fileVersion struct {
	sum     [sha256.Size]byte
	dev     uint64
	inode   uint64
	size    int64
	changed int64 // nanoseconds; 0: it changed just before it was read, and may have changed since
}

// settled is how long after a change the next one has another time for certain.
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
// nobody can set it, unlike the mtime.
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
