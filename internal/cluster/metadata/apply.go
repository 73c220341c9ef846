package metadata

import (
	"errors"
	"fmt"
	"slices"
)

// ErrReplay marks records that do not fit the image that they were applied to:
// a change of a topic that does not exist, a second topic of one name. In a
// healthy log that never happens.
var ErrReplay = errors.New("metadata record does not fit the image")

// transaction is a metadata transaction whose end was not seen yet (KIP-868).
type transaction struct{ records []Record }

// edit is one image in the making. Its image is private until finish.
type edit struct {
	old   *Image
	img   *Image
	owner *owner
	// fresh has the topics that this edit has copied and may write to.
	fresh   map[TopicID]*Topic
	touched touched
}

// touched lists what an edit has changed, in any order and with repetitions.
type touched struct {
	topics      []TopicID
	brokers     []BrokerID
	controllers []BrokerID
	configs     []ConfigResource
	acls        []UUID
	quotas      []string
	scram       []ScramKey
	tokens      []string
}

// Apply gives the image after the records, and what they changed. at is the
// position of the last of them. The records are applied together: on an error,
// which wraps [ErrReplay], there is no new image. The receiver is unchanged
// and shares with the result what did not change; the result keeps slices of
// the records.
func (m *Image) Apply(records []Record, at Position) (*Image, *Delta, error) {
	next := *m
	next.position = at
	e := &edit{old: m, img: &next, owner: &owner{}, fresh: map[TopicID]*Topic{}}
	for i, r := range records {
		if err := e.replayOrHold(r); err != nil {
			return nil, nil, fmt.Errorf("%w: record %d, %v: %w", ErrReplay, i, r.Type(), err)
		}
	}
	if err := e.checkHoles(); err != nil {
		return nil, nil, err
	}
	return &next, e.touched.delta(m, &next), nil
}

// replayOrHold keeps the records of an open metadata transaction back.
func (e *edit) replayOrHold(r Record) error {
	open := e.img.txn
	switch r.(type) {
	case *BeginTransactionRecord:
		if open != nil {
			return errors.New("a transaction is open already")
		}
		e.img.txn = &transaction{}
		return nil
	case *EndTransactionRecord:
		if open == nil {
			return errors.New("no transaction is open")
		}
		e.img.txn = nil
		for _, held := range open.records {
			if err := e.replay(held); err != nil {
				return fmt.Errorf("%v: %w", held.Type(), err)
			}
		}
		return nil
	case *AbortTransactionRecord:
		if open == nil {
			return errors.New("no transaction is open")
		}
		e.img.txn = nil
		return nil
	}
	if open == nil {
		return e.replay(r)
	}
	if open == e.old.txn {
		open = &transaction{records: slices.Clone(open.records)}
		e.img.txn = open
	}
	open.records = append(open.records, r)
	return nil
}

// replay is the one place where a record becomes a change of the image.
func (e *edit) replay(r Record) error {
	switch r := r.(type) {
	case *TopicRecord:
		return e.createTopic(r)
	case *PartitionRecord:
		return e.putPartition(r)
	case *PartitionChangeRecord:
		return e.changePartition(r)
	case *RemoveTopicRecord:
		return e.removeTopic(r)
	case *ClearElrRecord:
		return e.clearElr(r)
	case *RegisterBrokerRecord:
		e.putBroker(newBroker(r))
		return nil
	case *UnregisterBrokerRecord:
		return e.unregisterBroker(r)
	case *FenceBrokerRecord:
		return e.changeBroker(r.ID, r.Epoch, func(b *Broker) { b.Fenced = true })
	case *UnfenceBrokerRecord:
		return e.changeBroker(r.ID, r.Epoch, func(b *Broker) { b.Fenced = false })
	case *BrokerRegistrationChangeRecord:
		return e.changeBroker(r.BrokerID, r.BrokerEpoch, r.apply)
	case *RegisterControllerRecord:
		e.img.controllers.put(e.owner, r.ControllerID, r)
		e.touched.controllers = append(e.touched.controllers, r.ControllerID)
		return nil
	}
	return e.replaySetting(r)
}

