package wire

// TopicRef names a topic in a response: by name up to version 12 of Produce and
// Fetch, by id from 13 on.
type TopicRef struct {
	Name string
	ID   [16]byte
}

// LeaderAndEpoch tells a client who leads a partition (KIP-951).
type LeaderAndEpoch struct {
	LeaderID    int32 // -1 if unknown
	LeaderEpoch int32 // -1 if unknown
}

// NodeEndpoint tells a client where a leader is (KIP-951).
type NodeEndpoint struct {
	NodeID int32
	Host   string
	Port   int32
	Rack   string // "" is null
}

func appendTopicRef(dst []byte, flexible, ids bool, t TopicRef) []byte {
	if ids {
		return append(dst, t.ID[:]...)
	}
	return appendString(dst, flexible, t.Name)
}

// nodeEndpoints writes the tagged field 0 of a response.
func (t *tagger) nodeEndpoints(nodes []NodeEndpoint) {
	if len(nodes) == 0 {
		return
	}
	size := uvarintSize(uint32(len(nodes) + 1))
	for i := range nodes {
		n := &nodes[i]
		size += 4 + 4 + 1 + uvarintSize(uint32(len(n.Host)+1)) + len(n.Host)
		size += uvarintSize(uint32(len(n.Rack)+1)) + len(n.Rack) // null takes one byte, as ""
	}
	t.field(0, size)
	t.dst = appendArrayLen(t.dst, true, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		t.dst = appendInt32(t.dst, n.NodeID)
		t.dst = appendString(t.dst, true, n.Host)
		t.dst = appendInt32(t.dst, n.Port)
		t.dst = appendNullableString(t.dst, true, n.Rack)
		t.dst = append(t.dst, 0)
	}
}

// currentLeader writes a LeaderAndEpoch as the tagged field of that number.
func (t *tagger) currentLeader(tag int, l *LeaderAndEpoch) {
	t.field(tag, 4+4+1)
	t.dst = appendInt32(t.dst, l.LeaderID)
	t.dst = appendInt32(t.dst, l.LeaderEpoch)
	t.dst = append(t.dst, 0)
}
