package metadata

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func ptr[T any](v T) *T { return &v }

// mustApply applies records at the next offset.
func mustApply(t testing.TB, m *Image, records ...Record) (*Image, *Delta) {
	t.Helper()
	at := m.Position()
	at.Offset++
	next, d, err := m.Apply(records, at)
	if err != nil {
		t.Fatal(err)
	}
	return next, d
}

func TestApplyTopic(t *testing.T) {
	id := TopicID{1}
	a, d := mustApply(
		t, Empty(),
		&TopicRecord{Name: "a", TopicID: id},
		&PartitionRecord{TopicID: id, PartitionID: 0, Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: 1},
		&PartitionRecord{TopicID: id, PartitionID: 1, Replicas: []int32{2, 1}, ISR: []int32{2, 1}, Leader: 2},
	)
	if len(d.Topics) != 1 || d.Topics[0].Old != nil || !slices.Equal(d.Topics[0].Partitions, []int32{0, 1}) {
		t.Fatalf("delta %+v", d.Topics)
	}
	change := NewPartitionChange(id, 1)
	change.Leader, change.ISR = 1, []int32{1}
	b, d := mustApply(t, a, change)
	if p := b.Partition("a", 1); p.Leader != 1 || p.LeaderEpoch != 1 || p.PartitionEpoch != 1 || len(p.ISR) != 1 {
		t.Fatalf("partition %+v", p)
	}
	if p := a.Partition("a", 1); p.Leader != 2 || a.LeaderCount(1) != 1 || b.LeaderCount(1) != 2 || b.LeaderCount(2) != 0 {
		t.Fatalf("old image moved, or sums are wrong: %+v", p)
	}
	if len(d.Topics) != 1 || !slices.Equal(d.Topics[0].Partitions, []int32{1}) || b.ImbalancedCount() != 1 {
		t.Fatalf("delta %+v", d.Topics)
	}
	c, d := mustApply(t, b, &RemoveTopicRecord{id})
	if c.NumTopics() != 0 || c.NumPartitions() != 0 || c.LeaderCount(1) != 0 || len(d.Topics) != 1 || d.Topics[0].New != nil {
		t.Fatalf("not removed: %+v", d)
	}
}

// TestRecreatedTopic holds that a new life of a name is told apart from the old.
func TestRecreatedTopic(t *testing.T) {
	config := ConfigResource{ResourceTopic, "a"}
	old, _ := mustApply(
		t, Empty(), &TopicRecord{"a", TopicID{1}},
		&PartitionRecord{TopicID: TopicID{1}, Replicas: []int32{1}, ISR: []int32{1}, Leader: 1},
		&ConfigRecord{ResourceTopic, "a", "retention.ms", ptr("1")},
	)
	m, d := mustApply(
		t, old, &RemoveTopicRecord{TopicID{1}}, &TopicRecord{"a", TopicID{2}},
		&PartitionRecord{TopicID: TopicID{2}, Replicas: []int32{1}, ISR: []int32{1}, Leader: 1},
	)
	if len(d.Topics) != 2 || d.Topics[0].New != nil || d.Topics[1].Old != nil || d.Topics[1].ID() != (TopicID{2}) {
		t.Fatalf("delta %+v", d.Topics)
	}
	if m.Configs(config).Len() != 0 || !slices.Equal(d.Configs, []ConfigResource{config}) {
		t.Fatalf("the configs of the old topic stay: %v, %v", m.Configs(config), d.Configs)
	}
	if m.TopicByID(TopicID{1}) != nil || m.Topic("a").ID != (TopicID{2}) {
		t.Fatal("names and ids disagree")
	}
}

