package log

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// What the files of a log directory hold beside the segments, for who looks at them (kafka-dump-log). Nothing here
// opens or changes a directory: the bytes come from the caller, who may have read them while a broker writes.

// IsStateLog says whether b begins as a state log does.
func IsStateLog(b []byte) bool {
	return len(b) >= len(stateHeader) && string(b[:len(stateHeader)]) == stateHeader
}

// IsIndex says whether b begins as the index of a segment does.
func IsIndex(b []byte) bool {
	return len(b) >= len(pageMagic) && string(b[:len(pageMagic)]) == pageMagic
}

// StateDump is one record of a state log, in the order of the file; a later record of the same kind and key replaces it.
type StateDump struct {
	Position int64
	Size     int // bytes of the whole record; of damage: up to the next record
	Kind     string
	Key      string // "<topic>-<n>"; empty for what concerns the directory
	// Value has JSON names; nil where there is none, or it cannot be read.
	Value any
	// Damaged says that no sound record lies here.
	Damaged bool
}

// stateKindNames are the kinds as docs/format/log.md names them.
var stateKindNames = [stateKinds]string{
	kindSession: "session", kindCheckpoint: "checkpoint", kindEpochs: "epochs", kindSegments: "segments",
	kindProducers: "producers", kindProducersEnd: "producers-at-end", kindFound: "found", kindScrub: "scrub",
}

// DumpState yields the records of a state log.
func DumpState(b []byte) iter.Seq[StateDump] {
	return func(yield func(StateDump) bool) {
		for pos := min(len(stateHeader), len(b)); pos < len(b); {
			n, ok := stateRecordAt(b[pos:])
			if !ok {
				next := nextStateRecord(b, pos+1)
				if next < 0 {
					next = len(b)
				}
				if !yield(StateDump{Position: int64(pos), Size: next - pos, Damaged: true}) {
					return
				}
				pos = next
				continue
			}
			if !yield(dumpStateRecord(b[pos:pos+n], int64(pos))) {
				return
			}
			pos += n
		}
	}
}

func dumpStateRecord(rec []byte, pos int64) StateDump {
	keyLen := int(binary.BigEndian.Uint16(rec[13:]))
	d := StateDump{Position: pos, Size: len(rec), Kind: "unknown", Key: string(rec[stateRecHeader : stateRecHeader+keyLen])}
	value := rec[stateRecHeader+keyLen:]
	kind := stateKind(rec[12])
	switch {
	case kind == kindGone:
		d.Kind = "gone"
	case kind < stateKinds:
		d.Kind = stateKindNames[kind]
		d.Value = dumpStateValue(kind, value)
	}
	return d
}

// dumpStateValue returns nil for a value of a later version.
func dumpStateValue(kind stateKind, b []byte) any {
	switch kind {
	case kindSession:
		if v, ok := decodeSession(b); ok {
			return sessionDump{v.number, v.clean, v.since, v.bootID}
		}
	case kindCheckpoint:
		if v, ok := decodeCheckpoint(b); ok {
			return dumpCheckpoint(&v)
		}
	case kindEpochs:
		if rev, asOf, v, ok := decodeEpochs(b); ok {
			d := epochsDump{Revision: rev, AsOf: asOf, Epochs: []epochDump{}}
			for _, e := range v {
				d.Epochs = append(d.Epochs, epochDump{e.epoch, e.start})
			}
			return d
		}
	case kindSegments:
		if rev, v, ok := decodeSegments(b); ok {
			d := segmentsDump{Revision: rev, Segments: []segmentDump{}}
			for _, s := range v {
				d.Segments = append(d.Segments, segmentDump{s.base, s.size, dumpTimes(s.segmentTimes), s.sparse})
			}
			return d
		}
	case kindProducers, kindProducersEnd:
		if rev, asOf, v, ok := decodeProducers(b); ok {
			return dumpProducers(rev, asOf, v)
		}
	case kindFound:
		if v, ok := decodeFound(b); ok {
			return foundDump{v}
		}
	case kindScrub:
		if v, ok := decodeScrub(b); ok {
			return scrubDump{v.startedMs, v.finishedMs, v.bytes, v.found, v.cursor}
		}
	}
	return nil
}

// IndexDump is one entry of an index: a batch with the offset begins at the position, and no batch before it has a
// timestamp above MaxTimestamp.
type IndexDump struct{ Offset, Position, MaxTimestamp int64 }

// DumpIndex yields the entries of the index of the segment with a base offset, page by page. A page that is not sound
// comes as an error with its number, in place of its entries.
func DumpIndex(b []byte, base int64) iter.Seq2[IndexDump, error] {
	return func(yield func(IndexDump, error) bool) {
		for number := 0; number*pageBytes < len(b); number++ {
			var page [pageBytes]byte
			copy(page[:], b[number*pageBytes:])
			n, ok := decodePage(&page, base, number)
			if !ok {
				if !yield(IndexDump{}, fmt.Errorf("page %d of the index is damaged", number)) {
					return
				}
				continue
			}
			for i := range n {
				e := pageEntry(&page, i)
				if !yield(IndexDump{base + int64(e.rel), int64(e.pos), e.maxTs}, nil) {
					return
				}
			}
		}
	}
}

// MetaDump is what partition.metadata says.
type MetaDump struct {
	TopicID     TopicID
	StartOffset int64
}

// DumpMeta reads a partition.metadata.
func DumpMeta(b []byte) (MetaDump, error) {
	m, err := decodeMeta(b)
	return MetaDump{m.topicID, m.startOffset}, err
}
