package metadata

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// BrokerID is a node's id (node.id), of a broker or a controller.
type BrokerID = int32

// Position says which record of the metadata log an image ends with.
type Position struct {
	Offset int64 // of the last record that was applied; -1 before the first
	Epoch  int32 // of the controller that wrote it
	TimeMs int64 // when it was written, milliseconds since 1970
}

// Image is the state of the cluster's metadata at one [Position]. It is
// immutable, and safe for use by any number of goroutines; [Image.Apply] gives a
// new one that shares what did not change. Iteration is in the order stated.
// Use [Empty] for the first one.
type Image struct {
	position       Position
	topicsByName   tree[string, *Topic]
	topicsByID     tree[TopicID, *Topic]
	brokers        tree[BrokerID, *Broker]
	controllers    tree[BrokerID, *RegisterControllerRecord]
	configs        tree[ConfigResource, ConfigSet]
	features       Features
	nextProducerID int64
	acls           tree[UUID, *AccessControlEntryRecord]
	quotas         tree[string, *Quota]
	scram          tree[ScramKey, *UserScramCredentialRecord]
	tokens         tree[string, *DelegationTokenRecord]
	tallies        tallies
	txn            *transaction
}

// tallies are sums over all partitions, kept so that nobody has to walk them.
type tallies struct {
	leaders     tree[BrokerID, int] // partitions per leader, NoLeader included
	partitions  int
	imbalanced  int // partitions not led by their preferred replica
	reassigning int
}

// Empty gives the image before the first record.
func Empty() *Image {
	return &Image{
		position:     Position{Offset: -1},
		topicsByName: tree[string, *Topic]{compare: strings.Compare},
		topicsByID:   tree[TopicID, *Topic]{compare: TopicID.Compare},
		brokers:      tree[BrokerID, *Broker]{compare: cmp.Compare[BrokerID]},
		controllers:  tree[BrokerID, *RegisterControllerRecord]{compare: cmp.Compare[BrokerID]},
		configs:      tree[ConfigResource, ConfigSet]{compare: ConfigResource.Compare},
		acls:         tree[UUID, *AccessControlEntryRecord]{compare: UUID.Compare},
		quotas:       tree[string, *Quota]{compare: strings.Compare},
		scram:        tree[ScramKey, *UserScramCredentialRecord]{compare: ScramKey.Compare},
		tokens:       tree[string, *DelegationTokenRecord]{compare: strings.Compare},
		tallies:      tallies{leaders: tree[BrokerID, int]{compare: cmp.Compare[BrokerID]}},
	}
}

// values iterates over the values of a tree.
func values[K, V any](t *tree[K, V]) iter.Seq[V] {
	all := t.all()
	return func(yield func(V) bool) {
		for _, v := range all {
			if !yield(v) {
				return
			}
		}
	}
}

// Position says where in the metadata log the image is.
func (m *Image) Position() Position { return m.position }

// Topic gives the topic of this name, or nil.
func (m *Image) Topic(name string) *Topic {
	t, _ := m.topicsByName.get(name)
	return t
}

// TopicByID gives the topic with this id, or nil.
func (m *Image) TopicByID(id TopicID) *Topic {
	t, _ := m.topicsByID.get(id)
	return t
}

// Partition gives a partition by its topic's name and its index, or nil.
func (m *Image) Partition(topic string, index int32) *Partition {
	return m.Topic(topic).Partition(index)
}

// AllTopics iterates over the topics by name.
func (m *Image) AllTopics() iter.Seq[*Topic] { return values(&m.topicsByName) }

// NumTopics is the number of topics.
func (m *Image) NumTopics() int { return m.topicsByName.len }

// NumPartitions is the number of partitions of all topics.
func (m *Image) NumPartitions() int { return m.tallies.partitions }

// LeaderCount is the number of partitions that a broker leads, or with NoLeader
// the number of those without a leader.
func (m *Image) LeaderCount(broker BrokerID) int {
	n, _ := m.tallies.leaders.get(broker)
	return n
}

// ImbalancedCount is the number of partitions that their preferred replica does
// not lead.
func (m *Image) ImbalancedCount() int { return m.tallies.imbalanced }

// ReassigningCount is the number of partitions whose replicas are changing.
func (m *Image) ReassigningCount() int { return m.tallies.reassigning }

// Broker gives the registration of a broker, or nil.
func (m *Image) Broker(id BrokerID) *Broker {
	b, _ := m.brokers.get(id)
	return b
}