func TestApplyRefuses(t *testing.T) {
	m, _ := mustApply(
		t, Empty(), &TopicRecord{"a", TopicID{1}},
		&PartitionRecord{TopicID: TopicID{1}, Replicas: []int32{1}, ISR: []int32{1}, Leader: 1},
		&RegisterBrokerRecord{BrokerID: 1, BrokerEpoch: 5},
	)
	for name, records := range map[string][]Record{
		"topic twice":              {&TopicRecord{"a", TopicID{2}}},
		"id twice":                 {&TopicRecord{"b", TopicID{1}}},
		"removal of nothing":       {&RemoveTopicRecord{TopicID{9}}},
		"partition of nothing":     {&PartitionRecord{TopicID: TopicID{9}}},
		"hole":                     {&PartitionRecord{TopicID: TopicID{1}, PartitionID: 2, Leader: -1}},
		"negative partition":       {&PartitionRecord{TopicID: TopicID{1}, PartitionID: -1}},
		"huge partition":           {&PartitionRecord{TopicID: TopicID{1}, PartitionID: 1 << 30}},
		"directories":              {&PartitionRecord{TopicID: TopicID{1}, Replicas: []int32{1, 2}, Directories: []UUID{{1}}}},
		"change of no topic":       {NewPartitionChange(TopicID{9}, 0)},
		"change of no partition":   {NewPartitionChange(TopicID{1}, 1)},
		"stale broker epoch":       {&BrokerRegistrationChangeRecord{BrokerID: 1, BrokerEpoch: 4}},
		"unknown broker":           {&FenceBrokerRecord{ID: 2}},
		"removal of a stale epoch": {&UnregisterBrokerRecord{BrokerID: 1, BrokerEpoch: 4}},
		"unknown ACL":              {&RemoveAccessControlEntryRecord{UUID{1}}},
		"unknown credential":       {&RemoveUserScramCredentialRecord{Name: "u", Mechanism: 1}},
		"ELR of no topic":          {&ClearElrRecord{TopicName: "z"}},
		"end without begin":        {&EndTransactionRecord{}},
		"abort without begin":      {&AbortTransactionRecord{}},
		"begin twice":              {&BeginTransactionRecord{}, &BeginTransactionRecord{}},
		"nil":                      {nilRecord{}},
	} {
		if next, d, err := m.Apply(records, Position{}); !errors.Is(err, ErrReplay) || next != nil || d != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type nilRecord struct{ Record }

func (nilRecord) Type() RecordType { return -1 }

func TestMetadataTransaction(t *testing.T) {
	create := []Record{&TopicRecord{"a", TopicID{1}}}
	m, d := mustApply(t, Empty(), append([]Record{&BeginTransactionRecord{}}, create...)...)
	if m.NumTopics() != 0 || !d.Empty() {
		t.Fatal("visible before its end")
	}
	restored := restore(t, m)
	for name, open := range map[string]*Image{"applied": m, "restored": restored} {
		ended, d := mustApply(t, open, &EndTransactionRecord{})
		if ended.Topic("a") == nil || len(d.Topics) != 1 {
			t.Errorf("%s: not visible after its end", name)
		}
		aborted, d := mustApply(t, open, &TopicRecord{"b", TopicID{2}}, &AbortTransactionRecord{})
		if aborted.NumTopics() != 0 || !d.Empty() {
			t.Errorf("%s: visible after it was aborted", name)
		}
	}
	if again, _ := mustApply(t, m, &EndTransactionRecord{}); again.NumTopics() != 1 {
		t.Error("the open image was changed by what followed it")
	}
}

// encoded gives an image's snapshot as bytes.
func encoded(t testing.TB, m *Image) []byte {
	t.Helper()
	var out []byte
	for r := range m.Snapshot() {
		b, err := Append(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		out = fmt.Appendf(out, "%v %x\n", r.Type(), b)
	}
	return out
}

// restore takes an image through its snapshot, encoded and decoded.
func restore(t testing.TB, m *Image) *Image {
	t.Helper()
	var records []Record
	for r := range m.Snapshot() {
		b, err := Append(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, d)
	}
	out, err := Restore(records, m.Position())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// randomRecord gives a record that fits the image.
func randomRecord(rnd *rand.Rand, m *Image) Record {
	topics := slices.Collect(m.AllTopics())
	brokers := slices.Collect(m.AllBrokers())
	some := func(n int) []int32 {
		out := []int32{}
		for _, b := range rnd.Perm(5)[:n] {
			out = append(out, int32(b))
		}
		return out
	}
	name := func(kind string, n int) string { return fmt.Sprintf("%s-%d", kind, rnd.IntN(n)) }
	switch k := rnd.IntN(20); {
	case k == 0 || len(topics) == 0:
		n := name("topic", 30)
		if m.Topic(n) != nil {
			return &RemoveTopicRecord{m.Topic(n).ID}
		}
		return &TopicRecord{n, TopicID{byte(rnd.Int()), byte(rnd.Int()), byte(rnd.Int())}}
	case k < 4:
		t := topics[rnd.IntN(len(topics))]
		r := &PartitionRecord{
			TopicID: t.ID, PartitionID: int32(rnd.IntN(len(t.Partitions) + 1)),
			Replicas: some(3), ISR: some(2), Leader: int32(rnd.IntN(4) - 1), LeaderEpoch: 3, PartitionEpoch: 4,
		}
		if rnd.IntN(2) == 0 {
			r.Directories = []UUID{{1}, {2}, {3}}
			r.ELR, r.AddingReplicas = some(1), some(rnd.IntN(2))
		}
		return r
	case k < 9:
		t := topics[rnd.IntN(len(topics))]
		if len(t.Partitions) == 0 {
			return &NoOpRecord{}
		}
		r := NewPartitionChange(t.ID, int32(rnd.IntN(len(t.Partitions))))
		r.Leader = int32(rnd.IntN(5) - 2)
		r.ISR = [][]int32{nil, {}, some(2)}[rnd.IntN(3)]
		r.ELR = [][]int32{nil, {}, some(1)}[rnd.IntN(3)]
		r.LastKnownELR = [][]int32{nil, {}, some(1)}[rnd.IntN(3)]
		r.RemovingReplicas = [][]int32{nil, {}, some(1)}[rnd.IntN(3)]
		return r
	case k == 9 || len(brokers) == 0:
		return &RegisterBrokerRecord{
			BrokerID: int32(rnd.IntN(5)), BrokerEpoch: int64(rnd.IntN(1000)), IncarnationID: UUID{byte(rnd.Int())},
			Fenced: true, Rack: []*string{nil, ptr("r")}[rnd.IntN(2)], LogDirs: []UUID{{2}, {1}},
			Endpoints: []Endpoint{{"PLAINTEXT", "h", 1, 0}}, Features: []FeatureRange{{"metadata.version", 1, 30}},
		}
	case k < 12:
		b := brokers[rnd.IntN(len(brokers))]
		return []Record{
			&UnregisterBrokerRecord{b.ID, b.Epoch},
			&FenceBrokerRecord{b.ID, b.Epoch},
			&UnfenceBrokerRecord{b.ID, b.Epoch},
			&BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: Unfence, InControlledShutdown: 1, LogDirs: []UUID{{9}}, CordonedLogDirs: []UUID{}},
		}[rnd.IntN(4)]
	case k == 12:
		return &ClearElrRecord{TopicName: []string{"", topics[0].Name}[rnd.IntN(2)]}
	}
	return randomSetting(rnd, m, name)
}

func randomSetting(rnd *rand.Rand, m *Image, name func(string, int) string) Record {
	value := []*string{nil, ptr(name("v", 3))}[rnd.IntN(2)]
	acl, scram := UUID{byte(rnd.IntN(9))}, ScramKey{1, name("user", 5)}
	switch rnd.IntN(8) {
	case 0:
		return &FeatureLevelRecord{name("feature", 4), int16(rnd.IntN(3))}
	case 1:
		return &ConfigRecord{[]ResourceType{ResourceTopic, ResourceBroker}[rnd.IntN(2)], name("topic", 30), name("key", 3), value}
	case 2:
		return &ProducerIDsRecord{1, 2, m.NextProducerID() + 1000}
	case 3:
		entity := []QuotaEntity{{"user", value}, {"client-id", nil}}[:1+rnd.IntN(2)]
		return &ClientQuotaRecord{entity, name("key", 3), rnd.Float64(), rnd.IntN(3) == 0}
	case 4:
		if m.ACL(acl) != nil {
			return &RemoveAccessControlEntryRecord{acl}
		}
		return &AccessControlEntryRecord{ID: acl, ResourceName: name("r", 3)}
	case 5:
		if m.Scram(scram) != nil {
			return &RemoveUserScramCredentialRecord{scram.User, 1}
		}
		return &UserScramCredentialRecord{Name: scram.User, Mechanism: 1, Salt: []byte{1}}
	case 6:
		if id := name("token", 4); m.Token(id) != nil {
			return &RemoveDelegationTokenRecord{id}
		}
		return &DelegationTokenRecord{TokenID: name("token", 4), Renewers: []string{"r"}}
	}
	return &RegisterControllerRecord{ControllerID: int32(rnd.IntN(3)), IncarnationID: UUID{byte(rnd.IntN(3))}}
}

// TestRandomHistories holds that snapshots restore, that the delta of Apply is
// that of Compare, that sums are right, and that old images do not move.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		m := Empty()
		for step := range 120 {
			before := encoded(t, m)
			scratch := m
			var records []Record
			for range 1 + rnd.IntN(6) {
				r := randomRecord(rnd, scratch)
				records = append(records, r)
				scratch, _ = mustApply(t, scratch, r)
			}
			next, d := mustApply(t, m, records...)
			where := fmt.Sprintf("seed %d step %d", seed, step)
			if !bytes.Equal(before, encoded(t, m)) {
				t.Fatalf("%s: an old image moved", where)
			}
			if !bytes.Equal(encoded(t, scratch), encoded(t, next)) {
				t.Fatalf("%s: one by one differs from all at once", where)
			}
			checkDelta(t, where, d, Compare(m, next))
			restored := restore(t, next)
			if !bytes.Equal(encoded(t, restored), encoded(t, next)) || !Compare(next, restored).Empty() {
				t.Fatalf("%s: restored %s, want %s", where, encoded(t, restored), encoded(t, next))
			}
			checkTallies(t, where, next)
			checkTallies(t, where, restored)
			m = next
		}
	}
}

func checkDelta(t *testing.T, where string, got, want *Delta) {
	t.Helper()
	opts := cmp.Options{
		cmpopts.IgnoreFields(Delta{}, "Old", "New"), cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b TopicDelta) bool {
			return a.Old == b.Old && a.New == b.New && slices.Equal(a.Partitions, b.Partitions)
		}),
	}
	if d := cmp.Diff(want, got, opts); d != "" {
		t.Fatalf("%s (-Compare +Apply):\n%s", where, d)
	}
}

