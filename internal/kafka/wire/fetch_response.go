package wire

import "math"

// FetchWriter builds a Fetch response, versions 4 to 18, as a list of segments:
// bytes to be written, and gaps that the caller fills from files with sendfile.
// The order of calls is Start, then for each topic Topic and its Partition
// calls, then End. The counts that were announced must be kept. The zero value
// is ready; a writer that is used again keeps its segment list.
type FetchWriter struct {
	version  int16
	flexible bool
	open     bool // a topic's tagged fields are still to come
	dst      []byte
	frame    int // where the frame starts in dst
	outside  int // bytes of gaps and of records that are not in dst
	cuts     []fetchCut
	segments []Segment
}

// Segment is a piece of a response: Bytes, or, if Bytes is nil, FileBytes bytes
// from elsewhere, for the Partition call with the number Partition.
type Segment struct {
	Bytes     []byte
	FileBytes int
	// Partition counts all Partition calls of the response, from 0.
	Partition int
}

// fetchCut is a place in dst where something else comes in between.
type fetchCut struct {
	at  int
	seg Segment
}

// FetchHead is the top of a Fetch response.
type FetchHead struct {
	ThrottleMs int32
	ErrorCode  int16 // from version 7
	SessionID  int32 // from version 7
	TopicCount int
}

// FetchPartitionResponse is the answer for one partition.
type FetchPartitionResponse struct {
	Index            int32
	ErrorCode        int16
	HighWatermark    int64 // -1 with an error
	LastStableOffset int64 // -1 with an error
	LogStartOffset   int64 // -1 with an error
	// Aborted lists the aborted transactions; a nil slice is null, which is
	// what read_uncommitted gets.
	Aborted []AbortedTransaction
	// PreferredReadReplica is -1 unless the client shall read elsewhere
	// (KIP-392, from version 11).
	PreferredReadReplica int32
	// Diverging, CurrentLeader and SnapshotID are left out if nil and before
	// version 12.
	Diverging     *EpochEndOffset
	CurrentLeader *LeaderAndEpoch
	SnapshotID    *EpochEndOffset

	// Records is sent if FileBytes is 0; large ones are not copied and must
	// stay as they are until the response has been sent. Nil is sent as an
	// empty record set.
	Records []byte
	// FileBytes is the length of a gap for records that the caller sends.
	FileBytes int
}

// AbortedTransaction tells a read_committed consumer what to skip.
type AbortedTransaction struct {
	ProducerID  int64
	FirstOffset int64
}

// EpochEndOffset is an epoch and where it ends.
type EpochEndOffset struct {
	Epoch     int32
	EndOffset int64
}

// inlineRecords is the size in bytes up to which records are copied into the
// response: below it one more element of a vectored write costs more.
const inlineRecords = 4096

// Start begins the response to a request with header h. Room for the frame's
// length comes first. All bytes are appended to dst, whose content stays in
// front of the frame and is not part of the segments.
func (w *FetchWriter) Start(dst []byte, h *Header, head FetchHead) {
	clear(w.segments)
	*w = FetchWriter{
		version: h.Version, flexible: h.Version >= fetchFlexible,
		frame: len(dst), cuts: w.cuts[:0], segments: w.segments[:0],
	}
	dst = AppendResponseHeader(dst, h)
	dst = appendInt32(dst, head.ThrottleMs)
	if w.version >= fetchSessions {
		dst = appendInt16(dst, head.ErrorCode)
		dst = appendInt32(dst, head.SessionID)
	}
	w.dst = appendArrayLen(dst, w.flexible, head.TopicCount)
}

// Topic begins the next topic.
func (w *FetchWriter) Topic(t TopicRef, partitions int) {
	w.closeTopic()
	w.open = w.flexible
	w.dst = appendTopicRef(w.dst, w.flexible, w.version >= fetchTopicIDs, t)
	w.dst = appendArrayLen(w.dst, w.flexible, partitions)
}

func (w *FetchWriter) closeTopic() {
	if w.open {
		w.dst = append(w.dst, 0)
		w.open = false
	}
}

