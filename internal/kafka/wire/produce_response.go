package wire

// ProduceWriter appends the body of a Produce response, versions 0 to 13, piece
// by piece: Start, then for each topic Topic and its Partition calls, then End.
// The counts that were announced must be kept. The zero value is ready.
type ProduceWriter struct {
	version  int16
	flexible bool
	open     bool // a topic's tagged fields are still to come
	dst      []byte
}

// ProducePartitionResponse is the answer for one partition.
type ProducePartitionResponse struct {
	Index     int32
	ErrorCode int16
	// BaseOffset is -1 with an error.
	BaseOffset int64
	// LogAppendTimeMs is -1 unless the topic has LogAppendTime.
	LogAppendTimeMs int64
	// LogStartOffset is -1 if unknown.
	LogStartOffset int64
	// RecordErrors and ErrorMessage are left out before version 8 (KIP-467).
	RecordErrors []RecordError
	ErrorMessage string // "" is null
	// CurrentLeader is left out if nil and before version 10 (KIP-951).
	CurrentLeader *LeaderAndEpoch
}

// RecordError tells which record had its batch refused.
type RecordError struct {
	BatchIndex int32
	Message    string // "" is null
}

// Start begins a response of that version with so many topics, appending to
// dst. Versions before 3 have their form too: they are answered with an error.
func (w *ProduceWriter) Start(dst []byte, version int16, topics int) {
	*w = ProduceWriter{version: version, flexible: version >= produceFlexible}
	w.dst = appendArrayLen(dst, w.flexible, topics)
}

// Topic begins the next topic.
func (w *ProduceWriter) Topic(t TopicRef, partitions int) {
	w.closeTopic()
	w.open = w.flexible
	w.dst = appendTopicRef(w.dst, w.flexible, w.version >= produceTopicIDs, t)
	w.dst = appendArrayLen(w.dst, w.flexible, partitions)
}

func (w *ProduceWriter) closeTopic() {
	if w.open {
		w.dst = append(w.dst, 0)
		w.open = false
	}
}

// Partition appends the answer for the topic's next partition.
func (w *ProduceWriter) Partition(p *ProducePartitionResponse) {
	dst := appendInt32(w.dst, p.Index)
	dst = appendInt16(dst, p.ErrorCode)
	dst = appendInt64(dst, p.BaseOffset)
	if w.version >= 2 {
		dst = appendInt64(dst, p.LogAppendTimeMs)
	}
	if w.version >= 5 {
		dst = appendInt64(dst, p.LogStartOffset)
	}
	if w.version >= 8 {
		dst = appendArrayLen(dst, w.flexible, len(p.RecordErrors))
		for _, e := range p.RecordErrors {
			dst = appendInt32(dst, e.BatchIndex)
			dst = appendNullableString(dst, w.flexible, e.Message)
			if w.flexible {
				dst = append(dst, 0)
			}
		}
		dst = appendNullableString(dst, w.flexible, p.ErrorMessage)
	}
	if w.flexible {
		t := beginTags(dst)
		if p.CurrentLeader != nil && w.version >= 10 {
			t.currentLeader(0, p.CurrentLeader)
		}
		dst = t.dst
	}
	w.dst = dst
}

// End finishes the response and returns the bytes. nodes are left out before
// version 10 (KIP-951).
func (w *ProduceWriter) End(throttleMs int32, nodes []NodeEndpoint) []byte {
	w.closeTopic()
	if w.version >= 1 {
		w.dst = appendInt32(w.dst, throttleMs)
	}
	if w.flexible {
		t := beginTags(w.dst)
		if w.version >= 10 {
			t.nodeEndpoints(nodes)
		}
		w.dst = t.dst
	}
	dst := w.dst
	w.dst = nil
	return dst
}
