package assign

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/headrace/headrace/internal/kafka/uuid"
)

func topicID(n int) (id uuid.TopicID) {
	id[0], id[15] = byte(n), byte(n>>8)
	return id
}

// random is a group whose subscriptions and former assignments are drawn.
func random(rng *rand.Rand, homogeneous bool) *Spec {
	s := &Spec{}
	for t := range 1 + rng.IntN(6) {
		s.Topics = append(s.Topics, Topic{ID: topicID(t), Partitions: int32(rng.IntN(12))})
	}
	subset := func() (ids []uuid.TopicID) {
		for i := range s.Topics {
			if rng.IntN(3) > 0 {
				ids = append(ids, s.Topics[i].ID)
			}
		}
		return ids
	}
	all := subset()
	for m := range 1 + rng.IntN(10) {
		member := Member{ID: fmt.Sprintf("m%02d", m), Topics: all}
		if !homogeneous {
			member.Topics = subset()
		}
		if rng.IntN(4) == 0 {
			member.InstanceID = fmt.Sprintf("i%d", rng.IntN(1000))
		}
		s.Members = append(s.Members, member)
	}
	return trim(s)
}

// trim leaves out topics that nobody wants.
func trim(s *Spec) *Spec {
	s.Topics = slices.DeleteFunc(slices.Clone(s.Topics), func(topic Topic) bool {
		return !slices.ContainsFunc(s.Members, func(m Member) bool { return slices.Contains(m.Topics, topic.ID) })
	})
	return s
}

// change lets members come and go, topics grow and subscriptions change, and
// carries the assignments on.
func change(rng *rand.Rand, s *Spec, got []Assignment, homogeneous bool) *Spec {
	next := random(rng, homogeneous)
	for i := range s.Members {
		s.Members[i].Assigned = got[i]
	}
	if rng.IntN(2) == 0 { // the same topics, and mostly the same members
		next.Topics = s.Topics
		for i := range next.Topics {
			next.Topics[i].Partitions += int32(rng.IntN(2))
		}
		next.Members = slices.DeleteFunc(s.Members, func(Member) bool { return rng.IntN(5) == 0 })
		if n := len(next.Members); rng.IntN(2) == 0 && n > 0 {
			m := next.Members[n-1]
			next.Members = append(next.Members, Member{ID: m.ID + "x", Topics: m.Topics})
		}
		return trim(next)
	}
	for i := range next.Members {
		if i < len(s.Members) {
			next.Members[i].Assigned = s.Members[i].Assigned
		}
	}
	return next
}

// valid checks that every partition that somebody wants has one owner, who
// wants it.
func valid(t *testing.T, s *Spec, got []Assignment) {
	t.Helper()
	owner := map[uuid.TopicID]map[int32]string{}
	for i, a := range got {
		for j, tp := range a {
			if j > 0 && a[j-1].Topic.Compare(tp.Topic) >= 0 || len(tp.Partitions) == 0 || !ascending(tp.Partitions) {
				t.Fatalf("assignment in disorder: %v", a)
			}
			if !slices.Contains(s.Members[i].Topics, tp.Topic) {
				t.Fatalf("%s got a topic that it does not want", s.Members[i].ID)
			}
			for _, p := range tp.Partitions {
				if owner[tp.Topic] == nil {
					owner[tp.Topic] = map[int32]string{}
				}
				if o := owner[tp.Topic][p]; o != "" {
					t.Fatalf("partition %v-%d belongs to %s and %s", tp.Topic, p, o, s.Members[i].ID)
				}
				owner[tp.Topic][p] = s.Members[i].ID
			}
		}
	}
	for _, topic := range s.Topics {
		want := slices.ContainsFunc(s.Members, func(m Member) bool { return slices.Contains(m.Topics, topic.ID) })
		for p := range topic.Partitions {
			if (owner[topic.ID][p] != "") != want {
				t.Fatalf("partition %v-%d: owner %q, wanted: %t", topic.ID, p, owner[topic.ID][p], want)
			}
		}
		if len(owner[topic.ID]) > int(topic.Partitions) {
			t.Fatal("partitions that do not exist")
		}
	}
}

func runs(t *testing.T, homogeneous bool, check func(t *testing.T, s *Spec)) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 7))
		s := random(rng, homogeneous)
		for range 6 {
			check(t, s)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
			s = change(rng, s, Uniform(s), homogeneous)
			if len(s.Members) == 0 {
				break
			}
		}
	}
}

