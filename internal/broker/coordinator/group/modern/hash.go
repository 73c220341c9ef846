package modern

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"

	"github.com/zeebo/xxh3"
)

// topicHashMagic is the first byte of what a topic's hash is made of.
const topicHashMagic = 0

// TopicHash is Kafka's hash of what an assignment depends on: the topic's id,
// name and partitions with the racks of their replicas (KIP-1101,
// Utils.computeTopicHash; XXH3 over hash4j's encoding of the values).
func TopicHash(c Cluster, t Topic) int64 {
	b := make([]byte, 0, 32+3*len(t.Name)+8*int(t.Partitions))
	b = append(b, topicHashMagic)
	// Java's two longs of a UUID, each little-endian.
	b = binary.LittleEndian.AppendUint64(b, binary.BigEndian.Uint64(t.ID[:8]))
	b = binary.LittleEndian.AppendUint64(b, binary.BigEndian.Uint64(t.ID[8:]))
	b = appendString(b, t.Name)
	b = appendInt(b, t.Partitions)
	for p := range t.Partitions {
		b = appendInt(b, p)
		racks := c.Racks(t, p)
		slices.Sort(racks)
		for _, r := range racks {
			b = appendInt(b, int32(utf16Len(r)))
			b = appendString(b, r)
		}
	}
	return int64(xxh3.Hash(b))
}

// appendString is hash4j's putString: UTF-16 units and their number.
func appendString(b []byte, s string) []byte {
	n := int32(0)
	for _, r := range s {
		if hi, lo := utf16.EncodeRune(r); hi != oneUnit {
			b = binary.LittleEndian.AppendUint16(b, uint16(hi))
			b = binary.LittleEndian.AppendUint16(b, uint16(lo))
			n += 2
			continue
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(r))
		n++
	}
	return appendInt(b, n)
}

// oneUnit is what utf16.EncodeRune gives for a rune of one unit.
const oneUnit = '\uFFFD'

func utf16Len(s string) (n int) {
	for _, r := range s {
		n++
		if r >= 0x10000 {
			n++
		}
	}
	return n
}

func appendInt(b []byte, n int32) []byte { return binary.LittleEndian.AppendUint32(b, uint32(n)) }

// Hashes remembers the hashes of topics as long as these do not change. The
// zero Hashes is empty.
type Hashes struct {
	byName map[string]topicHash
}

type topicHash struct {
	token any
	hash  int64
}

// Group is the hash of a group's topics: zero if none of them exists, else that
// of the topics' hashes in the order of the names (Utils.computeGroupHash).
// names are ascending.
func (h *Hashes) Group(c Cluster, names []string) int64 {
	var b []byte
	for _, name := range names {
		t, ok := c.Topic(name)
		if !ok {
			delete(h.byName, name)
			continue
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(h.topic(c, t)))
	}
	if len(b) == 0 {
		return 0
	}
	return int64(xxh3.Hash(b))
}

func (h *Hashes) topic(c Cluster, t Topic) int64 {
	if e, ok := h.byName[t.Name]; ok && e.token == t.Token {
		return e.hash
	}
	if h.byName == nil {
		h.byName = map[string]topicHash{}
	}
	e := topicHash{t.Token, TopicHash(c, t)}
	h.byName[t.Name] = e
	return e.hash
}
