package record

import "fmt"

// Record is a view on one record of a batch, as Records fills it in. Its byte
// slices are valid as long as the bytes under them are.
type Record struct {
	Offset int64
	// Timestamp is in milliseconds; in a batch with LogAppendTime it is the
	// batch's own. -1 means none.
	Timestamp int64
	// OffsetDelta is Offset relative to the batch's base offset.
	OffsetDelta int32
	// Attributes are all unused so far.
	Attributes int8
	// Key and Value are nil for null.
	Key, Value []byte
	// HeaderCount is the number of headers.
	HeaderCount int32
	// Size is the record's size in bytes, its length field included.
	Size int

	headers []byte
}

// Header is one header of a record to be appended (KIP-82).
type Header struct {
	Key   string
	Value []byte // nil for null
}

// Headers yields the headers in order, as views; a null value is nil. Use it as
// `for key, value := range r.Headers`.
func (r *Record) Headers(yield func(key, value []byte) bool) {
	p := r.headers
	for range r.HeaderCount {
		key, rest, err := sized(p)
		if err != nil {
			return // cannot be: the iterator has checked them
		}
		value, rest, err := sized(rest)
		if err != nil || !yield(key, value) {
			return
		}
		p = rest
	}
}

// Records iterates over the records of a batch. It lives on the stack:
//
//	it := b.Iterate(payload)
//	var r record.Record
//	for it.Next(&r) { … }
//	if err := it.Err(); err != nil { … }
type Records struct {
	rest       []byte
	left       int32
	offset     int64
	timestamp  int64
	appendTime bool // timestamp is that of all records
	err        error
}

// Iterate returns an iterator over the records in payload: b.Records() of an
// uncompressed batch, or what Decompressor.Append made of a compressed one. The
// batch's checksum is not looked at.
func (b Batch) Iterate(payload []byte) Records {
	it := Records{rest: payload, left: b.Count(), offset: b.BaseOffset(), timestamp: b.BaseTimestamp()}
	if b.Attributes().LogAppendTime() {
		it.appendTime, it.timestamp = true, b.MaxTimestamp()
	}
	return it
}

// Next reads the next record into r and reports whether there was one. After
// the last record, or an error, it returns false.
func (it *Records) Next(r *Record) bool {
	if it.left <= 0 {
		if it.err == nil && len(it.rest) > 0 {
			it.err = errSurplus
		}
		return false
	}
	rest, err := r.parse(it.rest)
	if err != nil {
		it.err, it.left, it.rest = err, 0, nil
		return false
	}
	it.rest = rest
	it.left--
	r.Offset = it.offset + int64(r.OffsetDelta)
	if it.appendTime {
		r.Timestamp = it.timestamp
	} else {
		r.Timestamp += it.timestamp
	}
	return true
}

// Err returns why the iteration ended: nil after the last record, else an
// error that wraps ErrCorrupt.
func (it *Records) Err() error { return it.err }

var (
	errRecordSize   = fmt.Errorf("%w: record longer than the batch", ErrCorrupt)
	errRecordFields = fmt.Errorf("%w: record fields do not fit the record", ErrCorrupt)
	errHeaderCount  = fmt.Errorf("%w: number of record headers out of range", ErrCorrupt)
	errSurplus      = fmt.Errorf("%w: bytes after the last record", ErrCorrupt)
)

// parse reads the record at the start of p; Timestamp is left as the delta.
// A negative length of key or value is null whatever its value, as in
// DefaultRecord.
func (r *Record) parse(p []byte) (rest []byte, err error) {
	size, n := varint(p)
	if n == 0 || size < 0 || int(size) > len(p)-n {
		return nil, errRecordSize
	}
	r.Size = n + int(size)
	body := p[n:r.Size:r.Size]
	if len(body) == 0 {
		return nil, errRecordFields
	}
	r.Attributes = int8(body[0])
	body = body[1:]
	if r.Timestamp, n = varlong(body); n == 0 {
		return nil, errRecordFields
	}
	body = body[n:]
	if r.OffsetDelta, n = varint(body); n == 0 {
		return nil, errRecordFields
	}
	body = body[n:]
	if r.Key, body, err = sized(body); err != nil {
		return nil, err
	}
	if r.Value, body, err = sized(body); err != nil {
		return nil, err
	}
	r.HeaderCount, n = varint(body)
	if n == 0 || r.HeaderCount < 0 || int(r.HeaderCount) > (len(body)-n)/2 {
		return nil, errHeaderCount
	}
	r.headers = body[n:]
	if err := checkHeaders(r.headers, r.HeaderCount); err != nil {
		return nil, err
	}
	return p[r.Size:], nil
}

// sized reads a length and as many bytes.
func sized(p []byte) (b, rest []byte, err error) {
	size, n := varint(p)
	switch {
	case n == 0 || int(size) > len(p)-n:
		return nil, nil, errRecordFields
	case size < 0:
		return nil, p[n:], nil
	}
	end := n + int(size)
	return p[n:end:end], p[end:], nil
}

// checkHeaders reports whether p is exactly count headers; only their values
// may be null.
func checkHeaders(p []byte, count int32) error {
	pos := 0
	for range count {
		size, n := varint(p[pos:])
		pos += n
		if n == 0 || size < 0 || int(size) > len(p)-pos {
			return errRecordFields
		}
		pos += int(size)
		size, n = varint(p[pos:])
		pos += n
		if n == 0 || int(size) > len(p)-pos {
			return errRecordFields
		}
		pos += int(max(size, 0))
	}
	if pos != len(p) {
		return errRecordFields
	}
	return nil
}
