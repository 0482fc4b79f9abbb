package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"railgate/store/journal"
)

// badBlock is a file of which one page cannot be read.
type badBlock struct {
	*draft
	page int64
}

func (b badBlock) ReadAt(p []byte, off int64) (int, error) {
	if off < (b.page+1)*pageSize && off+int64(len(p)) > b.page*pageSize {
		return 0, unix.EIO
	}
	return b.draft.ReadAt(p, off)
}

// A page that cannot be read is named, wherever it is; one that nothing asks for harms nobody.
func TestInspectOfABadBlock(t *testing.T) {
	for page, want := range map[int64]string{
		0: "", 1: "", // a meta page: the other counts, and the file is torn
		rootAt: "page 2: ", freeAt: "list of free pages: page 3: ", freedAt: "", spentAt: `bucket "spent": page 5: `, branchAt: `bucket "journal": page 6: `, lowerAt: `bucket "journal": page 7: `,
		leavesAt: `bucket "journal": page 20: `, leavesAt + 1: `bucket "journal": page 21: `, leavesAt + 2: `bucket "journal": page 21: `, leavesAt + 3: `bucket "journal": page 23: `,
	} {
		d := sketch(3, 1) // the second leaf runs over into page 22
		found, err := inspect(badBlock{d, page}, d.size)
		switch {
		case want == "" && (err != nil || found.torn != (page < 2)):
			t.Errorf("page %d: %+v, %v; want it sound", page, found, err)
		case want != "" && (!errors.Is(err, unix.EIO) || !strings.HasPrefix(err.Error(), want)):
			t.Errorf("page %d: %v; want %q, and %v", page, err, want, unix.EIO)
		}
	}
}

// A bad block in the journal costs what is on it, and a walk goes on behind it.
func TestWalkOverABadBlock(t *testing.T) {
	for page, want := range map[int64]string{
		0: "1 2 3", leavesAt: "?1 2 3", leavesAt + 1: "1 ?2 3", leavesAt + 3: "error", // the tree's height is asked of the last leaf
		lowerAt: "error", rootAt: "error", spentAt: "1 2 3",
	} {
		d := sketch(3, 1)
		var all []string
		records, err := readRecords(badBlock{d, page}, 1, 3, 0, 10)
		for _, r := range records {
			s := fmt.Sprint(r.Seq)
			if r.Kind == journal.Damaged {
				s = "?" + s
			}
			all = append(all, s)
		}
		got := strings.Join(all, " ")
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("page %d: %q, %v; want %q", page, got, err, want)
		}
	}
}
