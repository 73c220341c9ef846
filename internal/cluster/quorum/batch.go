package quorum

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// batch is the payload of a log entry: metadata records that one decision made,
// applied all together or not at all.
type batch struct {
	term    uint64 // in which the decision was made; replay drops it in any other
	timeMs  int64  // when, milliseconds since 1970
	records []metadata.Record
}

const batchVersion = 1

// maxRecordBytes bounds one record, and with maxEntryBytes a batch.
const maxRecordBytes = maxEntryBytes

// encode lays out: version, term, time, count, and each record behind its
// length. docs/format/metadata-log.md has the diagram.
func (b batch) encode() ([]byte, error) {
	out := []byte{batchVersion}
	out = binary.AppendUvarint(out, b.term)
	out = binary.AppendVarint(out, b.timeMs)
	out = binary.AppendUvarint(out, uint64(len(b.records)))
	var scratch []byte
	var err error
	for _, r := range b.records {
		if out, scratch, err = appendRecord(out, scratch, r); err != nil {
			return nil, err
		}
	}
	if len(out) > maxEntryBytes {
		return nil, fmt.Errorf("quorum: batch of %d records has %d bytes, at most %d fit", len(b.records), len(out), maxEntryBytes)
	}
	return out, nil
}

// appendRecord puts a record behind its length; scratch is reused.
func appendRecord(out, scratch []byte, r metadata.Record) (longer, reusable []byte, err error) {
	scratch, err = metadata.Append(scratch[:0], r)
	if err != nil {
		return nil, nil, fmt.Errorf("quorum: %w", err)
	}
	out = binary.AppendUvarint(out, uint64(len(scratch)))
	return append(out, scratch...), scratch, nil
}

func decodeBatch(data []byte) (batch, error) {
	r := reader{b: data}
	if v := r.byte(); r.err == nil && v != batchVersion {
		return batch{}, fmt.Errorf("quorum: batch has version %d, this build knows %d", v, batchVersion)
	}
	b := batch{term: r.uvarint()}
	b.timeMs = r.varint()
	n := r.count(len(r.b))
	for range n {
		rec, err := decodeRecord(&r)
		if err != nil {
			return batch{}, err
		}
		b.records = append(b.records, rec)
	}
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("quorum: %d bytes behind the last record of a batch", len(r.b))
	}
	return b, r.err
}

func decodeRecord(r *reader) (metadata.Record, error) {
	raw := r.bytes(r.count(maxRecordBytes))
	if r.err != nil {
		return nil, r.err
	}
	rec, err := metadata.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("quorum: %w", err)
	}
	return rec, nil
}

// writeImage writes an image as the body of a snapshot: version, position, and
// the records that make it, each behind its length.
func writeImage(w io.Writer, pos metadata.Position, records iter.Seq[metadata.Record]) error {
	out := []byte{batchVersion}
	out = binary.AppendVarint(out, pos.Offset)
	out = binary.AppendVarint(out, int64(pos.Epoch))
	out = binary.AppendVarint(out, pos.TimeMs)
	var scratch []byte
	var err error
	for r := range records {
		if out, scratch, err = appendRecord(out, scratch, r); err != nil {
			return err
		}
		if len(out) < snapshotChunk {
			continue
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
		out = out[:0]
	}
	_, err = w.Write(out)
	return err
}

// readImage gives the image that writeImage stored. An empty body, which the
// founding snapshot has, is the empty image at the given position.
func readImage(body []byte, founding metadata.Position) (*metadata.Image, error) {
	if len(body) == 0 {
		return metadata.Restore(nil, founding)
	}
	r := reader{b: body}
	if v := r.byte(); v != batchVersion {
		return nil, fmt.Errorf("quorum: snapshot body has version %d, this build knows %d", v, batchVersion)
	}
	pos := metadata.Position{Offset: r.varint(), Epoch: int32(r.varint()), TimeMs: r.varint()}
	var records []metadata.Record
	for r.err == nil && len(r.b) > 0 {
		rec, err := decodeRecord(&r)
		if err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	if r.err != nil {
		return nil, r.err
	}
	return metadata.Restore(records, pos)
}
