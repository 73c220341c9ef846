package metadata

import (
	"cmp"
	"slices"
	"strings"
)

// Delta is what differs between two images. The lists are sorted, without
// repetition, and name only what really differs. It is immutable.
type Delta struct {
	Old, New *Image
	// Topics are the topics that were created, removed or changed, sorted by
	// name. A topic that was removed and created again under one name has two
	// entries, the removal first.
	Topics      []TopicDelta
	Brokers     []BrokerID
	Controllers []BrokerID
	Configs     []ConfigResource
	Features    []string // names of features whose level differs
	ProducerIDs bool     // the next producer id differs
	ACLs        []UUID
	Quotas      bool
	Scram       []ScramKey
	Tokens      []string
}

// TopicDelta is how one topic differs.
type TopicDelta struct {
	Old *Topic // nil if the topic was created
	New *Topic // nil if it was removed
	// Partitions are the indexes of the partitions that were created or differ,
	// in ascending order; all of them for a topic created or removed.
	Partitions []int32
}

// Name is the topic's name.
func (d TopicDelta) Name() string { return d.any().Name }

// ID is the topic's id.
func (d TopicDelta) ID() TopicID { return d.any().ID }

func (d TopicDelta) any() *Topic {
	if d.New != nil {
		return d.New
	}
	return d.Old
}

// Empty tells whether the images hold the same, positions apart.
func (d *Delta) Empty() bool {
	return len(d.Topics)+len(d.Brokers)+len(d.Controllers)+len(d.Configs)+len(d.Features)+
		len(d.ACLs)+len(d.Scram)+len(d.Tokens) == 0 && !d.ProducerIDs && !d.Quotas
}

// Compare gives the delta between two images of which neither need have come
// from the other, as after a snapshot was installed. Its cost is that of a walk
// over both; what they share is compared by pointer.
func Compare(old, next *Image) *Delta {
	var t touched
	for _, m := range [...]*Image{old, next} {
		t.topics = slices.AppendSeq(t.topics, keys(&m.topicsByID))
		t.brokers = slices.AppendSeq(t.brokers, keys(&m.brokers))
		t.controllers = slices.AppendSeq(t.controllers, keys(&m.controllers))
		t.configs = slices.AppendSeq(t.configs, keys(&m.configs))
		t.acls = slices.AppendSeq(t.acls, keys(&m.acls))
		t.quotas = slices.AppendSeq(t.quotas, keys(&m.quotas))
		t.scram = slices.AppendSeq(t.scram, keys(&m.scram))
		t.tokens = slices.AppendSeq(t.tokens, keys(&m.tokens))
	}
	return t.delta(old, next)
}

// delta compares what was touched.
func (t *touched) delta(old, next *Image) *Delta {
	d := &Delta{Old: old, New: next, ProducerIDs: old.nextProducerID != next.nextProducerID}
	d.Topics = topicDeltas(t.topics, old, next)
	d.Brokers = differing(t.brokers, cmp.Compare[BrokerID], &old.brokers, &next.brokers, (*Broker).equal)
	d.Controllers = differing(t.controllers, cmp.Compare[BrokerID], &old.controllers, &next.controllers, sameRecord)
	d.Configs = differing(t.configs, ConfigResource.Compare, &old.configs, &next.configs, ConfigSet.Equal)
	d.Features = featureDeltas(old.features, next.features)
	d.ACLs = differing(t.acls, UUID.Compare, &old.acls, &next.acls, sameRecord)
	d.Quotas = len(differing(t.quotas, strings.Compare, &old.quotas, &next.quotas, (*Quota).equal)) > 0
	d.Scram = differing(t.scram, ScramKey.Compare, &old.scram, &next.scram, sameRecord)
	d.Tokens = differing(t.tokens, strings.Compare, &old.tokens, &next.tokens, sameRecord)
	return d
}

// differing sorts the keys and keeps those whose values differ.
func differing[K comparable, V any](touched []K, order func(a, b K) int, old, next *tree[K, V], equal func(a, b V) bool) []K {
	slices.SortFunc(touched, order)
	touched = slices.Compact(touched)
	return slices.DeleteFunc(touched, func(k K) bool {
		a, inOld := old.get(k)
		b, inNew := next.get(k)
		return inOld == inNew && (!inOld || equal(a, b))
	})
}

func topicDeltas(ids []TopicID, old, next *Image) []TopicDelta {
	slices.SortFunc(ids, TopicID.Compare)
	var out []TopicDelta
	for _, id := range slices.Compact(ids) {
		d := TopicDelta{Old: old.TopicByID(id), New: next.TopicByID(id)}
		if d.Old == d.New {
			continue
		}
		if d.Partitions = d.differing(); len(d.Partitions) > 0 || d.Old == nil || d.New == nil {
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b TopicDelta) int {
		return cmp.Or(strings.Compare(a.Name(), b.Name()), cmp.Compare(btoi(a.New != nil), btoi(b.New != nil)))
	})
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (d TopicDelta) differing() []int32 {
	var out []int32
	for i := range d.any().Partitions {
		if d.Old == nil || d.New == nil || !d.Old.Partition(int32(i)).Equal(d.New.Partitions[i]) {
			out = append(out, int32(i))
		}
	}
	return out
}

func featureDeltas(old, next Features) []string {
	var out []string
	for _, f := range [...]struct{ from, other Features }{{old, next}, {next, old}} {
		for e := range f.from.All() {
			if f.other.Level(e.Name) != e.Level {
				out = append(out, e.Name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// sameRecord compares two records by what they say.
func sameRecord[R Record](a, b R) bool {
	if any(a) == any(b) {
		return true
	}
	x, errA := Append(nil, a)
	y, errB := Append(nil, b)
	return errA == nil && errB == nil && string(x) == string(y)
}

func (b *Broker) equal(o *Broker) bool { return b == o || sameRecord(b.record(), o.record()) }

func (q *Quota) equal(o *Quota) bool {
	return q == o || slices.Equal(q.Values, o.Values)
}

func keys[K, V any](t *tree[K, V]) func(yield func(K) bool) {
	all := t.all()
	return func(yield func(K) bool) {
		for k := range all {
			if !yield(k) {
				return
			}
		}
	}
}
