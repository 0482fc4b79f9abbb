package main

import (
	"context"
	"fmt"

	"railgate/configs"
	"railgate/store/journal"
	"railgate/store/sync"
	"railgate/verify"
)

// This file is about what comes from the nation alone: the keyset, which releases there
// are, and how a station's repository begins.

const (
	nation     = "nation"
	keysTarget = "keys.json"
	maxRoot    = 512 << 10 // bytes
)

func newNation(y *syncer) *feed {
	r := &feed{name: nation, word: nation, where: y.cfg.Sync.Nation, note: "synced nation", prove: nation, fingerprint: y.cfg.Sync.NationRoot}
	r.root = func() ([]byte, error) { return y.rootFile(nation) }
	r.take = y.takeNation
	return r
}

// takeNation puts to use what the nation publishes.
func (y *syncer) takeNation(ctx context.Context, l *sync.Listing) error {
	if err := y.takeKeys(ctx, l); err != nil {
		return err
	}
	if err := y.takeRevokers(ctx, l); err != nil {
		y.revoked.failed(err) // the keyset counts all the same
	}
	if y.station == nil {
		return nil
	}
	name := stationRoot(y.cfg)
	root, news, err := y.file(ctx, y.nation, l, name, maxRoot)
	if err == nil && news {
		err = y.store.PutFiles(nation, map[string][]byte{name: root})
	}
	return err
}

// stationRoot is the nation's name for the first root of this gate's station.
func stationRoot(cfg *configs.Config) string { return "stations/" + cfg.Station + "/root.json" }

// takeRevokers puts the keys that sign revocations to use, if they are others.
func (y *syncer) takeRevokers(ctx context.Context, l *sync.Listing) error {
	data, news, err := y.file(ctx, y.nation, l, revokersTarget, verify.MaxRevokers)
	if err != nil {
		return err
	}
	if err := y.revoked.Trust(data); err != nil {
		return fmt.Errorf("%s: %w", revokersTarget, err)
	}
	if !news {
		return nil
	}
	y.note(journal.Record{Kind: journal.Synced, Detail: "other keys may sign revocations"})
	return y.store.PutFiles(nation, map[string][]byte{revokersTarget: data})
}

// takeKeys puts the keyset to use, if it is another.
func (y *syncer) takeKeys(ctx context.Context, l *sync.Listing) error {
	if _, err := l.Find(ctx, keysTarget); err != nil {
		return err
	}
	data, news, err := y.file(ctx, y.nation, l, keysTarget, configs.MaxKeyset)
	switch {
	case err != nil:
		return err
	case !news && y.keys.Current() != nil:
		return nil
	case !news: // the copy was lost
		return y.keys.Receive(data)
	}
	if err := y.keys.Receive(data); err != nil {
		return fmt.Errorf("%s: %w", keysTarget, err)
	}
	y.note(journal.Record{Kind: journal.Synced, Detail: fmt.Sprintf("keyset version %d", y.keys.Current().Version)})
	return y.store.PutFiles(nation, map[string][]byte{keysTarget: data})
}
