// Package clients judges a broker by real clients: each produces records and consumes them in a group of which one member
// is killed, and what they wrote and read is compared field by field.
//
// The clients are separate programs, installed by name from their registries: Java's tools, kcat and librdkafka,
// kafka-python, kafkajs, franz-go, sarama. They all write into one topic, and each reads all of it.
package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Record is one record as the adapters exchange it, a line of JSON each. A nil key, value or header value is Kafka's
// null. Contents are text without tabs and line ends, as some of the clients print lines.
type Record struct {
	Partition int32        `json:"p"` // -1 where the producing client chooses
	Offset    int64        `json:"o,omitempty"`
	Timestamp int64        `json:"ts"` // milliseconds; 0 where the producing client chooses
	Key       *string      `json:"k"`
	Value     *string      `json:"v"`
	Headers   [][2]*string `json:"h,omitempty"`
}

// Fields are the parts of a record that a client can write or show.
type Fields struct {
	Partition   bool // writing: may be chosen
	Timestamp   bool
	Keys        bool
	Headers     bool
	NullKey     bool
	NullValue   bool
	Empty       bool // empty keys and values, which are not null
	BothNull    bool // key and value null in one record
	NullHeader  bool // a header whose value is null
	TwiceHeader bool // two headers of one name
}

// all is what a client with a full interface can do.
func all() Fields {
	return Fields{
		Partition: true, Timestamp: true, Keys: true, Headers: true,
		NullKey: true, NullValue: true, BothNull: true, Empty: true, NullHeader: true, TwiceHeader: true,
	}
}

// content is a record's content in one line, limited to what both sides show.
func (r Record) content(f Fields) string {
	var b strings.Builder
	if f.Keys {
		b.WriteString(quote(r.Key) + "=")
	}
	b.WriteString(quote(r.Value))
	if f.Headers {
		for _, h := range r.Headers {
			b.WriteString(" " + quote(h[0]) + ":" + quote(h[1]))
		}
	}
	if f.Timestamp {
		b.WriteString(" @" + strconv.FormatInt(r.Timestamp, 10))
	}
	return b.String()
}

// quote tells null from empty.
func quote(s *string) string {
	if s == nil {
		return "null"
	}
	return strconv.Quote(*s)
}

// at is a record's place in the topic.
type at struct {
	partition int32
	offset    int64
}