// AllBrokers iterates over the registered brokers, fenced ones too, by id.
func (m *Image) AllBrokers() iter.Seq[*Broker] { return values(&m.brokers) }

// NumBrokers is the number of registered brokers.
func (m *Image) NumBrokers() int { return m.brokers.len }

// Controller gives the registration of a controller, or nil.
func (m *Image) Controller(id BrokerID) *RegisterControllerRecord {
	c, _ := m.controllers.get(id)
	return c
}

// AllControllers iterates over the registered controllers by id.
func (m *Image) AllControllers() iter.Seq[*RegisterControllerRecord] { return values(&m.controllers) }

// Configs gives the configs that were set on exactly this resource, raw: without
// the defaults of the cluster, of the nodes' files or of Kafka.
func (m *Image) Configs(r ConfigResource) ConfigSet {
	s, _ := m.configs.get(r)
	return s
}

// AllConfigs iterates over the resources that have configs, by type and name.
func (m *Image) AllConfigs() iter.Seq2[ConfigResource, ConfigSet] { return m.configs.all() }

// Features gives the finalized features.
func (m *Image) Features() Features { return m.features }

// NextProducerID is the first producer id that was not given to any broker.
func (m *Image) NextProducerID() int64 { return m.nextProducerID }

// ACL gives the ACL with this id, or nil.
func (m *Image) ACL(id UUID) *AccessControlEntryRecord {
	a, _ := m.acls.get(id)
	return a
}

// AllACLs iterates over the ACLs by id.
func (m *Image) AllACLs() iter.Seq[*AccessControlEntryRecord] { return values(&m.acls) }

// AllQuotas iterates over the entities that have quotas, in a fixed order.
func (m *Image) AllQuotas() iter.Seq[*Quota] { return values(&m.quotas) }

// Scram gives a user's credential for a mechanism, or nil.
func (m *Image) Scram(k ScramKey) *UserScramCredentialRecord {
	c, _ := m.scram.get(k)
	return c
}

// AllScram iterates over the SCRAM credentials by mechanism and user.
func (m *Image) AllScram() iter.Seq[*UserScramCredentialRecord] { return values(&m.scram) }

// Token gives a delegation token by its id, or nil.
func (m *Image) Token(id string) *DelegationTokenRecord {
	t, _ := m.tokens.get(id)
	return t
}

// AllTokens iterates over the delegation tokens by id.
func (m *Image) AllTokens() iter.Seq[*DelegationTokenRecord] { return values(&m.tokens) }

// ScramKey names a SCRAM credential.
type ScramKey struct {
	Mechanism int8 // 1 SCRAM-SHA-256, 2 SCRAM-SHA-512
	User      string
}

// Compare orders by mechanism, then user.
func (k ScramKey) Compare(o ScramKey) int {
	return cmp.Or(cmp.Compare(k.Mechanism, o.Mechanism), strings.Compare(k.User, o.User))
}

// Names of features whose levels the cluster finalizes.
const (
	FeatureMetadataVersion    = "metadata.version"
	FeatureKRaftVersion       = "kraft.version"
	FeatureTransactionVersion = "transaction.version"
	FeatureGroupVersion       = "group.version"
	FeatureELRVersion         = "eligible.leader.replicas.version"
	FeatureShareVersion       = "share.version"
	FeatureStreamsVersion     = "streams.version"
)

// Feature is a feature and its finalized level.
type Feature struct {
	Name  string
	Level int16
}

// Features are finalized features, sorted by name. The zero value is none.
type Features struct{ sorted []Feature }

// Level gives the finalized level of a feature; 0 if it is not finalized.
func (f Features) Level(name string) int16 {
	if i, ok := f.find(name); ok {
		return f.sorted[i].Level
	}
	return 0
}

// All iterates over the finalized features by name.
func (f Features) All() iter.Seq[Feature] { return slices.Values(f.sorted) }

// Len is the number of finalized features.
func (f Features) Len() int { return len(f.sorted) }

func (f Features) find(name string) (int, bool) {
	return slices.BinarySearchFunc(f.sorted, name, func(e Feature, n string) int { return strings.Compare(e.Name, n) })
}

// with gives the features after one change.
func (f Features) with(name string, level int16) Features {
	i, ok := f.find(name)
	switch {
	case level == 0 && !ok:
		return f
	case level == 0:
		return Features{slices.Delete(slices.Clone(f.sorted), i, i+1)}
	case ok:
		s := slices.Clone(f.sorted)
		s[i].Level = level
		return Features{s}
	}
	return Features{slices.Insert(slices.Clone(f.sorted), i, Feature{name, level})}
}
