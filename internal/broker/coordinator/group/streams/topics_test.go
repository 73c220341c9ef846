package streams

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
)

func info(name string, partitions int32) TopicInfo {
	return TopicInfo{Name: name, Partitions: partitions}
}

func TestConfigure(t *testing.T) {
	// wordCount reads in, groups by word through a repartition topic, and counts.
	wordCount := []Part{
		{ID: "0", SourceTopics: []string{"in"}, RepartitionSinkTopics: []string{"words"}},
		{ID: "1", RepartitionSourceTopics: []TopicInfo{info("words", 0)}, ChangelogTopics: []TopicInfo{info("counts", 0)}},
	}
	// join joins in with a repartitioned topic.
	join := func(fixed int32) []Part {
		return []Part{
			{ID: "0", SourceTopics: []string{"other"}, RepartitionSinkTopics: []string{"keyed"}},
			{
				ID: "1", SourceTopics: []string{"in"}, RepartitionSourceTopics: []TopicInfo{info("keyed", fixed)},
				CopartitionGroups: []CopartitionGroup{{SourceTopics: []int16{0}, RepartitionSourceTopics: []int16{0}}},
			},
		}
	}
	for name, c := range map[string]struct {
		parts  []Part
		topics map[string]int32
		want   Configured
		err    error
	}{
		"all is there": {
			wordCount,
			map[string]int32{"in": 3, "words": 3, "counts": 3},
			Configured{Subtopologies: []Subtopology{{"0", 3, false}, {"1", 3, true}}},
			nil,
		},
		"internal topics are missing": {
			wordCount,
			map[string]int32{"in": 3},
			Configured{
				Subtopologies: []Subtopology{{"0", 3, false}, {"1", 3, true}}, Missing: []TopicInfo{info("counts", 3), info("words", 3)},
				Err: &TopicsError{MissingInternalTopics, "Internal topics are missing: counts, words"},
			},
			nil,
		},
		"a source topic is missing": {
			wordCount, nil,
			Configured{Err: &TopicsError{MissingSourceTopics, "Source topics in are missing."}},
			nil,
		},
		"four source topics are missing": {
			[]Part{{ID: "0", SourceTopics: []string{"d", "c", "b", "a"}}},
			nil,
			Configured{Err: &TopicsError{MissingSourceTopics, "Source topics a, b, c and 1 additional topics are missing."}},
			nil,
		},
		"a changelog has too few partitions": {
			wordCount,
			map[string]int32{"in": 3, "words": 3, "counts": 2},
			Configured{Err: &TopicsError{IncorrectlyPartitionedTopics, "Existing topic counts has different number of partitions: expected 3, found 2"}},
			nil,
		},
		"a repartition topic follows who it is joined with": {
			join(0),
			map[string]int32{"in": 4, "other": 2, "keyed": 4},
			Configured{Subtopologies: []Subtopology{{"0", 2, false}, {"1", 4, false}}},
			nil,
		},
		"a fixed repartition topic cannot": {
			join(3),
			map[string]int32{"in": 4, "other": 2},
			Configured{Err: &TopicsError{
				IncorrectlyPartitionedTopics,
				"Number of partitions [3] of repartition topic [keyed] doesn't match number of partitions [4] of the source topic.",
			}},
			nil,
		},
		"source topics that are joined differ": {
			[]Part{{ID: "0", SourceTopics: []string{"a", "b"}, CopartitionGroups: []CopartitionGroup{{SourceTopics: []int16{0, 1}}}}},
			map[string]int32{"a": 1, "b": 2},
			Configured{Err: &TopicsError{IncorrectlyPartitionedTopics, "Following topics do not have the same number of partitions: [{a=1, b=2}]"}},
			nil,
		},
		"the wider of two flexible topics counts": {
			[]Part{
				{ID: "0", SourceTopics: []string{"a"}, RepartitionSinkTopics: []string{"ra"}},
				{ID: "1", SourceTopics: []string{"b"}, RepartitionSinkTopics: []string{"rb"}},
				{
					ID: "2", RepartitionSourceTopics: []TopicInfo{info("ra", 0), info("rb", 0)},
					CopartitionGroups: []CopartitionGroup{{RepartitionSourceTopics: []int16{0, 1}}},
				},
			},
			map[string]int32{"a": 1, "b": 5, "ra": 5, "rb": 5},
			Configured{Subtopologies: []Subtopology{{"0", 1, false}, {"1", 5, false}, {"2", 5, false}}},
			nil,
		},
		"a fixed topic elsewhere does not count": {
			[]Part{
				{ID: "0", SourceTopics: []string{"a"}, RepartitionSinkTopics: []string{"ra", "rb", "rc"}},
				{ID: "1", RepartitionSourceTopics: []TopicInfo{info("rc", 7)}},
				{
					ID: "2", RepartitionSourceTopics: []TopicInfo{info("ra", 0), info("rb", 0)},
					CopartitionGroups: []CopartitionGroup{{RepartitionSourceTopics: []int16{0, 1}}},
				},
			},
			map[string]int32{"a": 2, "ra": 2, "rb": 2, "rc": 7},
			Configured{Subtopologies: []Subtopology{{"0", 2, false}, {"1", 7, false}, {"2", 2, false}}},
			nil,
		},
		"a chain of repartition topics": {
			[]Part{
				{ID: "0", RepartitionSourceTopics: []TopicInfo{info("second", 0)}},
				{ID: "1", RepartitionSourceTopics: []TopicInfo{info("first", 0)}, RepartitionSinkTopics: []string{"second"}},
				{ID: "2", SourceTopics: []string{"in"}, RepartitionSinkTopics: []string{"first"}},
			},
			map[string]int32{"in": 6, "first": 6, "second": 6},
			Configured{Subtopologies: []Subtopology{{"0", 6, false}, {"1", 6, false}, {"2", 6, false}}},
			nil,
		},
		"a loop": {
			[]Part{
				{ID: "0", RepartitionSourceTopics: []TopicInfo{info("b", 0)}, RepartitionSinkTopics: []string{"a"}},
				{ID: "1", RepartitionSourceTopics: []TopicInfo{info("a", 0)}, RepartitionSinkTopics: []string{"b"}},
			}, nil, Configured{}, kerr.StreamsInvalidTopology,
		},
		"a repartition topic that nothing writes": {
			[]Part{{ID: "0", RepartitionSourceTopics: []TopicInfo{info("b", 0)}}}, nil, Configured{}, kerr.StreamsInvalidTopology,
		},
		"a subtopology without input": {
			[]Part{{ID: "0", ChangelogTopics: []TopicInfo{info("c", 0)}}}, nil, Configured{}, kerr.StreamsInvalidTopology,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Configure(&Topology{Subtopologies: c.parts}, func(topic string) (int32, bool) {
				n, ok := c.topics[topic]
				return n, ok
			})
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		parts []Part
		want  error
	}{
		"fine": {[]Part{{ID: "0", SourceTopics: []string{"a"}, CopartitionGroups: []CopartitionGroup{{SourceTopics: []int16{0}}}}, {ID: "1"}}, nil},
		"an index too high": {
			[]Part{{ID: "0", SourceTopics: []string{"a"}, CopartitionGroups: []CopartitionGroup{{SourceTopics: []int16{1}}}}}, kerr.InvalidRequest,
		},
		"a negative index": {
			[]Part{{ID: "0", RepartitionSourceTopics: []TopicInfo{info("a", 0)}, CopartitionGroups: []CopartitionGroup{{RepartitionSourceTopics: []int16{-1}}}}},
			kerr.InvalidRequest,
		},
		"a pattern that is not there": {[]Part{{ID: "0", CopartitionGroups: []CopartitionGroup{{SourceTopicRegex: []int16{0}}}}}, kerr.InvalidRequest},
		"an id twice":                 {[]Part{{ID: "0"}, {ID: "0"}}, kerr.StreamsInvalidTopology},
	} {
		if err := (&Topology{Subtopologies: c.parts}).Check(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestTopics(t *testing.T) {
	got := (&Topology{Subtopologies: []Part{
		{ID: "0", SourceTopics: []string{"in"}, RepartitionSinkTopics: []string{"words"}},
		{ID: "1", RepartitionSourceTopics: []TopicInfo{info("words", 0)}, ChangelogTopics: []TopicInfo{info("counts", 0)}},
	}}).Topics()
	if d := cmp.Diff([]string{"counts", "in", "words"}, got); d != "" {
		t.Error(d)
	}
}
