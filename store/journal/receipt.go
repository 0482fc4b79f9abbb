package journal

import (
	"errors"
	"fmt"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Receipt is a station's word that it has the first leaves of a gate's log: the gate's
// checkpoint, with the station's cosignature (C2SP tlog-cosignature, cosignature/v1).
// Only [OpenReceipt] makes one that says anything, from signatures that it has verified.
type Receipt struct {
	origin string
	tree   tlog.Tree
	time   time.Time
	note   []byte
}

// OpenReceipt reads the receipt of one origin. gate is the verifier of the gate's
// checkpoints, receipts that of the station's cosignatures.
func OpenReceipt(msg []byte, origin string, gate, receipts note.Verifier) (Receipt, error) {
	if _, ok := receipts.(*torchwood.CosignatureVerifier); !ok {
		return Receipt{}, fmt.Errorf("receipt: %q is not the key of a cosignature/v1", receipts.Name())
	}
	tree, n, err := OpenHead(msg, origin, gate, receipts)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	if tree.N == 0 {
		return Receipt{}, errors.New("receipt: it is of no leaves")
	}
	for _, sig := range n.Sigs {
		if sig.Name == receipts.Name() && sig.Hash == receipts.KeyHash() {
			seconds, err := torchwood.CosignatureTimestamp(sig)
			return Receipt{origin, tree, time.Unix(seconds, 0), append([]byte(nil), msg...)}, err
		}
	}
	return Receipt{}, errors.New("receipt: the station has not signed it") // OpenHead has counted both
}

// Tree is what the station has: the number of leaves and their root.
func (r Receipt) Tree() tlog.Tree { return r.tree }

// Origin names the log; "": this proves nothing.
func (r Receipt) Origin() string { return r.origin }

// Note is the receipt as it was signed.
func (r Receipt) Note() []byte { return append([]byte(nil), r.note...) }

// Time is when the station signed it, by the station's clock, in whole seconds.
func (r Receipt) Time() time.Time { return r.time }
