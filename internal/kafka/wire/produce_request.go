package wire

// ProduceRequest is a view on the body of a Produce request, versions 3 to 13
// (KIP-98; flexible from 9; topic ids from 13, KIP-516). Decode has checked all
// of it, so that Topics cannot fail.
type ProduceRequest struct {
	Version int16
	// TransactionalID is nil if the producer is not transactional.
	TransactionalID []byte
	// Acks is 0, 1 or -1 in a valid request; any value is decoded.
	Acks      int16
	TimeoutMs int32
	// TopicCount and PartitionCount are those of the whole request.
	TopicCount     int
	PartitionCount int
	// Trailing counts the bytes after the last field, which are ignored.
	Trailing int

	topics []byte
}

// ProduceTopic is one topic of a ProduceRequest.
type ProduceTopic struct {
	Name           []byte   // versions 3 to 12
	ID             [16]byte // from version 13
	PartitionCount int

	partitions []byte
	flexible   bool
}

// ProducePartition is one partition of a ProduceTopic.
type ProducePartition struct {
	Index int32
	// Records are the bytes of the record set, nil if it was null.
	Records []byte
}

const (
	produceFlexible = 9
	produceTopicIDs = 13
)

// Decode makes r a view on body. Bytes after the last field are ignored, as in
// Kafka. The error is ErrMalformed.
func (r *ProduceRequest) Decode(version int16, body []byte) error {
	*r = ProduceRequest{Version: version}
	in := reader{p: body}
	flexible := version >= produceFlexible
	r.TransactionalID = in.nullableString(flexible)
	r.Acks = in.int16()
	r.TimeoutMs = in.int32()
	r.TopicCount = in.arrayLen(flexible, 2)
	r.topics = in.p
	for range r.TopicCount {
		t := readProduceTopic(&in, version)
		r.PartitionCount += t.PartitionCount
		for range t.PartitionCount {
			readProducePartition(&in, flexible)
			if in.err != nil {
				return in.err
			}
		}
		if flexible {
			in.tags(nil)
		}
		if in.err != nil {
			return in.err
		}
	}
	if flexible {
		in.tags(nil)
	}
	r.Trailing = len(in.p)
	return in.err
}

// Topics yields the topics in order; use it as `for t := range r.Topics`.
func (r *ProduceRequest) Topics(yield func(ProduceTopic) bool) {
	in := reader{p: r.topics}
	for range r.TopicCount {
		t := readProduceTopic(&in, r.Version)
		if !yield(t) {
			return
		}
		for range t.PartitionCount {
			readProducePartition(&in, t.flexible)
		}
		if t.flexible {
			in.tags(nil)
		}
	}
}

// Partitions yields the partitions in order; use it as
// `for p := range t.Partitions`.
func (t *ProduceTopic) Partitions(yield func(ProducePartition) bool) {
	in := reader{p: t.partitions}
	for range t.PartitionCount {
		if !yield(readProducePartition(&in, t.flexible)) {
			return
		}
	}
}

func readProduceTopic(in *reader, version int16) (t ProduceTopic) {
	t.flexible = version >= produceFlexible
	if version >= produceTopicIDs {
		t.ID = in.uuid()
	} else {
		t.Name = in.string(t.flexible)
	}
	t.PartitionCount = in.arrayLen(t.flexible, 5)
	t.partitions = in.p
	return t
}

func readProducePartition(in *reader, flexible bool) (p ProducePartition) {
	p.Index = in.int32()
	p.Records = in.nullableBytes(flexible)
	if flexible {
		in.tags(nil)
	}
	return p
}
