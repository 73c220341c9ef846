package group

import (
	"bytes"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// joinWaiter is a JoinGroup whose answer waits for the rebalance.
type joinWaiter struct {
	to      shard.Caller
	version int16
}

// syncWaiter is a SyncGroup whose answer waits for the leader's assignment.
type syncWaiter struct {
	to      shard.Caller
	version int16
}

// member is a member of a classic group (Kafka's ClassicGroupMember).
type member struct {
	id                   string
	instanceID           *string // of a static member, KIP-345
	clientID, clientHost string
	protocolType         string
	rebalanceTimeoutMs   int32
	sessionTimeoutMs     int32
	protocols            []kmsg.JoinGroupRequestProtocol // by preference
	assignment           []byte

	join *joinWaiter
	sync *syncWaiter
	// isNew is true until the member's first rebalance ends: until then its
	// waiting JoinGroup does not count as a sign of life.
	isNew   bool
	session shard.Timer
}

// metadata is what the member offered for the protocol, nil if it did not.
func (m *member) metadata(protocol string) []byte {
	for i := range m.protocols {
		if m.protocols[i].Name == protocol {
			return m.protocols[i].Metadata
		}
	}
	return nil
}

// offers says whether the member's protocols are the given ones, with the same
// metadata in the same order.
func (m *member) offers(protocols []kmsg.JoinGroupRequestProtocol) bool {
	return slices.EqualFunc(m.protocols, protocols, func(a, b kmsg.JoinGroupRequestProtocol) bool {
		return a.Name == b.Name && bytes.Equal(a.Metadata, b.Metadata)
	})
}

// alive says that a waiting request stands for the heartbeats that the client
// cannot send meanwhile.
func (m *member) alive() bool { return !m.isNew && (m.join != nil || m.sync != nil) }

func (m *member) sessionTimeout() time.Duration {
	return time.Duration(m.sessionTimeoutMs) * time.Millisecond
}
