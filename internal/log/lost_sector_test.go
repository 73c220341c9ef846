package log

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/headrace/headrace/internal/vfs"
)

// TestLostLastSector: a power cut that costs a segment its last few bytes, in a
// sector of which the file has no more, has torn that batch, though sound ones
// follow in the next segment.
func TestLostLastSector(t *testing.T) {
	h := newHarness(t, Config{SegmentBytes: 9000})
	h.append(plain(t, 1, "a"))
	pad := 0
	for ; (h.log.Size()+int64(len(plain(t, 1, fmt.Sprintf("b%0*d", pad, 7)))))%sectorBytes != 4; pad++ {
	}
	h.append(plain(t, 1, fmt.Sprintf("b%0*d", pad, 7)))
	size := h.log.Size()
	h.append(plain(t, 8, "next segment"))
	if s := h.log.Segments(); len(s) != 2 || s[0].Size != size {
		t.Fatal(s, size)
	}
	disk := h.fs.(*vfs.Mem).KillClone()
	h.dir.Abandon()
	edit(t, disk, filepath.Join(testPath, segmentName(0, logSuffix)), func(f vfs.File) {
		if _, err := f.WriteAt(make([]byte, 4), size-4); err != nil {
			t.Fatal(err)
		}
	})
	for boot, want := range map[string]int64{"boot-1": 10, "boot-2": 1} {
		d, l, err := openTest(disk.KillClone(), boot, h.conf)
		if err != nil {
			t.Fatal(err)
		}
		if l.EndOffset() != want {
			t.Errorf("%s: end offset %d, want %d", boot, l.EndOffset(), want)
		}
		d.Abandon()
	}
}

// TestCorrectMeta sets every flipped bit right, and takes nothing else.
func TestCorrectMeta(t *testing.T) {
	want := partitionMeta{topicID: testID, startOffset: 42}
	whole := want.encode()
	for at := range whole {
		b := bytes.Clone(whole)
		b[at] ^= 1 << (at % 8)
		if got, ok := correctMeta(b); !ok || got != want {
			t.Fatalf("byte %d: %+v %v", at, got, ok)
		}
		b[(at+7)%len(b)] ^= 4
		if got, ok := correctMeta(b); ok && got != want {
			t.Fatalf("two bits, byte %d: %+v", at, got)
		}
	}
}