// replaySetting replays the records that are about neither topics nor nodes.
func (e *edit) replaySetting(r Record) error {
	img := e.img
	switch r := r.(type) {
	case *FeatureLevelRecord:
		img.features = img.features.with(r.Name, r.FeatureLevel)
	case *ProducerIDsRecord:
		img.nextProducerID = r.NextProducerID
	case *ConfigRecord:
		resource := ConfigResource{r.ResourceType, r.ResourceName}
		e.putConfigs(resource, img.Configs(resource).With(r.Name, r.Value))
	case *ClientQuotaRecord:
		key := quotaKey(sortedEntity(r.Entity))
		old, _ := img.quotas.get(key)
		if q := old.with(r); len(q.Values) > 0 {
			img.quotas.put(e.owner, key, q)
		} else {
			img.quotas.remove(e.owner, key)
		}
		e.touched.quotas = append(e.touched.quotas, key)
	case *AccessControlEntryRecord:
		img.acls.put(e.owner, r.ID, r)
		e.touched.acls = append(e.touched.acls, r.ID)
	case *RemoveAccessControlEntryRecord:
		e.touched.acls = append(e.touched.acls, r.ID)
		return mustRemove(img.acls.remove(e.owner, r.ID), "ACL", r.ID)
	case *UserScramCredentialRecord:
		key := ScramKey{r.Mechanism, r.Name}
		img.scram.put(e.owner, key, r)
		e.touched.scram = append(e.touched.scram, key)
	case *RemoveUserScramCredentialRecord:
		key := ScramKey{r.Mechanism, r.Name}
		e.touched.scram = append(e.touched.scram, key)
		return mustRemove(img.scram.remove(e.owner, key), "SCRAM credential", key)
	case *DelegationTokenRecord:
		img.tokens.put(e.owner, r.TokenID, r)
		e.touched.tokens = append(e.touched.tokens, r.TokenID)
	case *RemoveDelegationTokenRecord:
		img.tokens.remove(e.owner, r.TokenID)
		e.touched.tokens = append(e.touched.tokens, r.TokenID)
	case *NoOpRecord, *ZkMigrationStateRecord:
	default:
		return errors.New("unknown record type")
	}
	return nil
}

func mustRemove(ok bool, what string, key any) error {
	if !ok {
		return fmt.Errorf("no %s %v", what, key)
	}
	return nil
}

func (e *edit) putConfigs(r ConfigResource, s ConfigSet) {
	if s.Len() > 0 {
		e.img.configs.put(e.owner, r, s)
	} else {
		e.img.configs.remove(e.owner, r)
	}
	e.touched.configs = append(e.touched.configs, r)
}

func (e *edit) putBroker(b *Broker) {
	e.img.brokers.put(e.owner, b.ID, b)
	e.touched.brokers = append(e.touched.brokers, b.ID)
}

// broker gives the broker with exactly this epoch.
func (e *edit) broker(id BrokerID, epoch int64) (*Broker, error) {
	b := e.img.Broker(id)
	if b == nil {
		return nil, fmt.Errorf("broker %d is not registered", id)
	}
	if b.Epoch != epoch {
		return nil, fmt.Errorf("broker %d has epoch %d, not %d", id, b.Epoch, epoch)
	}
	return b, nil
}

func (e *edit) unregisterBroker(r *UnregisterBrokerRecord) error {
	if _, err := e.broker(r.BrokerID, r.BrokerEpoch); err != nil {
		return err
	}
	e.img.brokers.remove(e.owner, r.BrokerID)
	e.touched.brokers = append(e.touched.brokers, r.BrokerID)
	return nil
}

func (e *edit) changeBroker(id BrokerID, epoch int64, change func(*Broker)) error {
	old, err := e.broker(id, epoch)
	if err != nil {
		return err
	}
	b := *old
	change(&b)
	e.putBroker(&b)
	return nil
}

func (r *BrokerRegistrationChangeRecord) apply(b *Broker) {
	switch r.Fenced {
	case Fence:
		b.Fenced = true
	case Unfence:
		b.Fenced = false
	}
	if r.InControlledShutdown == 1 {
		b.InControlledShutdown = true
	}
	if len(r.LogDirs) > 0 {
		b.LogDirs = sortedUUIDs(r.LogDirs)
	}
	if r.CordonedLogDirs != nil {
		b.CordonedLogDirs = sortedUUIDs(r.CordonedLogDirs)
	}
}
