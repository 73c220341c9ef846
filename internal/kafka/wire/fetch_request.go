package wire

import "math"

// FetchRequest is a view on the body of a Fetch request, versions 4 to 18.
// Decode has checked all of it, so that Topics and Forgotten cannot fail.
// What each version changed: 5 log start offset, 7 sessions (KIP-227), 9 leader
// epochs (KIP-320), 11 rack (KIP-392), 12 flexible with diverging epochs
// (KIP-595), 13 topic ids (KIP-516), 15 replica state (KIP-903), 17 directory id
// (KIP-853), 18 high watermark (KIP-1166).
type FetchRequest struct {
	Version int16
	// ClusterID is nil if the client did not send it (from version 12).
	ClusterID []byte
	// ReplicaID is the follower's broker id, -1 for a consumer.
	ReplicaID int32
	// ReplicaEpoch is the follower's broker epoch, -1 if it sent none.
	ReplicaEpoch int64
	MaxWaitMs    int32
	MinBytes     int32
	MaxBytes     int32
	// IsolationLevel is 0 for read_uncommitted, 1 for read_committed; any value
	// is decoded.
	IsolationLevel int8
	// SessionID is 0 without a session, SessionEpoch -1; so they are before
	// version 7.
	SessionID    int32
	SessionEpoch int32
	// RackID is empty if the client did not send it.
	RackID []byte
	// TopicCount, PartitionCount and ForgottenCount are those of the whole
	// request; ForgottenCount counts topics.
	TopicCount     int
	PartitionCount int
	ForgottenCount int
	// Trailing counts the bytes after the last field, which are ignored.
	Trailing int

	topics    []byte
	forgotten []byte
}

// FetchTopic is one topic of a FetchRequest.
type FetchTopic struct {
	Name           []byte   // versions 4 to 12
	ID             [16]byte // from version 13
	PartitionCount int

	partitions []byte
	version    int16
}

// FetchPartition is one partition of a FetchTopic.
type FetchPartition struct {
	Index              int32
	CurrentLeaderEpoch int32 // -1 if unknown to the client, and before version 9
	FetchOffset        int64
	LastFetchedEpoch   int32 // -1 if there is none, and before version 12
	LogStartOffset     int64 // of the follower; -1 from a consumer, and before version 5
	MaxBytes           int32
	ReplicaDirectoryID [16]byte // zero if not sent
	// HighWatermark is what the follower knows, -1 if nothing, and
	// math.MaxInt64 if it did not send the field.
	HighWatermark int64
	// DurableOffset is the end of what the follower has on stable storage, -1
	// if it did not send the field (see TagDurableOffset).
	DurableOffset int64
}

// ForgottenTopic names partitions that leave the fetch session.
type ForgottenTopic struct {
	Name           []byte
	ID             [16]byte
	PartitionCount int

	partitions []byte
}

// TagDurableOffset is a private tagged field of a Fetch request's partition: the
// end of what the follower has on stable storage, as an int64. Apache Kafka
// ignores it, as every unknown tag (KIP-482).
const TagDurableOffset = 0x4852

const (
	fetchLogStart      = 5
	fetchSessions      = 7
	fetchLeaderEpoch   = 9
	fetchRack          = 11
	fetchFlexible      = 12
	fetchTopicIDs      = 13
	fetchReplicaTag    = 15
	fetchDirectoryID   = 17
	fetchHighWatermark = 18
)

// Decode makes r a view on body. Bytes after the last field are ignored, as in
// Kafka. The error is ErrMalformed.
func (r *FetchRequest) Decode(version int16, body []byte) error {
	*r = FetchRequest{Version: version, ReplicaID: -1, ReplicaEpoch: -1, SessionEpoch: -1, RackID: []byte{}}
	in := reader{p: body}
	flexible := version >= fetchFlexible
	if version < fetchReplicaTag {
		r.ReplicaID = in.int32()
	}
	r.MaxWaitMs = in.int32()
	r.MinBytes = in.int32()
	r.MaxBytes = in.int32()
	r.IsolationLevel = in.int8()
	if version >= fetchSessions {
		r.SessionID = in.int32()
		r.SessionEpoch = in.int32()
	}
	r.decodeTopics(&in)
	if version >= fetchSessions {
		r.decodeForgotten(&in)
	}
	if version >= fetchRack {
		r.RackID = in.string(flexible)
	}
	if flexible {
		in.tags(r.tag)
	}
	r.Trailing = len(in.p)
	return in.err
}

