package quorum

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"strconv"
)

// Transport carries requests to other voters: a private API on their controller
// listeners, so that its TLS and SASL cover them. Peer (see NewTransport) is the
// real one.
type Transport interface {
	// Call delivers payload to the voter that listens at address (host:port) and
	// returns its answer, which HandleRaft made there. An error that satisfies
	// errors.Is(err, syscall.ECONNREFUSED) says that nobody listens. It may be
	// called from several goroutines; payload is not kept after it returns.
	Call(ctx context.Context, address string, payload []byte) ([]byte, error)
}

// Address is what Transport dials to reach an endpoint.
func (e Endpoint) Address() string { return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port))) }

// kind says what an envelope holds.
type kind byte

const (
	kindMessages kind = 1 // Raft messages; the answer is kindStatus
	kindHello    kind = 2 // "who are you?"; the answer is kindStatus
	kindFound    kind = 3 // a founding proposal (a Membership); the answer is kindStatus
	kindStatus   kind = 4 // who I am and what I have
)

const envelopeVersion = 1

// maxMessagesPerCall bounds the messages in one envelope.
const maxMessagesPerCall = 4096

// envelope is one request or answer between voters. docs/format/quorum-protocol.md
// has the diagram.
type envelope struct {
	kind      kind
	clusterID string // "" while unknown
	sender    Member
	body      []byte
}

func (e envelope) encode() []byte {
	b := make([]byte, 4, 128+len(e.body))
	b = append(b, envelopeVersion, byte(e.kind))
	b = appendString(b, e.clusterID)
	b = e.sender.encode(b)
	b = append(b, e.body...)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

func decodeEnvelope(b []byte) (envelope, error) {
	if len(b) < 6 || binary.BigEndian.Uint32(b) != crc32.Checksum(b[4:], castagnoli) {
		return envelope{}, errors.New("quorum: message between voters has a bad CRC")
	}
	if b[4] != envelopeVersion {
		return envelope{}, fmt.Errorf("quorum: message between voters has version %d, this build knows %d", b[4], envelopeVersion)
	}
	r := reader{b: b[6:]}
	e := envelope{kind: kind(b[5]), clusterID: r.string(), sender: decodeMember(&r)}
	e.body = r.b
	return e, r.err
}

// encodeMessages puts encoded Raft messages behind their lengths.
func encodeMessages(messages [][]byte) []byte {
	size := binary.MaxVarintLen64
	for _, m := range messages {
		size += len(m) + binary.MaxVarintLen64
	}
	b := binary.AppendUvarint(make([]byte, 0, size), uint64(len(messages)))
	for _, m := range messages {
		b = binary.AppendUvarint(b, uint64(len(m)))
		b = append(b, m...)
	}
	return b
}

func decodeMessages(body []byte) ([]Message, error) {
	r := reader{b: body}
	n := r.count(maxMessagesPerCall)
	out := make([]Message, 0, n)
	for range n {
		raw := r.bytes(r.count(len(r.b)))
		if r.err != nil {
			return nil, r.err
		}
		m, err := DecodeMessage(raw)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, r.err
}

// standing is how far a node is on its way into a quorum.
type standing byte

const (
	standingNew     standing = 0 // has no Raft state
	standingFounded standing = 1 // the membership is the founding one
	standingRunning standing = 2 // the membership has a history; newcomers get a snapshot
	standingDamaged standing = 3 // takes no part
)

// status is what a node tells about itself.
type status struct {
	standing   standing
	membership Membership // of standingFounded and standingRunning
}

func (s status) encode() []byte { return s.membership.encode([]byte{byte(s.standing)}) }

func decodeStatus(body []byte) (status, error) {
	r := reader{b: body}
	s := status{standing: standing(r.byte()), membership: decodeMembership(&r)}
	return s, r.err
}
