// Package modern is what the groups have in common whose assignment the
// coordinator makes: members with epochs that follow a target assignment, which
// is computed anew when the group's epoch has moved (KIP-848, KIP-932). Pure.
// As Kafka's package org.apache.kafka.coordinator.group.modern.
package modern

import (
	"iter"

	"github.com/headrace/headrace/internal/kafka/uuid"
)

// Topic is what a group knows of a topic.
type Topic struct {
	Name       string
	ID         uuid.TopicID
	Partitions int32
	// Token is comparable, and equal between two states of the cluster as long
	// as nothing about the topic's partitions has changed.
	Token any
}

// Cluster is the topics of the cluster at one moment. It never changes.
type Cluster interface {
	// Version tells states apart; a later one has a greater number.
	Version() int64
	// CreatedAt is the version that last had a topic more.
	CreatedAt() int64
	// Topic finds a topic by name, TopicByID by its id.
	Topic(name string) (Topic, bool)
	TopicByID(id uuid.TopicID) (Topic, bool)
	// Racks are those of the replicas of a partition, one for each broker that
	// tells its own, in any order. The slice is the caller's.
	Racks(t Topic, partition int32) []string
	// Names are all topics.
	Names() iter.Seq[string]
}

// NoTopics is a cluster without topics.
type NoTopics struct{}

var _ Cluster = NoTopics{}

// Version implements Cluster.
func (NoTopics) Version() int64 { return -1 }

// CreatedAt implements Cluster.
func (NoTopics) CreatedAt() int64 { return -1 }

// Topic implements Cluster.
func (NoTopics) Topic(string) (t Topic, ok bool) { return t, false }

// TopicByID implements Cluster.
func (NoTopics) TopicByID(uuid.TopicID) (t Topic, ok bool) { return t, false }

// Racks implements Cluster.
func (NoTopics) Racks(Topic, int32) []string { return nil }

// Names implements Cluster.
func (NoTopics) Names() iter.Seq[string] { return func(func(string) bool) {} }
