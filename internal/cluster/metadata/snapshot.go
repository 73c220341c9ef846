package metadata

import "iter"

// Snapshot gives records that replay into an image with the same content: the
// features first, since they say how to read the rest. A metadata transaction
// that is open comes last. The order is fixed: equal images give equal records.
func (m *Image) Snapshot() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		_ = m.snapshotNodes(yield) && m.snapshotTopics(yield) && m.snapshotSettings(yield) && m.snapshotTxn(yield)
	}
}

func (m *Image) snapshotNodes(yield func(Record) bool) bool {
	for f := range m.features.All() {
		if !yield(&FeatureLevelRecord{Name: f.Name, FeatureLevel: f.Level}) {
			return false
		}
	}
	for b := range m.AllBrokers() {
		if !yield(b.record()) {
			return false
		}
	}
	for c := range m.AllControllers() {
		if !yield(c) {
			return false
		}
	}
	return true
}

func (m *Image) snapshotTopics(yield func(Record) bool) bool {
	for t := range m.AllTopics() {
		if !yield(&TopicRecord{Name: t.Name, TopicID: t.ID}) {
			return false
		}
		for i, p := range t.Partitions {
			if !yield(p.record(t.ID, int32(i))) {
				return false
			}
		}
	}
	return true
}

// record gives the record that makes the partition as it is.
func (p *Partition) record(id TopicID, index int32) *PartitionRecord {
	return &PartitionRecord{
		PartitionID: index, TopicID: id,
		Replicas: p.Replicas, ISR: p.ISR, ELR: p.ELR, LastKnownELR: p.LastKnownELR,
		AddingReplicas: p.AddingReplicas, RemovingReplicas: p.RemovingReplicas,
		Directories: p.Directories, Leader: p.Leader, LeaderEpoch: p.LeaderEpoch,
		PartitionEpoch: p.PartitionEpoch, LeaderRecoveryState: p.LeaderRecoveryState,
	}
}

func (m *Image) snapshotSettings(yield func(Record) bool) bool {
	for resource, set := range m.AllConfigs() {
		for name, value := range set.All() {
			if !yield(&ConfigRecord{ResourceType: resource.Type, ResourceName: resource.Name, Name: name, Value: &value}) {
				return false
			}
		}
	}
	for q := range m.AllQuotas() {
		for _, v := range q.Values {
			if !yield(&ClientQuotaRecord{Entity: q.Entity, Key: v.Key, Value: v.Value}) {
				return false
			}
		}
	}
	if m.nextProducerID != 0 &&
		!yield(&ProducerIDsRecord{BrokerID: -1, BrokerEpoch: -1, NextProducerID: m.nextProducerID}) {
		return false
	}
	for a := range m.AllACLs() {
		if !yield(a) {
			return false
		}
	}
	for c := range m.AllScram() {
		if !yield(c) {
			return false
		}
	}
	for t := range m.AllTokens() {
		if !yield(t) {
			return false
		}
	}
	return true
}

func (m *Image) snapshotTxn(yield func(Record) bool) bool {
	if m.txn == nil {
		return true
	}
	if !yield(&BeginTransactionRecord{}) {
		return false
	}
	for _, r := range m.txn.records {
		if !yield(r) {
			return false
		}
	}
	return true
}

// Restore gives the image that the records of a snapshot replay into. at is the
// position that the snapshot stands for.
func Restore(records []Record, at Position) (*Image, error) {
	m, _, err := Empty().Apply(records, at)
	return m, err
}