func (r *FetchRequest) decodeTopics(in *reader) {
	flexible := r.Version >= fetchFlexible
	r.TopicCount = in.arrayLen(flexible, 2)
	r.topics = in.p
	for i := 0; i < r.TopicCount && in.err == nil; i++ {
		t := readFetchTopic(in, r.Version)
		r.PartitionCount += t.PartitionCount
		for j := 0; j < t.PartitionCount && in.err == nil; j++ {
			readFetchPartition(in, r.Version)
		}
		if flexible {
			in.tags(nil)
		}
	}
}

func (r *FetchRequest) decodeForgotten(in *reader) {
	flexible := r.Version >= fetchFlexible
	r.ForgottenCount = in.arrayLen(flexible, 2)
	r.forgotten = in.p
	for i := 0; i < r.ForgottenCount && in.err == nil; i++ {
		readForgotten(in, r.Version)
	}
}

// tag takes the request's own tagged fields.
func (r *FetchRequest) tag(tag uint32, field []byte) error {
	in := reader{p: field}
	switch {
	case tag == 0:
		r.ClusterID = in.nullableString(true)
	case tag == 1 && r.Version >= fetchReplicaTag:
		r.ReplicaID = in.int32()
		r.ReplicaEpoch = in.int64()
		in.tags(nil)
	default:
		return nil
	}
	return in.end()
}

// Topics yields the topics in order; use it as `for t := range r.Topics`.
func (r *FetchRequest) Topics(yield func(FetchTopic) bool) {
	in := reader{p: r.topics}
	for range r.TopicCount {
		t := readFetchTopic(&in, r.Version)
		if !yield(t) {
			return
		}
		for range t.PartitionCount {
			readFetchPartition(&in, r.Version)
		}
		if r.Version >= fetchFlexible {
			in.tags(nil)
		}
	}
}

// Forgotten yields the topics that leave the session, in order; use it as
// `for t := range r.Forgotten`.
func (r *FetchRequest) Forgotten(yield func(ForgottenTopic) bool) {
	in := reader{p: r.forgotten}
	for range r.ForgottenCount {
		if !yield(readForgotten(&in, r.Version)) {
			return
		}
	}
}

// Partitions yields the partitions in order; use it as
// `for p := range t.Partitions`.
func (t *FetchTopic) Partitions(yield func(FetchPartition) bool) {
	in := reader{p: t.partitions}
	for range t.PartitionCount {
		if !yield(readFetchPartition(&in, t.version)) {
			return
		}
	}
}

// Partitions yields the partitions' numbers in order; use it as
// `for index := range t.Partitions`.
func (t *ForgottenTopic) Partitions(yield func(int32) bool) {
	in := reader{p: t.partitions}
	for range t.PartitionCount {
		if !yield(in.int32()) {
			return
		}
	}
}

func readFetchTopic(in *reader, version int16) (t FetchTopic) {
	t.version = version
	flexible := version >= fetchFlexible
	if version >= fetchTopicIDs {
		t.ID = in.uuid()
	} else {
		t.Name = in.string(flexible)
	}
	t.PartitionCount = in.arrayLen(flexible, 16)
	t.partitions = in.p
	return t
}

func readFetchPartition(in *reader, version int16) FetchPartition {
	p := FetchPartition{
		CurrentLeaderEpoch: -1, LastFetchedEpoch: -1, LogStartOffset: -1,
		HighWatermark: math.MaxInt64, DurableOffset: -1,
	}
	p.Index = in.int32()
	if version >= fetchLeaderEpoch {
		p.CurrentLeaderEpoch = in.int32()
	}
	p.FetchOffset = in.int64()
	if version >= fetchFlexible {
		p.LastFetchedEpoch = in.int32()
	}
	if version >= fetchLogStart {
		p.LogStartOffset = in.int64()
	}
	p.MaxBytes = in.int32()
	if version >= fetchFlexible {
		in.tags(func(tag uint32, field []byte) error { return p.tag(version, tag, field) })
	}
	return p
}

// tag takes the partition's tagged fields.
func (p *FetchPartition) tag(version int16, tag uint32, field []byte) error {
	in := reader{p: field}
	switch {
	case tag == 0 && version >= fetchDirectoryID:
		p.ReplicaDirectoryID = in.uuid()
	case tag == 1 && version >= fetchHighWatermark:
		p.HighWatermark = in.int64()
	case tag == TagDurableOffset:
		p.DurableOffset = in.int64()
	default:
		return nil
	}
	return in.end()
}

func readForgotten(in *reader, version int16) (t ForgottenTopic) {
	flexible := version >= fetchFlexible
	if version >= fetchTopicIDs {
		t.ID = in.uuid()
	} else {
		t.Name = in.string(flexible)
	}
	t.PartitionCount = in.arrayLen(flexible, 4)
	t.partitions = in.p
	in.take(4 * t.PartitionCount)
	if flexible {
		in.tags(nil)
	}
	return t
}
