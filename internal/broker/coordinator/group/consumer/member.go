// Package consumer is a consumer group's state and what may be told of it
// without its coordinator: records in Kafka's bytes, the step from a member's
// partitions towards its target, regular expressions (KIP-848). Pure. As
// Kafka's package org.apache.kafka.coordinator.group.modern.consumer.
package consumer

import (
	"bytes"
	"slices"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

// Member is a member of a consumer group (Kafka's ConsumerGroupMember). One that
// is in a group is never changed.
type Member struct {
	modern.Member
	// RebalanceTimeoutMs is how long the member may take to give partitions up;
	// -1 if it has not told.
	RebalanceTimeoutMs int32
	// Regex is the regular expression that the member subscribes to, RE2 syntax;
	// empty for none.
	Regex string
	// Assignor is the one that the member asks for, nil if it does not care.
	Assignor *string
	// Assigned is what the member was told that it has; Revoking what it was
	// told to give up and has not said yet that it did.
	Assigned, Revoking Owned
	// Classic is set for a member that uses the classic protocol.
	Classic *Classic
}

// Classic is a member that speaks the classic protocol within a consumer group.
type Classic struct {
	SessionTimeoutMs int32
	Protocols        []Protocol
}

// Protocol is an assignor of the client with its ConsumerProtocolSubscription.
type Protocol struct {
	Name     string
	Metadata []byte
}

// NewMember returns a member that has not joined yet.
func NewMember(id string) *Member {
	return &Member{
		ID: id, Epoch: modern.JoinEpoch, PreviousEpoch: -1, State: modern.Stable,
		RebalanceTimeoutMs: -1,
	}
}

// Clone returns a copy that may be changed, except within its slices.
func (m *Member) Clone() *Member {
	c := *m
	return &c
}

// SameMetadata says whether the members' own settings, which are one record, are
// the same.
func (m *Member) SameMetadata(o *Member) bool {
	return sameText(m.InstanceID, o.InstanceID) && sameText(m.RackID, o.RackID) &&
		m.ClientID == o.ClientID && m.ClientHost == o.ClientHost &&
		slices.Equal(m.Topics, o.Topics) && m.Regex == o.Regex &&
		m.RebalanceTimeoutMs == o.RebalanceTimeoutMs && sameText(m.Assignor, o.Assignor) &&
		m.Classic.equal(o.Classic)
}

// SameAssignment says whether the members are as far with their assignments,
// which is the other record.
func (m *Member) SameAssignment(o *Member) bool {
	return m.Epoch == o.Epoch && m.PreviousEpoch == o.PreviousEpoch && m.State == o.State &&
		m.Assigned.Equal(o.Assigned) && m.Revoking.Equal(o.Revoking)
}

// Equal says whether the two are the same.
func (m *Member) Equal(o *Member) bool {
	return m.ID == o.ID && m.SameMetadata(o) && m.SameAssignment(o)
}

// Protocol is the name of the assignor that a classic member prefers; empty if
// the member is none.
func (m *Member) Protocol() string {
	if m.Classic == nil || len(m.Classic.Protocols) == 0 {
		return ""
	}
	return m.Classic.Protocols[0].Name
}

func (c *Classic) equal(o *Classic) bool {
	if c == nil || o == nil {
		return c == o
	}
	return c.SessionTimeoutMs == o.SessionTimeoutMs && slices.EqualFunc(c.Protocols, o.Protocols, func(a, b Protocol) bool {
		return a.Name == b.Name && bytes.Equal(a.Metadata, b.Metadata)
	})
}

func sameText(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// Owned is partitions with the member epochs at which they were assigned,
// ordered by topic (KIP-1251). It is never changed once it is made.
type Owned []OwnedTopic

// OwnedTopic is a topic's partitions, ascending, and the epoch of each.
type OwnedTopic struct {
	Topic              uuid.TopicID
	Partitions, Epochs []int32
}

// OwnedAt gives all partitions of an assignment the same epoch.
func OwnedAt(a assign.Assignment, epoch int32) Owned {
	o := make(Owned, 0, len(a))
	for _, t := range a {
		o = append(o, OwnedTopic{t.Topic, t.Partitions, slices.Repeat([]int32{epoch}, len(t.Partitions))})
	}
	return o
}

// At gives all partitions the same epoch.
func (o Owned) At(epoch int32) Owned { return OwnedAt(o.Assignment(), epoch) }

// Assignment is the partitions without their epochs.
func (o Owned) Assignment() assign.Assignment {
	a := make(assign.Assignment, 0, len(o))
	for i := range o {
		a = append(a, assign.TopicPartitions{Topic: o[i].Topic, Partitions: o[i].Partitions})
	}
	return a
}

// Of gives the topic's partitions; the zero OwnedTopic if there are none.
func (o Owned) Of(topic uuid.TopicID) OwnedTopic {
	i, ok := slices.BinarySearchFunc(o, topic, func(t OwnedTopic, id uuid.TopicID) int { return t.Topic.Compare(id) })
	if !ok {
		return OwnedTopic{Topic: topic}
	}
	return o[i]
}

// Epoch is the epoch at which the partition was assigned; ok is false if it is
// not part of o.
func (o Owned) Epoch(topic uuid.TopicID, partition int32) (epoch int32, ok bool) {
	return o.Of(topic).epoch(partition)
}

func (t OwnedTopic) epoch(partition int32) (int32, bool) {
	i, ok := slices.BinarySearch(t.Partitions, partition)
	if !ok {
		return 0, false
	}
	return t.Epochs[i], true
}

// Equal says whether both are the same partitions with the same epochs.
func (o Owned) Equal(p Owned) bool {
	return slices.EqualFunc(o, p, func(a, b OwnedTopic) bool {
		return a.Topic == b.Topic && slices.Equal(a.Partitions, b.Partitions) && slices.Equal(a.Epochs, b.Epochs)
	})
}

// Len is the number of partitions.
func (o Owned) Len() int { return o.Assignment().Len() }

// plus is both together; what is in both has p's epoch.
func (o Owned) plus(p Owned) Owned {
	var b ownedBuilder
	b.addAll(o)
	b.addAll(p)
	return b.owned()
}

// ownedBuilder collects partitions in any order.
type ownedBuilder struct {
	list []ownedPartition
}

type ownedPartition struct {
	topic            uuid.TopicID
	partition, epoch int32
}

func (b *ownedBuilder) add(topic uuid.TopicID, partition, epoch int32) {
	b.list = append(b.list, ownedPartition{topic, partition, epoch})
}

func (b *ownedBuilder) addAll(o Owned) {
	for i := range o {
		for j, p := range o[i].Partitions {
			b.add(o[i].Topic, p, o[i].Epochs[j])
		}
	}
}

// owned orders what was added; of a partition that comes several times, the
// last counts.
func (b *ownedBuilder) owned() Owned {
	slices.SortStableFunc(b.list, func(x, y ownedPartition) int {
		if c := x.topic.Compare(y.topic); c != 0 {
			return c
		}
		return int(x.partition) - int(y.partition)
	})
	var o Owned
	for _, p := range b.list {
		if n := len(o); n == 0 || o[n-1].Topic != p.topic {
			o = append(o, OwnedTopic{Topic: p.topic})
		}
		t := &o[len(o)-1]
		if n := len(t.Partitions); n > 0 && t.Partitions[n-1] == p.partition {
			t.Epochs[n-1] = p.epoch
			continue
		}
		t.Partitions, t.Epochs = append(t.Partitions, p.partition), append(t.Epochs, p.epoch)
	}
	return o
}

// Holds is what the member has and what it has yet to give up.
func (m *Member) Holds() assign.Assignment {
	if len(m.Revoking) == 0 {
		return m.Assigned.Assignment()
	}
	return m.Assigned.plus(m.Revoking).Assignment()
}