// Partition appends the answer for the topic's next partition.
func (w *FetchWriter) Partition(p *FetchPartitionResponse) {
	dst := appendInt32(w.dst, p.Index)
	dst = appendInt16(dst, p.ErrorCode)
	dst = appendInt64(dst, p.HighWatermark)
	dst = appendInt64(dst, p.LastStableOffset)
	if w.version >= fetchLogStart {
		dst = appendInt64(dst, p.LogStartOffset)
	}
	dst = w.appendAborted(dst, p.Aborted)
	if w.version >= fetchRack {
		dst = appendInt32(dst, p.PreferredReadReplica)
	}
	n := len(p.Records)
	if p.FileBytes > 0 {
		n = p.FileBytes
	}
	if w.flexible {
		dst = appendUvarint(dst, uint32(n)+1)
	} else {
		dst = appendInt32(dst, int32(n))
	}
	w.dst = dst
	w.records(p)
	if w.flexible {
		w.partitionTags(p)
	}
}

func (w *FetchWriter) appendAborted(dst []byte, aborted []AbortedTransaction) []byte {
	n := len(aborted)
	if aborted == nil {
		n = -1
	}
	dst = appendArrayLen(dst, w.flexible, n)
	for _, a := range aborted {
		dst = appendInt64(dst, a.ProducerID)
		dst = appendInt64(dst, a.FirstOffset)
		if w.flexible {
			dst = append(dst, 0)
		}
	}
	return dst
}

// records places the partition's records or the gap for them.
func (w *FetchWriter) records(p *FetchPartitionResponse) {
	cut := fetchCut{at: len(w.dst), seg: Segment{Partition: w.partitions()}}
	switch {
	case p.FileBytes > 0:
		cut.seg.FileBytes = p.FileBytes
		w.outside += p.FileBytes
	case len(p.Records) > inlineRecords:
		cut.seg.Bytes = p.Records
		w.outside += len(p.Records)
	default:
		w.dst = append(w.dst, p.Records...)
	}
	w.cuts = append(w.cuts, cut)
}

// partitions returns how many Partition calls there were: each leaves a cut.
func (w *FetchWriter) partitions() int { return len(w.cuts) }

func (w *FetchWriter) partitionTags(p *FetchPartitionResponse) {
	t := beginTags(w.dst)
	if d := p.Diverging; d != nil {
		t.field(0, 4+8+1)
		t.dst = appendInt32(t.dst, d.Epoch)
		t.dst = appendInt64(t.dst, d.EndOffset)
		t.dst = append(t.dst, 0)
	}
	if p.CurrentLeader != nil {
		t.currentLeader(1, p.CurrentLeader)
	}
	if s := p.SnapshotID; s != nil {
		t.field(2, 8+4+1)
		t.dst = appendInt64(t.dst, s.EndOffset)
		t.dst = appendInt32(t.dst, s.Epoch)
		t.dst = append(t.dst, 0)
	}
	w.dst = t.dst
}

// Size returns how many bytes the response takes so far, gaps included.
func (w *FetchWriter) Size() int { return len(w.dst) - w.frame + w.outside }

// End finishes the response: it returns the segments in the order in which they
// are to be sent, and the buffer that was given to Start, grown, for its owner
// to take back once they have been. nodes are left out before version 16
// (KIP-951). The segments are valid until the next Start. A response of more
// than 2 GiB cannot be sent; the caller bounds what it reads.
func (w *FetchWriter) End(nodes []NodeEndpoint) (segments []Segment, buf []byte) {
	w.closeTopic()
	if w.flexible {
		t := beginTags(w.dst)
		if w.version >= 16 {
			t.nodeEndpoints(nodes)
		}
		w.dst = t.dst
	}
	if w.Size()-LengthSize > math.MaxInt32 {
		panic("wire: fetch response above 2 GiB")
	}
	SetLength(w.dst[w.frame:], w.outside)
	from := w.frame
	for _, c := range w.cuts {
		if c.seg.FileBytes == 0 && c.seg.Bytes == nil {
			continue
		}
		w.segments = append(w.segments, Segment{Bytes: w.dst[from:c.at]}, c.seg)
		from = c.at
	}
	if from < len(w.dst) {
		w.segments = append(w.segments, Segment{Bytes: w.dst[from:]})
	}
	buf = w.dst
	w.dst = nil
	clear(w.cuts)
	return w.segments, buf
}
