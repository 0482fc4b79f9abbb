package store

import (
	"os"

	"golang.org/x/mod/sumdb/tlog"
)

// FileLeaves are the leaf hashes of the records from one number to another that a file has, by
// their numbers: of a daemon's file while no daemon has it, or of a copy. What is damaged is
// left out. It proves nothing: whoever asks holds the hashes against a signed root.
func FileLeaves(path string, from, upto uint64) (map[uint64]tlog.Hash, error) {
	leaves := map[uint64]tlog.Hash{}
	from = max(1, from)
	r := &Reader{path: path}
	return leaves, r.with(func(f *os.File) error {
		m, _, err := newestMeta(f)
		if err != nil {
			return err
		}
		err = eachChunk(f, m, func(chunk []Leaf) {
			for _, leaf := range chunk {
				if from <= leaf.Seq && leaf.Seq <= upto {
					leaves[leaf.Seq] = leaf.Hash
				}
			}
		})
		if err != nil {
			return err
		}
		return walkJournal(f, from, upto, from-1, func(e stored) bool {
			body, err := unseal(e.key, e.value)
			if err != nil {
				return true
			}
			if leaf, err := leafOf(e.seq, body); err == nil {
				leaves[e.seq] = leaf.Hash
			}
			return true
		})
	})
}
