package modern

import (
	_ "embed"
	"encoding/hex"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/kafka/uuid"
)

//go:embed testdata/hashes.txt
var goldenHashes string // from Apache Kafka by test/golden/capture/ConsumerGroupRecords.java

// cluster is some topics with the racks of their partitions.
type cluster map[string]clusterTopic

type clusterTopic struct {
	id    uuid.TopicID
	racks [][]string
	token int
}

func (c cluster) Version() int64   { return 1 }
func (c cluster) CreatedAt() int64 { return 1 }

func (c cluster) Topic(name string) (Topic, bool) {
	t, ok := c[name]
	return Topic{Name: name, ID: t.id, Partitions: int32(len(t.racks)), Token: t.token}, ok
}

func (c cluster) TopicByID(uuid.TopicID) (Topic, bool) { return Topic{}, false }

func (c cluster) Racks(t Topic, p int32) []string { return slices.Clone(c[t.Name].racks[p]) }

func (c cluster) Names() iter.Seq[string] { return func(func(string) bool) {} }

func TestGoldenHashes(t *testing.T) {
	c, names := cluster{}, []string{}
	var hashes Hashes
	for line := range strings.Lines(goldenHashes) {
		f := strings.Split(strings.TrimSpace(line), " ")
		want, err := strconv.ParseInt(f[len(f)-1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		switch f[0] {
		case "topic-hash":
			topic := clusterTopic{}
			id, _ := hex.DecodeString(f[2])
			copy(topic.id[:], id)
			if f[4] != "-" {
				for r := range strings.SplitSeq(strings.TrimSuffix(f[4], "!"), ";") {
					topic.racks = append(topic.racks, strings.FieldsFunc(r, func(r rune) bool { return r == ',' }))
				}
			}
			c[f[1]], names = topic, append(names, f[1])
			mt, _ := c.Topic(f[1])
			if got := TopicHash(c, mt); got != want {
				t.Errorf("topic %s: hash %d, Kafka says %d", f[1], got, want)
			}
		case "group-hash":
			slices.Sort(names)
			for range 2 {
				if got := hashes.Group(c, append(slices.Clone(names), "zz-is-not-there")); got != want {
					t.Errorf("group: hash %d, Kafka says %d", got, want)
				}
			}
		case "group-hash-empty":
			if got := hashes.Group(c, []string{"zz-is-not-there"}); got != want {
				t.Errorf("no topics: hash %d, Kafka says %d", got, want)
			}
		}
	}
	if len(c) != 4 {
		t.Errorf("%d topics, want 4", len(c))
	}
}

// TestHashesFollowTopics gives a topic another partition, and hides a change
// that its token does not tell.
func TestHashesFollowTopics(t *testing.T) {
	c := cluster{"t": {racks: make([][]string, 2)}}
	var hashes Hashes
	first := hashes.Group(c, []string{"t"})
	c["t"] = clusterTopic{racks: make([][]string, 3)}
	if hashes.Group(c, []string{"t"}) != first {
		t.Error("hashed again though the token is the same")
	}
	c["t"] = clusterTopic{racks: make([][]string, 3), token: 1}
	if hashes.Group(c, []string{"t"}) == first {
		t.Error("the same hash with a partition more")
	}
	delete(c, "t")
	if hashes.Group(c, []string{"t"}) != 0 || len(hashes.byName) != 0 {
		t.Error("a deleted topic is remembered")
	}
}
