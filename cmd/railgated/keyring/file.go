package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/store/durable"
	"railgate/verify"
)

// This file is about the keyset's file: when it is read, what is taken of it, the copy.

// Read reads the file, where one is configured, and puts its keyset to use. It returns
// why the file is not in use.
func (k *Ring) Read(why How) error {
	if k.path == "" {
		return nil
	}
	k.file.Lock()
	defer k.file.Unlock()
	defer k.keep()
	if info, err := os.Stat(k.path); why == IfChanged && err == nil && k.last.of(info) {
		return k.refusal()
	}
	data, info, err := configs.ReadKeyset(k.path)
	if err != nil {
		k.last = fileVersion{}
		return k.failed(fmt.Errorf("keyset: %w", err))
	}
	was := k.last
	k.last = fileVersionOf(data, info)
	if why == IfChanged && k.last.sum == was.sum {
		return k.refusal()
	}
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		return k.failed(fmt.Errorf("%s: %w", k.path, err))
	}
	return k.offer(keys, data, why)
}

// Begin puts to use what a start has read of the file; nil: it is read now. It returns why
// the file is not in use.
func (k *Ring) Begin(read *configs.KeysetFile) error {
	if read == nil {
		return k.Read(Asked)
	}
	k.file.Lock()
	defer k.file.Unlock()
	defer k.keep()
	k.last = fileVersionOf(read.Data, read.Info)
	return k.offer(read.Keys, read.Data, Asked)
}

// offer puts a keyset of the file to use, unless it may be another issuer's.
func (k *Ring) offer(keys *verify.Keyset, data []byte, why How) error {
	if why != Forced && k.isForeign(keys) {
		return k.failed(fmt.Errorf("%s: %w; if it is meant to be used: railgate keys install --force %s", k.path, ErrForeign, k.path))
	}
	k.take(keys, data)
	return nil
}

func (k *Ring) isForeign(keys *verify.Keyset) bool {
	old := k.Current()
	return old != nil && !old.SharesKey(keys)
}

// take puts a keyset to use that was read from data.
func (k *Ring) take(keys *verify.Keyset, data []byte) {
	if old := k.Current(); old != nil && keys.Version < old.Version {
		k.log.Warn("the keyset's version went back; this is a local file, so it is used", "from", old.Version, "to", keys.Version)
	}
	k.Use(keys)
	k.unkept, k.noted = data, ""
	k.log.Info("keyset in use", "file", k.path, "version", keys.Version, "keys", len(keys.Keys))
}

// Receive puts a keyset to use that a repository signed: it may share no key with the
// one before.
func (k *Ring) Receive(data []byte) error {
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		return err
	}
	k.file.Lock()
	defer k.file.Unlock()
	k.Use(keys)
	k.unkept = data
	k.keep()
	k.log.Info("keyset in use", "from", k.source, "version", keys.Version, "keys", len(keys.Keys))
	return nil
}

// failed notes an error, and logs each once.
func (k *Ring) failed(err error) error {
	k.refuse(err)
	if keys := k.Current(); keys != nil && k.noted != err.Error() {
		k.log.Error("the keyset's file cannot be used; the old one stays in use", "err", err, "version", keys.Version)
		k.noted = err.Error()
	}
	return err
}

// keep writes the copy of a keyset that was taken, and tries again where it cannot.
func (k *Ring) keep() {
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

// Detail is the keyset in use and the one in the file.
func (k *Ring) Detail() *control.Keys {
	k.mu.Lock()
	d := &control.Keys{Path: k.path, InUse: control.DescribeKeyset(k.keys), Foreign: errors.Is(k.err, ErrForeign)}
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

// Every is how often the file is looked at.
const Every = 2 * time.Second

// Run looks for a new file every now and then.
func (k *Ring) Run(ctx context.Context) error {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		k.beats.Add(1)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			k.Read(IfChanged)
		case <-k.again:
			k.Read(Asked)
		}
	}
}

// Reload has the file read now.
func (k *Ring) Reload() {
	select {
	case k.again <- struct{}{}:
	default:
	}
}
