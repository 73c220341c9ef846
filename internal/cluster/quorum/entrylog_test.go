package quorum

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/headrace/headrace/internal/vfs"
)

// An entry that is read again long after the start is checked again: a bit may
// have flipped on the disk meanwhile.
func TestEntryThatChangesOnDisk(t *testing.T) {
	m := vfs.NewMem()
	must(t, m.MkdirAll("/m", 0o700))
	l, _, err := openEntryLog(m, "/m", 1<<20, 0) // nothing is kept in memory
	must(t, err)
	defer func() { must(t, l.close()) }()
	for i := uint64(1); i <= 3; i++ {
		must(t, l.append([]*pb.Entry{{Term: new(uint64(1)), Index: new(i), Type: pb.EntryNormal.Enum(), Data: []byte("decision")}}))
	}
	_, err = l.entry(2)
	must(t, err)

	ref := l.segments[0].refs[1]
	f, err := m.OpenFile(filepath.Join("/m", segmentName(1)), os.O_RDWR, 0)
	must(t, err)
	for at := ref.pos; at < ref.pos+entryHeaderSize+int64(ref.size); at++ {
		b := make([]byte, 1)
		_, err := f.ReadAt(b, at)
		must(t, err)
		_, err = f.WriteAt([]byte{b[0] ^ 1}, at)
		must(t, err)
		if e, err := l.segments[0].read(2); !errors.Is(err, ErrCorrupt) {
			t.Errorf("byte %d of the entry has changed: %v, %v", at-ref.pos, e, err)
		}
		_, err = f.WriteAt(b, at)
		must(t, err)
	}
	must(t, f.Close())
}
