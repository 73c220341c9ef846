package log

import "encoding/binary"

// The values of the state log's records. All integers are big-endian. Each
// begins with a version byte; a value of another version is as good as lost.

const stateVersion = 1

// session says who uses the directory, and how the last one left it.
type session struct {
	number uint64
	clean  bool
	// since is the first session of this boot of the machine; 0 if the
	// directory has not met another boot.
	since  uint64
	bootID string
}

func (v session) encode(b []byte) []byte {
	b = append(b, stateVersion, bool1(v.clean))
	b = binary.BigEndian.AppendUint64(b, v.number)
	b = binary.BigEndian.AppendUint64(b, v.since)
	return append(b, v.bootID...)
}

func decodeSession(b []byte) (v session, ok bool) {
	if len(b) < 18 || b[0] != stateVersion {
		return v, false
	}
	return session{
		clean: b[1] == 1, number: binary.BigEndian.Uint64(b[2:]),
		since: binary.BigEndian.Uint64(b[10:]), bootID: string(b[18:]),
	}, true
}

// encodeFound tells which session met a partition without a checkpoint.
func encodeFound(b []byte, session uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, stateVersion), session)
}

func decodeFound(b []byte) (session uint64, ok bool) {
	if len(b) != 9 || b[0] != stateVersion {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[1:]), true
}

// mark is a place in a log: an offset, and the byte where its batch begins.
type mark struct {
	offset    int64
	base, pos int64 // segment and byte
	segmentTimes
	sparse bool
}

// checkpoint is the small record of a partition that is written about once a
// second while it changes. Everything below point is durable and needs no
// recovery. The revisions name the records that belong to it: an older one
// found beside it means that the right one is lost.
type checkpoint struct {
	topicID                     TopicID
	session                     uint64
	start, hw                   int64
	point                       mark
	epochs, segments, producers uint32
	producersEnd                uint32
	// producersFrom is the offset from which batches must be replayed to have
	// the producer state again: that of the snapshot, or of the first producer.
	producersFrom int64
	// cutting says that a truncation to point was under way: its files and
	// names may not be durable.
	cutting bool
	// named says that directory, partition.metadata and the names up to point
	// are durable. It is false from a partition's making to its first sync.
	named bool
}

// hadRecords says that there was something durable, and so a directory: its name
// is durable before the recovery point moves.
func (v *checkpoint) hadRecords() bool { return v.point.offset > v.start || v.start > 0 }

const checkpointBytes = 2 + 16 + 8 + 2*8 + 3*8 + 4*8 + 8 + 4*4

func (v *checkpoint) encode(b []byte) []byte {
	b = append(b, stateVersion, bool1(v.point.sparse)|bool1(v.cutting)<<1|bool1(v.named)<<2)
	b = append(b, v.topicID[:]...)
	b = binary.BigEndian.AppendUint64(b, v.session)
	p := &v.point
	b = appendInts(b, v.start, v.hw, p.offset, p.base, p.pos, p.first, p.max, p.maxBase, p.modified, v.producersFrom)
	b = binary.BigEndian.AppendUint32(b, v.epochs)
	b = binary.BigEndian.AppendUint32(b, v.segments)
	b = binary.BigEndian.AppendUint32(b, v.producers)
	return binary.BigEndian.AppendUint32(b, v.producersEnd)
}

func decodeCheckpoint(b []byte) (v checkpoint, ok bool) {
	if len(b) != checkpointBytes || b[0] != stateVersion {
		return v, false
	}
	r := reader{b: b[1:]}
	p := &v.point
	flags := r.u8()
	p.sparse, v.cutting, v.named = flags&1 != 0, flags&2 != 0, flags&4 != 0
	copy(v.topicID[:], r.take(16))
	v.session = uint64(r.i64())
	v.start, v.hw, p.offset, p.base, p.pos = r.i64(), r.i64(), r.i64(), r.i64(), r.i64()
	p.first, p.max, p.maxBase, p.modified = r.i64(), r.i64(), r.i64(), r.i64()
	v.producersFrom = r.i64()
	v.epochs, v.segments, v.producers, v.producersEnd = r.u32(), r.u32(), r.u32(), r.u32()
	return v, !r.bad
}

// encodeEpochs writes the epochs as they are known up to the offset asOf.
func encodeEpochs(b []byte, rev uint32, asOf int64, v epochs) []byte {
	b = append(b, stateVersion)
	b = binary.BigEndian.AppendUint32(b, rev)
	b = appendInts(b, asOf)
	for _, e := range v {
		b = binary.BigEndian.AppendUint32(b, uint32(e.epoch))
		b = appendInts(b, e.start)
	}
	return b
}

func decodeEpochs(b []byte) (rev uint32, asOf int64, v epochs, ok bool) {
	r := reader{b: b}
	if r.u8() != stateVersion {
		return 0, 0, nil, false
	}
	rev, asOf = r.u32(), r.i64()
	for len(r.b) > 0 && !r.bad {
		v = append(v, epochEntry{epoch: int32(r.u32()), start: r.i64()})
	}
	return rev, asOf, v, !r.bad
}

// sealedSegment is what the segment list keeps of a closed segment.
type sealedSegment struct {
	base, size int64
	segmentTimes
	sparse bool
}

func encodeSegments(b []byte, rev uint32, v []*segment) []byte {
	b = append(b, stateVersion)
	b = binary.BigEndian.AppendUint32(b, rev)
	for _, s := range v {
		if !s.sealed {
			continue
		}
		b = append(b, bool1(s.sparse))
		b = appendInts(b, s.base, s.size, s.first, s.max, s.maxBase, s.modified)
	}
	return b
}

func decodeSegments(b []byte) (rev uint32, v []sealedSegment, ok bool) {
	r := reader{b: b}
	if r.u8() != stateVersion {
		return 0, nil, false
	}
	rev = r.u32()
	for len(r.b) > 0 && !r.bad {
		s := sealedSegment{sparse: r.u8() == 1}
		s.base, s.size = r.i64(), r.i64()
		s.first, s.max, s.maxBase, s.modified = r.i64(), r.i64(), r.i64(), r.i64()
		v = append(v, s)
	}
	return rev, v, !r.bad
}

func bool1(v bool) byte {
	if v {
		return 1
	}
	return 0
}

func appendInts(b []byte, v ...int64) []byte {
	for _, i := range v {
		b = binary.BigEndian.AppendUint64(b, uint64(i))
	}
	return b
}

// reader takes fixed-size fields off a value; bad is set when it is too short.
type reader struct {
	b   []byte
	bad bool
}

var zeroes [16]byte

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.bad, r.b = true, nil
		return zeroes[:n]
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u8() byte    { return r.take(1)[0] }
func (r *reader) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) i64() int64  { return int64(binary.BigEndian.Uint64(r.take(8))) }
