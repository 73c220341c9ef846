package wire

import "encoding/binary"

// The append functions below write fields in the forms of Kafka's protocol;
// flexible versions use lengths plus one in a variable number of bytes
// (KIP-482).

func appendInt16(dst []byte, v int16) []byte { return binary.BigEndian.AppendUint16(dst, uint16(v)) }

func appendInt32(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }

func appendInt64(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

func appendUvarint(dst []byte, v uint32) []byte {
	return binary.AppendUvarint(dst, uint64(v))
}

func appendArrayLen(dst []byte, flexible bool, n int) []byte {
	if flexible {
		return appendUvarint(dst, uint32(n+1))
	}
	return appendInt32(dst, int32(n))
}

func appendString(dst []byte, flexible bool, s string) []byte {
	if flexible {
		dst = appendUvarint(dst, uint32(len(s)+1))
	} else {
		dst = appendInt16(dst, int16(len(s)))
	}
	return append(dst, s...)
}

// appendNullableString writes "" as null.
func appendNullableString(dst []byte, flexible bool, s string) []byte {
	switch {
	case s != "":
		return appendString(dst, flexible, s)
	case flexible:
		return append(dst, 0)
	}
	return appendInt16(dst, -1)
}

// uvarintSize returns how many bytes appendUvarint writes.
func uvarintSize(v uint32) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// tagger writes the tagged fields of one struct: tag numbers must ascend.
type tagger struct {
	dst   []byte
	count int // position of the count, which is below 128
}

func beginTags(dst []byte) tagger {
	return tagger{dst: append(dst, 0), count: len(dst)}
}

// field starts a tagged field of size bytes, which the caller appends to dst.
func (t *tagger) field(tag, size int) {
	t.dst[t.count]++
	t.dst = appendUvarint(t.dst, uint32(tag))
	t.dst = appendUvarint(t.dst, uint32(size))
}
