package log

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

var errDraft = errors.New("log: not there yet")

// DirOptions say where a log directory is and how it behaves.
type DirOptions struct {
	FS           vfs.FS
	Path         string
	Logger       *slog.Logger      // nil = discard
	SyncWorkers  int               // 0 = 8
	MaxOpenFiles int               // 0 = half of the process's limit
	BootID       string            // changes with each boot of the machine; "" = unknown
	OnFailure    func(*Dir, error) // called once, from any goroutine; must not block
	// Manual starts no goroutine: the owner calls Step. For simulation.
	Manual bool
}

// Dir is one log directory.
type Dir struct{}

// Stored is a partition found on disk.
type Stored struct {
	Partition Partition
	TopicID   TopicID // zero if it could not be read
	Size      int64   // bytes of its segments as last recorded
}

func OpenDir(o DirOptions) (*Dir, error)                            { return nil, errDraft }
func (d *Dir) Stored() []Stored                                     { return nil }
func (d *Dir) CleanStop() bool                                      { return false }
func (d *Dir) Open(p Partition, id TopicID, c Config) (*Log, error) { return nil, errDraft }
func (d *Dir) Delete(l *Log) error                                  { return errDraft }
func (d *Dir) Close(ctx context.Context) error                      { return errDraft }
func (d *Dir) Failed() error                                        { return nil }
func (d *Dir) ReadOnly() bool                                       { return false }
func (d *Dir) Path() string                                         { return "" }
func (d *Dir) Step(now time.Time) error                             { return errDraft }

// Log is one partition's log.
type Log struct{}

// Origin says who appends (Kafka's AppendOrigin).
type Origin int8

const (
	FromClient      Origin = iota // full producer checks
	FromCoordinator               // epoch checks only
)

// AppendOptions go with one append by the leader.
type AppendOptions struct {
	LeaderEpoch        int32
	Now                time.Time
	Origin             Origin
	TransactionVersion int16 // of a transaction marker (KIP-890)
}

// Appended says where an append went.
type Appended struct {
	BaseOffset, LastOffset int64
	Timestamp              int64 // max timestamp in ms; of the original for a duplicate
	Duplicate              bool
}

// Range is a run of whole batches in one segment file. The holder must Release it.
type Range struct{}

func (r *Range) Len() int                                { return 0 }
func (r *Range) Pos() int64                              { return 0 }
func (r *Range) Fd() (uintptr, bool)                     { return 0, false }
func (r *Range) ReadAt(p []byte, off int64) (int, error) { return 0, errDraft }
func (r *Range) Release()                                {}
func (r *Range) NextOffset() int64                       { return 0 }

// SegmentInfo describes one segment.
type SegmentInfo struct {
	BaseOffset, NextOffset, Size, MaxTimestamp int64
}

// TimestampOffset answers a question about time.
type TimestampOffset struct {
	Offset, Timestamp int64
	LeaderEpoch       int32
}

// ProducerInfo is one producer's state (DescribeProducers).
type ProducerInfo struct {
	ProducerID       int64
	Epoch            int16
	LastSequence     int32
	LastTimestamp    int64
	CoordinatorEpoch int32
	TxnStartOffset   int64 // -1 = no open transaction
}

// AbortedTxn is one aborted transaction (Fetch's AbortedTransactions).
type AbortedTxn struct {
	ProducerID, FirstOffset, LastOffset, LastStableOffset int64
}

func (l *Log) Partition() Partition                               { return Partition{} }
func (l *Log) TopicID() TopicID                                   { return TopicID{} }
func (l *Log) Dir() *Dir                                          { return nil }
func (l *Log) Config() Config                                     { return Config{} }
func (l *Log) SetConfig(c Config)                                 {}
func (l *Log) Append(b []byte, o AppendOptions) (Appended, error) { return Appended{}, errDraft }
func (l *Log) AppendAsFollower(b []byte, now time.Time) error     { return errDraft }
func (l *Log) StartOffset() int64                                 { return 0 }
func (l *Log) EndOffset() int64                                   { return 0 }
func (l *Log) DurableOffset() int64                               { return 0 }
func (l *Log) SetHighWatermark(o int64)                           {}
func (l *Log) HighWatermark() int64                               { return 0 }
func (l *Log) LastStableOffset() int64                            { return 0 }
func (l *Log) OnDurable(fn func(durable int64))                   {}
func (l *Log) Sync() error                                        { return errDraft }
func (l *Log) Read(from int64, maxBytes int, upTo int64, minOne bool) (Range, error) {
	return Range{}, errDraft
}
func (l *Log) OffsetForTimestamp(ts, upTo int64) (TimestampOffset, bool, error) {
	return TimestampOffset{}, false, errDraft
}
func (l *Log) MaxTimestamp() (TimestampOffset, bool, error) {
	return TimestampOffset{}, false, errDraft
}
func (l *Log) LatestEpoch() int32                            { return -1 }
func (l *Log) AssignEpoch(epoch int32)                       {} // on becoming leader: the epoch starts at the end offset
func (l *Log) EpochForOffset(o int64) int32                  { return -1 }
func (l *Log) EndOffsetForEpoch(epoch int32) (int32, int64)  { return -1, -1 }
func (l *Log) TruncateTo(o int64) error                      { return errDraft }
func (l *Log) TruncateFullyAndStartAt(o int64) error         { return errDraft }
func (l *Log) DeleteRecordsBefore(o int64) (int64, error)    { return 0, errDraft }
func (l *Log) Retain(now time.Time) (deleted int, err error) { return 0, errDraft }
func (l *Log) Size() int64                                   { return 0 }
func (l *Log) Segments() []SegmentInfo                       { return nil }
func (l *Log) ActiveProducers() []ProducerInfo               { return nil }
func (l *Log) AbortedTxns(from, upTo int64) []AbortedTxn     { return nil }