func checkTallies(t *testing.T, where string, m *Image) {
	t.Helper()
	leaders := map[int32]int{}
	partitions, imbalanced, reassigning := 0, 0, 0
	for topic := range m.AllTopics() {
		if m.TopicByID(topic.ID) != topic {
			t.Fatalf("%s: name and id of %s disagree", where, topic.Name)
		}
		for _, p := range topic.Partitions {
			partitions++
			leaders[p.Leader]++
			if !p.HasPreferredLeader() {
				imbalanced++
			}
			if p.Reassigning() {
				reassigning++
			}
		}
	}
	if m.NumPartitions() != partitions || m.ImbalancedCount() != imbalanced || m.ReassigningCount() != reassigning {
		t.Fatalf("%s: sums %d %d %d, want %d %d %d", where,
			m.NumPartitions(), m.ImbalancedCount(), m.ReassigningCount(), partitions, imbalanced, reassigning)
	}
	for b := int32(-1); b < 6; b++ {
		if m.LeaderCount(b) != leaders[b] {
			t.Fatalf("%s: broker %d leads %d, want %d", where, b, m.LeaderCount(b), leaders[b])
		}
	}
}

func TestBrokerDirectories(t *testing.T) {
	b := newBroker(&RegisterBrokerRecord{LogDirs: []UUID{{7}, {5}}})
	for dir, want := range map[UUID]bool{{7}: true, {6}: false, DirUnassigned: true, DirMigrating: true, DirLost: false} {
		if b.HasOnlineDir(dir) != want {
			t.Errorf("%v: on line = %v", dir, !want)
		}
	}
	if !(&Broker{}).HasOnlineDir(UUID{6}) {
		t.Error("a broker that names no directories has all of them")
	}
	p := &Partition{Replicas: []int32{1, 2}, Directories: []UUID{{1}, {2}}}
	if d, ok := p.Directory(2); !ok || d != (UUID{2}) {
		t.Errorf("directory %v, %v", d, ok)
	}
	if _, ok := p.Directory(3); ok {
		t.Error("broker 3 has a replica")
	}
}

func TestQuotaEntities(t *testing.T) {
	m, _ := mustApply(
		t, Empty(),
		&ClientQuotaRecord{[]QuotaEntity{{"user", ptr("a")}, {"client-id", nil}}, "k", 1, false},
		&ClientQuotaRecord{[]QuotaEntity{{"client-id", nil}, {"user", ptr("a")}}, "k", 2, false},
		&ClientQuotaRecord{[]QuotaEntity{{"user", ptr("<default>")}}, "k", 3, false},
		&ClientQuotaRecord{[]QuotaEntity{{"user", nil}}, "k", 4, false},
	)
	var got []float64
	for q := range m.AllQuotas() {
		got = append(got, q.Values[0].Value)
	}
	if slices.Sort(got); !slices.Equal(got, []float64{2, 3, 4}) {
		t.Errorf("quotas %v", got)
	}
}
