package group

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// The values of records are decoded by hand: kmsg's decoder counts down a
// declared number of tags of up to 2³² and would keep a loading partition busy
// for seconds with one bad record. Fuzzed against kmsg.

const (
	flexibleValue = 4 // first version of both values with compact lengths and tags
	// minMember is the least size in bytes of an encoded member, which bounds
	// what is allocated from a declared count.
	minMember = 15
)

// fields takes fields off a record's value. After the first error it returns
// zeroes.
type fields struct {
	b        []byte
	flexible bool
	bad      bool
}

func (f *fields) take(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.bad, f.b = true, nil
		return nil
	}
	p := f.b[:n]
	f.b = f.b[n:]
	return p
}

func (f *fields) int16() int16 {
	if p := f.take(2); p != nil {
		return int16(binary.BigEndian.Uint16(p))
	}
	return 0
}

func (f *fields) int32() int32 {
	if p := f.take(4); p != nil {
		return int32(binary.BigEndian.Uint32(p))
	}
	return 0
}

func (f *fields) int64() int64 {
	if p := f.take(8); p != nil {
		return int64(binary.BigEndian.Uint64(p))
	}
	return 0
}

func (f *fields) uvarint() int {
	v, n := binary.Uvarint(f.b)
	if n <= 0 || v > 1<<31 {
		f.bad, f.b = true, nil
		return 0
	}
	f.b = f.b[n:]
	return int(v)
}

// nullable reads a string or bytes whose length has two or four bytes where it
// is not compact; nil is null.
func (f *fields) nullable(wide bool) []byte {
	n := 0
	switch {
	case f.flexible:
		n = f.uvarint() - 1
	case wide:
		n = int(f.int32())
	default:
		n = int(f.int16())
	}
	if f.bad || n == -1 {
		return nil
	}
	return nonNil(f.take(n))
}

func (f *fields) nullableString() *string {
	p := f.nullable(false)
	if p == nil {
		return nil
	}
	s := string(p)
	return &s
}

// string and bytes may not be null.
func (f *fields) string() string {
	p := f.nullable(false)
	f.bad = f.bad || p == nil
	return string(p)
}

func (f *fields) bytes() []byte {
	p := f.nullable(true)
	f.bad = f.bad || p == nil
	return p
}

// count reads an array's length; every element takes at least min bytes.
func (f *fields) count(min int) int {
	n := 0
	if f.flexible {
		n = f.uvarint() - 1
	} else {
		n = int(f.int32())
	}
	if f.bad || n < 0 || n > len(f.b)/min {
		f.bad, f.b = true, nil
		return 0
	}
	return n
}

// tags reads tagged fields; known gets each of them.
func (f *fields) tags(known func(tag int, field []byte)) {
	if !f.flexible {
		return
	}
	for n := f.uvarint(); n > 0 && !f.bad; n-- {
		tag := f.uvarint()
		field := f.take(f.uvarint())
		if known != nil && !f.bad {
			known(tag, field)
		}
	}
}

func (f *fields) err(what string) error {
	if f.bad {
		return fmt.Errorf("%w: %s", shard.ErrMalformedRecord, what)
	}
	return nil
}

func decodeOffsetCommitValue(b []byte) (*kmsg.OffsetCommitValue, error) {
	f := fields{b: b}
	v := new(kmsg.OffsetCommitValue)
	v.Version = f.int16()
	f.flexible = v.Version >= flexibleValue
	v.Offset = f.int64()
	v.LeaderEpoch = noLeaderEpoch
	if v.Version >= 3 {
		v.LeaderEpoch = f.int32()
	}
	v.Metadata = f.string()
	v.CommitTimestamp = f.int64()
	v.ExpireTimestamp = noExpiry
	if v.Version == offsetCommitExpireValueVersion {
		v.ExpireTimestamp = f.int64()
	}
	f.tags(func(tag int, field []byte) {
		if tag != 0 {
			return
		}
		f.bad = f.bad || len(field) != len(v.TopicID)
		copy(v.TopicID[:], field)
	})
	return v, f.err("offset commit value")
}

// decodeGroupMetadataValue keeps references to b.
func decodeGroupMetadataValue(b []byte) (*kmsg.GroupMetadataValue, error) {
	f := fields{b: b}
	v := new(kmsg.GroupMetadataValue)
	v.Version = f.int16()
	f.flexible = v.Version >= flexibleValue
	v.ProtocolType = f.string()
	v.Generation = f.int32()
	v.CurrentStateTimestamp = -1
	v.Protocol = f.nullableString()
	v.Leader = f.nullableString()
	if v.Version >= 2 {
		v.CurrentStateTimestamp = f.int64()
	}
	for n := f.count(minMember); n > 0 && !f.bad; n-- {
		m := kmsg.NewGroupMetadataValueMember()
		m.MemberID = f.string()
		if v.Version >= 3 {
			m.InstanceID = f.nullableString()
		}
		m.ClientID = f.string()
		m.ClientHost = f.string()
		m.RebalanceTimeoutMillis = -1
		if v.Version >= 1 {
			m.RebalanceTimeoutMillis = f.int32()
		}
		m.SessionTimeoutMillis = f.int32()
		m.Subscription = f.bytes()
		m.Assignment = f.bytes()
		f.tags(nil)
		v.Members = append(v.Members, m)
	}
	f.tags(nil)
	return v, f.err("group metadata value")
}