func TestUniformSameTopics(t *testing.T) {
	runs(t, true, func(t *testing.T, s *Spec) {
		got := Uniform(s)
		valid(t, s, got)
		least, most := got[0].Len(), got[0].Len()
		for _, a := range got {
			least, most = min(least, a.Len()), max(most, a.Len())
		}
		if most-least > 1 {
			t.Errorf("loads between %d and %d", least, most)
		}
		if kept, best := stays(s, got), mayStay(s); kept < best {
			t.Errorf("%d partitions stay, %d could", kept, best)
		}
	})
}

// stays counts partitions that their member had before.
func stays(s *Spec, got []Assignment) (n int) {
	for i, a := range got {
		for _, tp := range a {
			for _, p := range tp.Partitions {
				if s.Members[i].Assigned.Has(tp.Topic, p) {
					n++
				}
			}
		}
	}
	return n
}

// mayStay is the most partitions that can stay with loads that differ by one at
// most: members keep up to the floor, and as many as there are remainders keep
// one more.
func mayStay(s *Spec) (n int) {
	total, extra := 0, 0
	if len(s.Members[0].Topics) == 0 {
		return 0
	}
	held := make([]int, len(s.Members))
	seen := map[string]bool{}
	for _, topic := range s.Topics {
		if !slices.Contains(s.Members[0].Topics, topic.ID) {
			continue
		}
		total += int(topic.Partitions)
		for i := range s.Members {
			for _, p := range s.Members[i].Assigned.Of(topic.ID) {
				key := fmt.Sprint(topic.ID, p)
				if p < topic.Partitions && !seen[key] {
					seen[key] = true
					held[i]++
				}
			}
		}
	}
	extra = total % len(held)
	for _, h := range held {
		n += min(h, total/len(held))
		if h > total/len(held) && extra > 0 {
			n, extra = n+1, extra-1
		}
	}
	return n
}

func TestUniformDifferentTopics(t *testing.T) {
	runs(t, false, func(t *testing.T, s *Spec) {
		got := Uniform(s)
		valid(t, s, got)
		// No partition can move to a subscriber that has two less.
		for i, a := range got {
			for _, tp := range a {
				for j := range s.Members {
					if slices.Contains(s.Members[j].Topics, tp.Topic) && a.Len()-got[j].Len() >= 2 {
						t.Errorf("%s has %d, %s has %d, and both want %v", s.Members[i].ID, a.Len(), s.Members[j].ID, got[j].Len(), tp.Topic)
					}
				}
			}
		}
		// What is balanced stays as it is.
		for i := range s.Members {
			s.Members[i].Assigned = got[i]
		}
		for i, a := range Uniform(s) {
			if !a.Equal(got[i]) {
				t.Errorf("a balanced assignment changed: %v to %v", got[i], a)
			}
		}
	})
}

func TestRange(t *testing.T) {
	for _, homogeneous := range []bool{true, false} {
		runs(t, homogeneous, func(t *testing.T, s *Spec) {
			got := Range(s)
			valid(t, s, got)
			order := make([]int, len(got))
			for i := range order {
				order[i] = i
			}
			slices.SortFunc(order, func(a, b int) int {
				x, y := &s.Members[a], &s.Members[b]
				if (x.InstanceID == "") != (y.InstanceID == "") {
					return cmp.Compare(y.InstanceID, x.InstanceID) // with one first
				}
				return cmp.Or(cmp.Compare(x.InstanceID, y.InstanceID), cmp.Compare(x.ID, y.ID))
			})
			for _, topic := range s.Topics {
				next, last := int32(0), -1
				for _, i := range order {
					if !slices.Contains(s.Members[i].Topics, topic.ID) {
						continue
					}
					run := got[i].Of(topic.ID)
					if len(run) > 0 && (run[0] != next || run[len(run)-1] != next+int32(len(run))-1) {
						t.Errorf("%v is no run from %d", run, next)
					}
					if last >= 0 && (len(run) > last || len(run) < last-1) {
						t.Errorf("runs of %d and %d", last, len(run))
					}
					next, last = next+int32(len(run)), max(len(run), 0)
				}
			}
		})
	}
}

// TestRangeTogether meets partitions of the same number at the same member.
func TestRangeTogether(t *testing.T) {
	s := &Spec{Topics: []Topic{{ID: topicID(1), Partitions: 7}, {ID: topicID(2), Partitions: 7}}}
	for m := range 3 {
		s.Members = append(s.Members, Member{ID: fmt.Sprint(m), Topics: []uuid.TopicID{topicID(1), topicID(2)}})
	}
	for _, a := range Range(s) {
		if !slices.Equal(a.Of(topicID(1)), a.Of(topicID(2))) {
			t.Errorf("not together: %v", a)
		}
	}
}