// sorted are records by place, each place once.
func sorted(records map[at]Record) []Record {
	out := make([]Record, 0, len(records))
	for _, r := range records {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	return out
}

// digest is one line for the content of many records: their places and what f shows of them.
func digest(records map[at]Record, f Fields) string {
	sum := sha256.New()
	for _, r := range sorted(records) {
		fmt.Fprintf(sum, "%d %d %s\n", r.Partition, r.Offset, r.content(f))
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// plan makes the records that a source sends with one codec: nulls, empties, headers, unusual text, small and large values,
// timestamps that also go backwards. Each says where it comes from, in its key, its value or a header.
func plan(source, codec string, n int, partitions int32, f Fields) []Record {
	records := make([]Record, 0, n)
	tag := source + "|" + codec + "|"
	for i := range n {
		r := Record{Partition: -1, Key: text(tag + "k" + strconv.Itoa(i)), Value: text(tag + strconv.Itoa(i) + "|" + filling(i))}
		if f.Partition {
			r.Partition = int32(i) % partitions
		}
		if f.Timestamp {
			r.Timestamp = 1_700_000_000_000 + int64(i)*1000 - int64(i%13)*7000
		}
		if f.Headers {
			r.Headers = headers(tag, i, f)
		}
		spare(&r, i, f)
		records = append(records, r)
	}
	return records
}

// headers are one to three; the first says the source.
func headers(tag string, i int, f Fields) [][2]*string {
	h := [][2]*string{{text("src"), text(tag + strconv.Itoa(i))}}
	if i%5 == 3 && f.TwiceHeader { // next to its twin: some clients keep headers as a map of lists
		h = append(h, [2]*string{text("src"), text("again")})
	}
	if i%3 == 1 {
		h = append(h, [2]*string{text("trace"), text(strconv.FormatInt(int64(i)*7919, 16))})
	}
	if i%3 == 2 {
		h = append(h, [2]*string{text("město"), text("žluťoučký kůň 日本語 🚀")})
	}
	if i%5 == 2 && f.NullHeader {
		h = append(h, [2]*string{text("nothing"), nil})
	}
	return h
}

// spare takes key or value away, where a source's tag stays somewhere.
func spare(r *Record, i int, f Fields) {
	switch {
	case !f.Keys:
		r.Key = nil
	case i%6 == 1 && f.NullKey:
		r.Key = nil
	case i%6 == 2 && f.NullValue:
		r.Value = nil
	case i%6 == 3 && f.BothNull && f.Headers:
		r.Key, r.Value = nil, nil
	case i%6 == 4 && f.Empty && i%12 == 4:
		r.Value = text("")
	case i%6 == 4 && f.Empty:
		r.Key = text("")
	}
}

// filling is a value's body: mostly small, now and then larger than a fetch's first page, compressible and not.
func filling(i int) string {
	switch {
	case i%97 == 96:
		return strings.Repeat("large value "+strconv.Itoa(i)+" ", 1500)
	case i%4 == 0:
		sum := sha256.Sum256([]byte(strconv.Itoa(i)))
		return hex.EncodeToString(sum[:])
	}
	return strings.Repeat("Příliš ", i%40)
}

func text(s string) *string { return &s }

// source finds out who sent a record; empty if nobody of ours did.
func (r Record) source() string {
	candidates := []*string{r.Key, r.Value}
	for _, h := range r.Headers {
		candidates = append(candidates, h[1])
	}
	for _, c := range candidates {
		if c == nil {
			continue
		}
		if name, _, ok := strings.Cut(*c, "|"); ok {
			return name
		}
	}
	if r.Value != nil && counted.MatchString(*r.Value) {
		return verifiable
	}
	return ""
}

// verifiable is the source whose values are a number, a dot and a count, and nothing else is its own.
const verifiable = "java-verifiable"

var counted = regexp.MustCompile(`^\d+\.\d+$`)

// arrived compares what a source sent with what the topic holds of it: nothing lost, doubled or reordered, contents
// equal. Order counts within a partition.
func arrived(sent []Record, stored []Record, f Fields) error {
	if len(sent) != len(stored) {
		return fmt.Errorf("%d records sent, %d stored", len(sent), len(stored))
	}
	if f.Partition {
		return samePartitions(sent, stored, f)
	}
	index := map[string]int{}
	for i, r := range sent {
		index[r.content(f)] = i
	}
	last := map[int32]int{}
	seen := map[int]bool{}
	for _, r := range stored {
		i, ok := index[r.content(f)]
		if !ok {
			return fmt.Errorf("partition %d offset %d was never sent: %s", r.Partition, r.Offset, r.content(f))
		}
		if before, ok := last[r.Partition]; seen[i] || ok && before > i {
			return fmt.Errorf("partition %d offset %d: record %d is doubled or out of order", r.Partition, r.Offset, i)
		}
		seen[i], last[r.Partition] = true, i
	}
	return nil
}

// samePartitions compares record by record, where the source chose the partitions.
func samePartitions(sent, stored []Record, f Fields) error {
	next := map[int32][]Record{}
	for _, r := range sent {
		next[r.Partition] = append(next[r.Partition], r)
	}
	for _, r := range stored {
		queue := next[r.Partition]
		if len(queue) == 0 {
			return fmt.Errorf("partition %d offset %d: more than was sent", r.Partition, r.Offset)
		}
		if got, want := r.content(f), queue[0].content(f); got != want {
			return fmt.Errorf("partition %d offset %d:\n got %.300s\nwant %.300s", r.Partition, r.Offset, got, want)
		}
		next[r.Partition] = queue[1:]
	}
	return nil
}

// lines are records in the adapters' form.
func lines(records []Record) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}
