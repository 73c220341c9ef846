package coordinator

import (
	"time"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// Shard is the state machine of one partition of an internal topic. The runtime
// calls one method at a time. Its life: Load for every record in the log, then
// Loaded, then inputs (a Request's, Advance, Committed, Finish, Revert), in the
// end Unload. As Kafka's CoordinatorShard and CoordinatorPlayback; unlike there,
// a shard takes back itself what could not be appended.
type Shard interface {
	// Load applies one record of the log at its offset and keeps nothing of key
	// and value. A nil value is a tombstone; producerID is -1 outside of
	// transactions. An error means that the record was skipped and counted:
	// shard.ErrMalformedRecord is worth a line in the log.
	Load(offset, producerID int64, key, value []byte) error
	// Skipped is the number of records that Load could not use.
	Skipped() int
	// Loaded ends loading: the log ends at endOffset, all of it committed.
	Loaded(now time.Time, endOffset int64) *shard.Result
	// NextOffset is the offset that the next record must get in the log.
	NextOffset() int64
	// Deadline is when Advance has something to do, at the latest; it may be
	// early. ok is false if there is nothing to wait for.
	Deadline() (at time.Time, ok bool)
	// Advance handles what has expired at now. It is called again until its
	// Result is empty.
	Advance(now time.Time) *shard.Result
	// Committed says that all records below offset are committed.
	Committed(offset int64)
	// Revert takes back every record from offset on: they could not be
	// appended, for the reason err.
	Revert(now time.Time, offset int64, err error) *shard.Result
	// Finish tells the outcome of an Event: nil once its records are committed,
	// or an error that wraps a kerr.Error.
	Finish(now time.Time, event shard.Event, err error) *shard.Result
	// Unload answers all who wait: leadership is gone.
	Unload(now time.Time) *shard.Result
}
