package main

import (
	"path/filepath"

	"railgate/configs"
	"railgate/store/durable"
)

func worked(cfg *configs.Config) bool {
	sum, err := durable.ReadFile(filepath.Join(cfg.Data, workedName), 1<<10)
	return err == nil && string(sum) == cfg.Sum
}

func noteWorked(cfg *configs.Config) error {
	if worked(cfg) {
		return nil
	}
	return durable.WriteFile(filepath.Join(cfg.Data, workedName), []byte(cfg.Sum), 0o640)
}

// A configuration that has worked on this gate is right: a device that is missing now is
// broken or unplugged, and a gate that starts without it still has its other scanner,
// its screen and its emergency exit.
const workedName = "config.worked"
