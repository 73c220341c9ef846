package schema

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
)

// sampler makes messages up, encodes them, and says what reading them must give.
type sampler struct {
	*rand.Rand
	version  int16
	flexible bool
	defaults bool // tagged fields are left out
	out      []byte
}

// sample is a message of a version.
func sample(r *rand.Rand, m *Message, version int16, defaults bool) ([]byte, Object) {
	s := &sampler{Rand: r, version: version, flexible: m.flexible.has(version), defaults: defaults}
	o := s.object(m.fields)
	return s.out, o
}

func (s *sampler) object(fields []field) Object {
	var o Object
	tagged := map[uint8][]byte{}
	for i := range fields {
		f := &fields[i]
		switch {
		case !f.in.has(s.version):
			continue
		case !f.tagged.has(s.version):
			o = append(o, Member{f.name, s.value(f)})
			continue
		case s.defaults:
			continue
		}
		before := s.out
		s.out = nil
		v := s.value(f)
		tagged[f.tag] = s.out
		s.out = before
		if string(AppendJSON(nil, v)) != f.missing { // a default may be on the wire
			o = append(o, Member{f.name, v})
		}
	}
	if !s.flexible {
		return o
	}
	if !s.defaults && s.IntN(2) == 0 {
		tagged[100] = []byte("later") // of a later version
	}
	s.uvarint(len(tagged))
	for tag := range uint8(255) {
		if body, ok := tagged[tag]; ok {
			s.uvarint(int(tag))
			s.uvarint(len(body))
			s.out = append(s.out, body...)
		}
	}
	return o
}

func (s *sampler) value(f *field) Value {
	if f.null.has(s.version) && (f.array || f.kind >= text) && s.IntN(3) == 0 {
		switch {
		case f.kind == structure && !f.array && f.tagged.has(s.version):
			s.out = append(s.out, 0)
		case f.kind == structure && !f.array:
			s.out = append(s.out, 0xff)
		default:
			s.length(-1, f.array || f.kind == blob)
		}
		return nil
	}
	if !f.array {
		return s.one(f, f.null.has(s.version))
	}
	n := s.IntN(3)
	s.length(n, true)
	list := make([]Value, n)
	for i := range list {
		list[i] = s.one(f, false)
	}
	return list
}

var texts = []string{"", "a", "orders", "Größe", `say "yes" \ no`, "tab\tbell\a", "日本", "-1"}

// enums are fields whose other values Kafka does not read.
var enums = map[string][]int8{"remoteLogSegmentState": {0, 1, 2, 3}, "remotePartitionDeleteState": {0, 1, 2}}

func (s *sampler) one(f *field, nullable bool) Value {
	switch f.kind {
	case structure:
		if nullable {
			s.out = append(s.out, 1)
		}
		return s.object(f.of)
	case text:
		t := texts[s.IntN(len(texts))]
		s.length(len(t), false)
		s.out = append(s.out, t...)
		return t
	case blob:
		b := make([]byte, s.IntN(9))
		for i := range b {
			b[i] = byte(s.IntN(256))
		}
		s.length(len(b), true)
		s.out = append(s.out, b...)
		return b
	}
	b := make([]byte, widths[f.kind])
	for i := range b {
		b[i] = byte(s.IntN(256))
	}
	switch f.kind {
	case boolean:
		b[0] &= 1
	case float64s:
		binary.BigEndian.PutUint64(b, math.Float64bits([]float64{0, 0.5, -1e9, 1048576, 1e-5, math.Pi}[s.IntN(6)]))
	case int8s:
		if all := enums[f.name]; all != nil {
			b[0] = byte(all[s.IntN(len(all))])
		}
	case uuids:
		b[0] &= 0x7f
	}
	s.out = append(s.out, b...)
	return number(f.kind, b)
}

func (s *sampler) uvarint(n int) { s.out = binary.AppendUvarint(s.out, uint64(n)) }

func (s *sampler) length(n int, wide bool) {
	switch {
	case s.flexible:
		s.uvarint(n + 1)
	case wide:
		s.out = binary.BigEndian.AppendUint32(s.out, uint32(int32(n)))
	default:
		s.out = binary.BigEndian.AppendUint16(s.out, uint16(int16(n)))
	}
}

// every is all messages of the table.
func every() (all []*Message) {
	for _, list := range [][]Message{
		metadataRecords, groupKeys, groupValues, transactionKeys, transactionValues, shareKeys, shareValues, remoteLogRecords, namedMessages,
	} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return all
}

func versionsOf(m *Message) (all []int16) {
	first, last := m.Versions()
	for v := first; v <= last; v++ {
		all = append(all, v)
	}
	return slices.Clip(all)
}