func TestSimple(t *testing.T) {
	for _, homogeneous := range []bool{true, false} {
		for seed := range uint64(400) {
			rng := rand.New(rand.NewPCG(seed, 9))
			s := random(rng, homogeneous)
			for range 6 {
				if rng.IntN(2) == 0 && len(s.Topics) > 0 {
					s.Topics[0].Assignable = make([]bool, s.Topics[0].Partitions)
					for i := range s.Topics[0].Assignable {
						s.Topics[0].Assignable[i] = rng.IntN(3) > 0
					}
				}
				got := Simple(s)
				shared(t, s, got, homogeneous)
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
				if s = change(rng, s, got, homogeneous); len(s.Members) == 0 {
					break
				}
			}
		}
	}
}

// shared checks that every assignable partition that somebody wants has a
// member, and that the members of partitions are about as many.
func shared(t *testing.T, s *Spec, got []Assignment, homogeneous bool) {
	t.Helper()
	for i, a := range got {
		for _, tp := range a {
			if !slices.Contains(s.Members[i].Topics, tp.Topic) || !ascending(tp.Partitions) {
				t.Errorf("%s got %v", s.Members[i].ID, tp)
			}
		}
	}
	partitions := 0
	for _, topic := range s.Topics {
		subscribers := 0
		for i := range s.Members {
			if slices.Contains(s.Members[i].Topics, topic.ID) {
				subscribers++
			}
		}
		for p := range topic.Partitions {
			may := topic.Assignable == nil || int(p) < len(topic.Assignable) && topic.Assignable[p]
			n := 0
			for _, a := range got {
				if a.Has(topic.ID, p) {
					n++
				}
			}
			if subscribers > 0 && may {
				partitions++
			}
			if (n > 0) != (subscribers > 0 && may) {
				t.Errorf("partition %v-%d has %d members of %d, assignable: %t", topic.ID, p, n, subscribers, may)
			}
		}
	}
	if !homogeneous || partitions == 0 {
		return
	}
	most := (len(got)+partitions-1)/partitions*partitions/len(got) + 1
	for i, a := range got {
		if a.Len() > most || partitions >= len(got) && a.Len() < partitions/len(got) {
			t.Errorf("%s has %d partitions of %d, with %d members", s.Members[i].ID, a.Len(), partitions, len(got))
		}
	}
}

func TestNew(t *testing.T) {
	a := New([]TopicPartitions{{topicID(2), []int32{3, 1}}, {topicID(1), nil}, {topicID(0), []int32{5}}, {topicID(2), []int32{1, 2}}})
	want := Assignment{{topicID(0), []int32{5}}, {topicID(2), []int32{1, 2, 3}}}
	if !a.Equal(want) || a.Len() != 4 || !a.Has(topicID(2), 2) || a.Has(topicID(2), 4) || a.Has(topicID(1), 0) {
		t.Errorf("got %v", a)
	}
}

// big is a group of many members that is reassigned because one has come.
func big(members, topics, partitions int, homogeneous bool) *Spec {
	s := &Spec{}
	var ids []uuid.TopicID
	for i := range topics {
		s.Topics = append(s.Topics, Topic{ID: topicID(i), Partitions: int32(partitions)})
		ids = append(ids, topicID(i))
	}
	for m := range members {
		want := ids
		if !homogeneous && m%2 == 1 {
			want = ids[:topics/2]
		}
		slices.SortFunc(want, uuid.TopicID.Compare)
		s.Members = append(s.Members, Member{ID: fmt.Sprintf("member-%04d", m), Topics: want})
	}
	for i, a := range Uniform(s) {
		if i > 0 {
			s.Members[i].Assigned = a
		}
	}
	return s
}

func BenchmarkAssign(b *testing.B) {
	for _, c := range []struct {
		name        string
		assign      Func
		homogeneous bool
	}{{"uniform", Uniform, true}, {"uniform-different", Uniform, false}, {"range", Range, true}, {"simple", Simple, true}} {
		b.Run(c.name, func(b *testing.B) {
			s := big(1000, 100, 100, c.homogeneous)
			b.ReportAllocs()
			for range b.N {
				c.assign(s)
			}
		})
	}
}
