package metadata

import (
	"encoding/binary"
	"fmt"
)

// ControlType is the kind of a control record (ControlRecordType). In a metadata
// log, control records stand in batches of their own, beside the metadata
// records: they say who leads and votes, and frame a snapshot.
type ControlType int16

// The control records of a metadata log.
const (
	ControlLeaderChange   ControlType = 2
	ControlSnapshotHeader ControlType = 3
	ControlSnapshotFooter ControlType = 4
	ControlKRaftVersion   ControlType = 5
	ControlVoters         ControlType = 6
)

// A ControlRecord is one of *LeaderChange, *SnapshotHeader, *SnapshotFooter,
// *KRaftVersion and *Voters. It has one form: the record names its own version.
type ControlRecord interface {
	ControlType() ControlType
	visit(c *coder)
}

// LeaderChange says who was elected, and by whose votes.
type LeaderChange struct {
	Version        int16 // 0, or 1 with the voters' directory ids
	LeaderID       int32
	Voters         []LeaderChangeVoter
	GrantingVoters []LeaderChangeVoter
}

// LeaderChangeVoter is a voter at an election.
type LeaderChangeVoter struct {
	ID          int32
	DirectoryID UUID // version 1
}

// SnapshotHeader is the first record of a snapshot.
type SnapshotHeader struct {
	Version                     int16
	LastContainedLogTimestampMs int64
}

// SnapshotFooter is the last record of a snapshot: without it, it is incomplete.
type SnapshotFooter struct{ Version int16 }

// KRaftVersion is the level of kraft.version (KIP-853).
type KRaftVersion struct {
	Version      int16
	KRaftVersion int16
}

// Voters is the set of voters (KIP-853).
type Voters struct {
	Version int16
	Voters  []Voter
}

// Voter is one voter: a node with a log directory.
type Voter struct {
	ID          int32
	DirectoryID UUID
	Endpoints   []Endpoint // without security protocols
	KRaftMin    int16      // the levels of kraft.version that it supports
	KRaftMax    int16
}

// ControlType implements [ControlRecord].
func (*LeaderChange) ControlType() ControlType { return ControlLeaderChange }

// ControlType implements [ControlRecord].
func (*SnapshotHeader) ControlType() ControlType { return ControlSnapshotHeader }

// ControlType implements [ControlRecord].
func (*SnapshotFooter) ControlType() ControlType { return ControlSnapshotFooter }

// ControlType implements [ControlRecord].
func (*KRaftVersion) ControlType() ControlType { return ControlKRaftVersion }

// ControlType implements [ControlRecord].
func (*Voters) ControlType() ControlType { return ControlVoters }

func (r *LeaderChange) visit(c *coder) {
	c.int16(&r.Version)
	c.version = r.Version
	c.int32(&r.LeaderID)
	size := 5
	if r.Version >= 1 {
		size += len(UUID{})
	}
	voters := func(v *[]LeaderChangeVoter) {
		list(c, v, size, func(v *LeaderChangeVoter) {
			c.int32(&v.ID)
			if c.since(1, !v.DirectoryID.IsZero()) {
				c.uuid(&v.DirectoryID)
			}
			c.noTags()
		})
	}
	voters(&r.Voters)
	voters(&r.GrantingVoters)
	c.noTags()
}

func (r *SnapshotHeader) visit(c *coder) {
	c.int16(&r.Version)
	c.int64(&r.LastContainedLogTimestampMs)
	c.noTags()
}

func (r *SnapshotFooter) visit(c *coder) {
	c.int16(&r.Version)
	c.noTags()
}

func (r *KRaftVersion) visit(c *coder) {
	c.int16(&r.Version)
	c.int16(&r.KRaftVersion)
	c.noTags()
}

func (r *Voters) visit(c *coder) {
	c.int16(&r.Version)
	list(c, &r.Voters, 27, func(v *Voter) {
		c.int32(&v.ID)
		c.uuid(&v.DirectoryID)
		list(c, &v.Endpoints, 5, func(e *Endpoint) {
			c.string(&e.Name)
			c.string(&e.Host)
			c.uint16(&e.Port)
			c.noTags()
		})
		c.int16(&v.KRaftMin)
		c.int16(&v.KRaftMax)
		c.noTags()
		c.noTags()
	})
	c.noTags()
}

// controlKeyVersion is the version of a control record's key.
const controlKeyVersion = 0

// AppendControl gives the key and the value of a control record, each appended
// to its own slice.
func AppendControl(key, value []byte, r ControlRecord) (newKey, newValue []byte, err error) {
	c := coder{mode: encoding, buf: value}
	if r.visit(&c); c.err != nil {
		return key, value, fmt.Errorf("encode control record %d: %w", r.ControlType(), c.err)
	}
	key = binary.BigEndian.AppendUint16(key, controlKeyVersion)
	key = binary.BigEndian.AppendUint16(key, uint16(r.ControlType()))
	return key, c.buf, nil
}

// DecodeControl reads the key and the value of a control record. The record owns
// its memory. Errors wrap [ErrMalformed].
func DecodeControl(key, value []byte) (ControlRecord, error) {
	if len(key) < 4 {
		return nil, fmt.Errorf("%w: control record key of %d bytes", ErrMalformed, len(key))
	}
	r, ok := map[ControlType]ControlRecord{
		ControlLeaderChange:   &LeaderChange{},
		ControlSnapshotHeader: &SnapshotHeader{},
		ControlSnapshotFooter: &SnapshotFooter{},
		ControlKRaftVersion:   &KRaftVersion{},
		ControlVoters:         &Voters{},
	}[ControlType(binary.BigEndian.Uint16(key[2:]))]
	if !ok {
		return nil, fmt.Errorf("%w: control record type %d", ErrMalformed, binary.BigEndian.Uint16(key[2:]))
	}
	c := coder{mode: decoding, buf: value}
	if r.visit(&c); c.err == nil && len(c.buf) > 0 {
		c.fail("%d bytes after the record", len(c.buf))
	}
	if c.err != nil {
		return nil, fmt.Errorf("decode control record %d: %w", r.ControlType(), c.err)
	}
	return r, nil
}
