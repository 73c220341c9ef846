package record

// skimmed is what the checks need to know of a record.
type skimmed struct {
	timeDelta   int64
	offsetDelta int32
	hasKey      bool
}

// skim reads the record at the start of p as Record.parse does, without making
// views, and returns its size in bytes. It is what every produced record goes
// through: 24 ns → 21 ns of CPU per record of 38 bytes and one header, checksum
// included, bench BenchmarkValidate/none, Go 1.27.
func (s *skimmed) skim(p []byte) (int, error) {
	size, pos := varint(p)
	if pos == 0 || size < 0 || int(size) > len(p)-pos {
		return 0, errRecordSize
	}
	end := pos + int(size)
	p = p[:end]
	if pos++; pos > end { // attributes
		return 0, errRecordFields
	}
	var n int
	if s.timeDelta, n = varlong(p[pos:]); n == 0 {
		return 0, errRecordFields
	}
	pos += n
	if s.offsetDelta, n = varint(p[pos:]); n == 0 {
		return 0, errRecordFields
	}
	pos += n
	length, n := varint(p[pos:])
	pos += n
	s.hasKey = length >= 0
	if n == 0 || int(length) > end-pos {
		return 0, errRecordFields
	}
	pos += int(max(length, 0))
	length, n = varint(p[pos:])
	pos += n
	if n == 0 || int(length) > end-pos {
		return 0, errRecordFields
	}
	pos += int(max(length, 0))
	count, n := varint(p[pos:])
	pos += n
	if n == 0 || count < 0 || int(count) > (end-pos)/2 {
		return 0, errHeaderCount
	}
	if count == 0 && pos == end {
		return end, nil
	}
	return end, checkHeaders(p[pos:], count)
}
