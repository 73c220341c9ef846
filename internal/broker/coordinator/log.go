package coordinator

import "context"

// Log is the internal topic's partition as the coordinator sees it. The
// coordinator is the only one who appends to it while it leads: offsets are
// predicted and checked. Methods may be called from any goroutine, and never
// with a lock of the coordinator held.
type Log interface {
	// Append appends one whole batch whose base offset and leader epoch the log
	// fills in; it may change batch, and keeps nothing of it after it returns.
	// leaderEpoch is that of Elected; if it is not the partition's any more,
	// the error is NOT_LEADER_OR_FOLLOWER and nothing is appended. An error
	// means that nothing was appended.
	Append(ctx context.Context, batch []byte, leaderEpoch int32) (lastOffset int64, err error)
	// WhenCommitted calls done exactly once: with nil when the high watermark
	// is above offset, or with an error when leadership is lost before. done
	// does not block, and may be called before WhenCommitted returns.
	WhenCommitted(offset int64, done func(err error))
	// Read returns committed whole batches from the one that holds offset from,
	// up to about maxBytes but at least one; nothing if there is none. The
	// bytes belong to the caller.
	Read(from int64, maxBytes int) (batches []byte, err error)
	// StartOffset is the log start offset.
	StartOffset() int64
	// EndOffset is the log end offset.
	EndOffset() int64
}
