package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// RaftID names one voter inside Raft. It is drawn at random when a node gets
// its metadata directory and is never used again for another directory, so a
// node that lost its disk cannot vote twice. Zero means "none".
type RaftID uint64

// String gives the hexadecimal form that Raft's own log lines use.
func (id RaftID) String() string { return strconv.FormatUint(uint64(id), 16) }

// Identity is one voter: the configured node id, the id of its metadata
// directory (KIP-853) and the Raft id that goes with this pair.
type Identity struct {
	NodeID      int32
	DirectoryID metadata.UUID
	RaftID      RaftID
}

// IsZero tells whether no identity was given yet.
func (i Identity) IsZero() bool { return i.RaftID == 0 }

// Endpoint is a controller listener of a voter.
type Endpoint struct {
	Name string // listener name, such as CONTROLLER
	Host string
	Port uint16
}

// Member is one voter or learner of the quorum.
type Member struct {
	Identity
	Endpoints []Endpoint
	Learner   bool // replicates, does not vote
}

// Membership is the agreed list of voters and learners, ordered by node id.
// A value is immutable once it has been handed out.
type Membership struct {
	ClusterID string
	Members   []Member
}

// Lookup finds a member by its Raft id.
func (m Membership) Lookup(id RaftID) (Member, bool) {
	i := slices.IndexFunc(m.Members, func(x Member) bool { return x.RaftID == id })
	if i < 0 {
		return Member{}, false
	}
	return m.Members[i], true
}

// Contains tells whether exactly this (node id, directory id, Raft id) is a
// member. A node with the right id and another directory is a stranger.
func (m Membership) Contains(id Identity) bool {
	x, ok := m.Lookup(id.RaftID)
	return ok && x.Identity == id
}

// same tells whether two values are copies of one: cheap, and never true for
// lists that differ.
func (m Membership) same(o Membership) bool {
	return m.ClusterID == o.ClusterID && len(m.Members) == len(o.Members) &&
		(len(m.Members) == 0 || &m.Members[0] == &o.Members[0])
}

// With returns a copy that has member in place of any member with the same
// Raft id.
func (m Membership) With(member Member) Membership {
	out := m.Without(member.RaftID)
	out.Members = append(out.Members, member)
	slices.SortFunc(out.Members, compareMembers)
	return out
}

// Without returns a copy that lacks the member with this Raft id.
func (m Membership) Without(id RaftID) Membership {
	out := Membership{ClusterID: m.ClusterID, Members: slices.Clone(m.Members)}
	out.Members = slices.DeleteFunc(out.Members, func(x Member) bool { return x.RaftID == id })
	return out
}

func compareMembers(a, b Member) int {
	if a.NodeID != b.NodeID {
		return int(a.NodeID) - int(b.NodeID)
	}
	return a.DirectoryID.Compare(b.DirectoryID)
}

// Limits of an encoded membership; more is damage, not a cluster.
const (
	maxMembers   = 64
	maxEndpoints = 32
	maxNameBytes = 1 << 10
)

var errShort = errors.New("quorum: encoded value is cut short")

// encode appends the stable form of m: counts as uvarints, ids big-endian.
func (m Membership) encode(b []byte) []byte {
	b = appendString(b, m.ClusterID)
	b = binary.AppendUvarint(b, uint64(len(m.Members)))
	for _, x := range m.Members {
		b = x.encode(b)
	}
	return b
}

func (x Member) encode(b []byte) []byte {
	b = x.Identity.encode(b)
	var flags byte
	if x.Learner {
		flags = 1
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(len(x.Endpoints)))
	for _, e := range x.Endpoints {
		b = appendString(b, e.Name)
		b = appendString(b, e.Host)
		b = binary.BigEndian.AppendUint16(b, e.Port)
	}
	return b
}

func (i Identity) encode(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(i.NodeID))
	b = append(b, i.DirectoryID[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(i.RaftID))
}

func decodeMembership(r *reader) Membership {
	m := Membership{ClusterID: r.string()}
	n := r.count(maxMembers)
	for range n {
		m.Members = append(m.Members, decodeMember(r))
	}
	return m
}

func decodeMember(r *reader) Member {
	x := Member{Identity: decodeIdentity(r)}
	x.Learner = r.byte()&1 != 0
	n := r.count(maxEndpoints)
	for range n {
		x.Endpoints = append(x.Endpoints, Endpoint{Name: r.string(), Host: r.string(), Port: r.uint16()})
	}
	return x
}

func decodeIdentity(r *reader) Identity {
	id := Identity{NodeID: int32(r.uint32())}
	copy(id.DirectoryID[:], r.bytes(len(id.DirectoryID)))
	id.RaftID = RaftID(r.uint64())
	return id
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// reader decodes this package's own small structures. The first error sticks;
// after it every method returns zero values.
type reader struct {
	b   []byte
	err error
}

func (r *reader) bytes(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.b) {
		r.err = errShort
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.err = errShort
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a length and refuses one above limit, so that nothing is
// allocated from a damaged number.
func (r *reader) count(limit int) int {
	n := r.uvarint()
	if r.err == nil && n > uint64(limit) {
		r.err = fmt.Errorf("quorum: count %d is above %d", n, limit)
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *reader) string() string { return string(r.bytes(r.count(maxNameBytes))) }

func (r *reader) varint() int64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.err = errShort
		return 0
	}
	r.b = r.b[n:]
	return v
}
