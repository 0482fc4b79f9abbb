package bus

import (
	"fmt"
	"strings"
	"time"

	"railgate/store/journal"
)

// News is what the stream of spent codes has stored lately, told to all gates in one message
// on [NewsSubject]. It says of which messages of the stream it tells, so that whoever hears
// it knows what it has missed.
type News struct {
	Created int64  `cbor:"1,keyasint"`           // when the stream was made, nanoseconds since 1970
	After   uint64 `cbor:"2,keyasint,omitempty"` // it tells of every message behind this one,
	Last    uint64 `cbor:"3,keyasint"`           // up to this one
	Time    int64  `cbor:"4,keyasint"`           // of the last one, by the server's clock, nanoseconds since 1970
	Pending uint64 `cbor:"5,keyasint,omitempty"` // how many the stream had behind it
	Words   []Word `cbor:"6,keyasint"`           // in order; what the stream has removed meanwhile is not among them
}

// A Word is one message of the stream.
type Word struct {
	_       struct{} `cbor:",toarray"`
	Seq     uint64   // the stream's
	Subject string
	Body    []byte
}

// Bounds of one message of news.
const (
	MaxWords     = 512
	MaxNewsBytes = 48 << 10 // of subjects and bodies together, but for one word that is longer
	maxNews      = 192 << 10
	maxSubject   = 128
)

// Size is what a word counts towards [MaxNewsBytes].
func (w Word) Size() int { return len(w.Subject) + len(w.Body) + 16 }

// Encode is the message's body: deterministic CBOR.
func (n News) Encode() ([]byte, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	return journal.Encode(n)
}

// ParseNews reads a message's body.
func ParseNews(body []byte) (News, error) {
	if len(body) > maxNews {
		return News{}, fmt.Errorf("news of %d bytes; want %d at most", len(body), maxNews)
	}
	var n News
	if err := journal.Decode(body, &n); err != nil {
		return News{}, fmt.Errorf("news: %w", err)
	}
	return n, n.check()
}

func (n News) check() error {
	if n.Last <= n.After || n.Created <= 0 || n.Time <= 0 || len(n.Words) > MaxWords {
		return fmt.Errorf("news of the messages behind %d up to %d, made %d, at %d, with %d words", n.After, n.Last, n.Created, n.Time, len(n.Words))
	}
	before := n.After
	for _, w := range n.Words {
		if w.Seq <= before || w.Seq > n.Last || len(w.Subject) > maxSubject || !strings.HasPrefix(w.Subject, subject("")) {
			return fmt.Errorf("news: message %d of %q behind %d", w.Seq, w.Subject, before)
		}
		before = w.Seq
	}
	return nil
}

// Stream is when the stream was made, and At the time of the last message.
func (n News) Stream() time.Time { return time.Unix(0, n.Created) }
func (n News) At() time.Time     { return time.Unix(0, n.Time) }
