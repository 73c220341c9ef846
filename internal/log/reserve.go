package log

import (
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
)

// reserve keeps the end of a disk free of records, for what cannot do without:
// the state log, and the metadata log where it shares the disk. A directory
// becomes read-only when the disk is down to it, before a write has failed.
type reserve struct {
	bytes int64 // DirOptions.Reserve
	// left is what may be appended before the disk is asked again.
	left atomic.Int64
}

// spare returns an error if n more bytes would touch the reserve. Nearly always
// it costs one atomic operation.
func (d *Dir) spare(n int) error {
	r := &d.reserve
	if r.bytes <= 0 || n <= 0 || r.left.Add(-int64(n)) >= 0 {
		return nil
	}
	free, _, err := d.fs.Free(d.path)
	if err != nil {
		return nil // the write will tell
	}
	above := int64(min(free, 1<<62)) - r.bytes - int64(n)
	if above < 0 {
		err := fmt.Errorf("%d bytes are free, the last %d are not for records: %w", free, r.bytes, syscall.ENOSPC)
		d.setReadOnly(err)
		return fmt.Errorf("log directory %s is full: %w: %w", d.path, err, kerr.KafkaStorageError)
	}
	// Others may be writing to the same disk: what is not asked for stays well
	// below the reserve.
	r.left.Store(min(above, r.bytes) / 4)
	return nil
}

// recount has the next append ask the disk again.
func (r *reserve) recount() { r.left.Store(0) }

// enough is what must be free above an append before a directory that was down
// to its reserve takes records again: somewhat more than the reserve, or it
// would go to and fro.
func (r *reserve) enough() uint64 { return uint64(r.bytes + r.bytes/8) }
