//go:build conform

package clients

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	topic      = "events"
	partitions = 6
	members    = 3
	limit      = 3 * time.Minute // for any one step, on a machine that does much else
)

// TestClients lets every client write, all at once, and then read the whole in a group, several groups at once.
//
// Environment: BROKER (a command with {config}; default: bin/headrace), CLIENT_RECORDS (per client; default 1,000), CLIENTS
// (names of clients, comma separated; default all), ANCHORS_HOME (where the clients are kept). How many run at once is go test's -parallel.
func TestClients(t *testing.T) {
	e := newEnvironment(t)
	t.Run("produce", func(t *testing.T) {
		for _, c := range e.clients {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				e.produce(t, c)
			})
		}
	})
	e.common = e.ends(t)
	if t.Failed() {
		return
	}
	t.Run("consume", func(t *testing.T) {
		for _, c := range e.clients {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				e.consume(t, c)
			})
		}
	})
	e.compare(t)
}

// environment is a broker with clients around it.
type environment struct {
	kit     kit
	target  target
	kgo     *kgo.Client
	adm     *kadm.Client
	clients []client
	records int
	common  map[int32]int64
	writing sync.RWMutex // read-locked by who writes

	mu   sync.Mutex
	read map[string]map[at]Record // client → everything that its group read
}

func newEnvironment(t *testing.T) *environment {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	k, err := install(t.Context(), root, cmp.Or(os.Getenv("ANCHORS_HOME"), filepath.Join(home, ".cache", "anchors")))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	b, err := startBroker(ctx, root, dir, cmp.Or(os.Getenv("BROKER"), "bin/headrace server {config}"))
	if err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cl.Close()
		if err := b.stop(time.Minute); err != nil {
			t.Error(err)
		} else if t.Failed() {
			t.Logf("the broker's log ends with\n%s", b.tail())
		}
	})
	e := &environment{
		kit: k, target: target{bootstrap: b.addr, topic: topic, dir: dir}, kgo: cl, adm: kadm.NewClient(cl),
		records: number(t, "CLIENT_RECORDS", 1000), read: map[string]map[at]Record{},
	}
	names := strings.Split(os.Getenv("CLIENTS"), ",")
	for _, c := range clients() {
		if names[0] == "" || slices.Contains(names, c.name) {
			e.clients = append(e.clients, c)
		}
	}
	forever := "-1" // the records' timestamps are old
	if _, err := e.adm.CreateTopic(t.Context(), partitions, 1, map[string]*string{"retention.ms": &forever}, topic); err != nil {
		t.Fatal(err)
	}
	return e
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(variable), strconv.Itoa(otherwise)))
	if err != nil || n < 1 {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// produce lets a client write with every codec and checks what arrived.
func (e *environment) produce(t *testing.T, c client) {
	ctx, cancel := context.WithTimeout(t.Context(), limit+time.Duration(e.records)*time.Millisecond)
	defer cancel()
	var sent []Record
	for i, codec := range codecs {
		n := e.records*(i+1)/len(codecs) - e.records*i/len(codecs)
		var records []Record
		if c.sends != nil {
			records = c.sends(codec, n)
		} else {
			records = plan(c.name, codec, n, partitions, c.writes)
		}
		if c.name == "kcat" { // one list of headers for all records of a run
			for i := range records {
				records[i].Headers = records[0].Headers[:1]
			}
		}
		jobs, err := c.jobs(e.kit, e.target, codec, records)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			if err := run(ctx, e.kit, j); err != nil {
				t.Fatal(err)
			}
		}
		sent = append(sent, records...)
	}
	var stored []Record
	for _, r := range sorted(e.stored(t, e.ends(t))) {
		if r.source() == c.name {
			stored = append(stored, r)
		}
	}
	if err := arrived(sent, stored, c.writes); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d records with %s arrived whole", len(sent), strings.Join(codecs, ", "))
}

// ends are the partitions' end offsets now.
func (e *environment) ends(t *testing.T) map[int32]int64 {
	t.Helper()
	listed, err := e.adm.ListEndOffsets(t.Context(), topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	out := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { out[o.Partition] = o.Offset })
	return out
}

// stored reads the topic up to given ends, outside any group.
func (e *environment) stored(t *testing.T, ends map[int32]int64) map[at]Record {
	t.Helper()
	from := map[int32]kgo.Offset{}
	for p := range ends {
		from[p] = kgo.NewOffset().At(0)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(e.target.bootstrap), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	out := map[at]Record{}
	for left := total(ends); left > 0; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d records of %d could not be read: %v", left, total(ends), err)
		}
		for _, r := range fetches.Records() {
			if r.Offset < ends[r.Partition] {
				left--
				out[at{r.Partition, r.Offset}] = fromKgo(r)
			}
		}
	}
	return out
}

func fromKgo(r *kgo.Record) Record {
	null := func(b []byte) *string {
		if b == nil {
			return nil
		}
		return text(string(b))
	}
	out := Record{Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), Key: null(r.Key), Value: null(r.Value)}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, [2]*string{text(h.Key), null(h.Value)})
	}
	return out
}

func total(ends map[int32]int64) (n int64) {
	for _, end := range ends {
		n += end
	}
	return n
}

// consume lets three members of a group read everything: one is killed in the middle, the others take over; they leave;
// one comes back and goes on where the group had stopped.
func (e *environment) consume(t *testing.T, c client) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit+time.Duration(e.records)*10*time.Millisecond)
	defer cancel()
	group := "group-" + c.name
	begin := time.Now()
	var group3 []*member
	for i := range members {
		group3 = append(group3, e.member(t, c, part{group: group, doomed: i == members-1}))
	}
	if err := e.stable(ctx, group, members); err != nil {
		t.Fatalf("%v\n%s", err, complaints(group3))
	}
	joined := time.Since(begin)

	e.wave(t, c.name+"-wave")
	victim := group3[members-1]
	if err := until(ctx, group3[members-1:], func() bool { r, _, _ := victim.seen(); return len(r) > 0 }); err != nil {
		t.Fatalf("the third member reads nothing: %v\n%s", err, complaints(group3))
	}
	victim.kill()
	e.wave(t, c.name+"-orphans")
	ends := e.complete(ctx, t, group3)
	taken := time.Since(begin)

	// What was printed before a rebalance and could not be committed any more is printed again: who is stopped meanwhile has not
	// committed it, and need not have. So the group commits all first; of what comes then, leaving must leave nothing uncommitted.
	if err := e.settle(ctx, t, group, ends); err != nil {
		t.Fatalf("%v\n%s", err, complaints(group3))
	}
	e.wave(t, c.name+"-leaving")
	ends = e.leave(ctx, t, c, group3)
	committed := e.committed(t, group)
	for p, end := range ends {
		if committed[p] < end {
			t.Errorf("partition %d: committed %d, read and left in order up to %d", p, committed[p], end)
		}
	}

	e.wave(t, c.name+"-later")
	ends = e.ends(t)
	resumed := e.member(t, c, part{group: group})
	if err := until(ctx, []*member{resumed}, func() bool { return missing(ends, seenBy(append(group3, resumed))) == "" }); err != nil {
		t.Fatalf("after the return: %s: %v\n%s", missing(ends, seenBy(append(group3, resumed))), err, resumed.complaints())
	}
	if err := resumed.stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	for p, first := range resumed.starts() {
		if first != committed[p] {
			t.Errorf("partition %d: went on at %d, the group had committed %d", p, first, committed[p])
		}
	}
	e.keep(t, c, append(group3, resumed))
	t.Logf("joined after %s, took over after %s, all after %s", joined.Round(time.Millisecond), taken.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
}

// complete waits until the members, of which the last has been killed, have printed all that there is now, and gives
// its ends.
func (e *environment) complete(ctx context.Context, t *testing.T, group3 []*member) map[int32]int64 {
	t.Helper()
	ends := e.ends(t)
	if err := until(ctx, group3[:members-1], func() bool { return missing(ends, seenBy(group3)) == "" }); err != nil {
		t.Fatalf("after the kill: %s: %v\n%s", missing(ends, seenBy(group3)), err, complaints(group3))
	}
	return ends
}

// settle waits until a group has committed up to the ends.
func (e *environment) settle(ctx context.Context, t *testing.T, group string, ends map[int32]int64) error {
	t.Helper()
	for {
		committed, behind := e.committed(t, group), ""
		for p, end := range ends {
			if at := committed[p]; at < end {
				behind = fmt.Sprintf("partition %d: committed %d, printed up to %d", p, at, end)
			}
		}
		if behind == "" {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", behind, ctx.Err())
		}
	}
}

// leave stops the survivors and gives the ends of what the group has printed whole. A client that drops what it holds is
// stopped when it holds nothing: the other groups' writers wait meanwhile.
func (e *environment) leave(ctx context.Context, t *testing.T, c client, group3 []*member) map[int32]int64 {
	t.Helper()
	if c.drops {
		e.writing.Lock()
		defer e.writing.Unlock()
	}
	ends := e.complete(ctx, t, group3)
	for _, m := range group3[:members-1] {
		if err := m.stop(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	return ends
}

// member starts a member that is gone when the test ends.
func (e *environment) member(t *testing.T, c client, p part) *member {
	t.Helper()
	m, err := start(e.kit, c, e.target, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.kill)
	return m
}

// wave writes a few more records into every partition, from here.
func (e *environment) wave(t *testing.T, source string) {
	t.Helper()
	e.writing.RLock()
	defer e.writing.RUnlock()
	var out []*kgo.Record
	for _, r := range plan(source, "wave", 10*partitions, partitions, all()) {
		k := &kgo.Record{Topic: topic, Partition: r.Partition, Timestamp: time.UnixMilli(r.Timestamp)}
		if r.Key != nil {
			k.Key = append([]byte{}, *r.Key...)
		}
		if r.Value != nil {
			k.Value = append([]byte{}, *r.Value...)
		}
		for _, h := range r.Headers {
			x := kgo.RecordHeader{Key: *h[0]}
			if h[1] != nil {
				x.Value = []byte(*h[1])
			}
			k.Headers = append(k.Headers, x)
		}
		out = append(out, k)
	}
	if err := e.kgo.ProduceSync(t.Context(), out...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// stable waits until a group has settled with n members that all have partitions.
func (e *environment) stable(ctx context.Context, group string, n int) error {
	for {
		described, err := e.adm.DescribeGroups(ctx, group)
		state := "no answer"
		if err == nil {
			g := described[group]
			state, err = fmt.Sprintf("%s with %d members", g.State, len(g.Members)), g.Err
			if g.State == "Stable" && len(g.Members) == n && g.AssignedPartitions()[topic] != nil && len(g.AssignedPartitions()[topic]) == partitions {
				return nil
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("group %s does not settle: %s: %w", group, state, errors.Join(err, ctx.Err()))
		}
	}
}

// committed are a group's offsets by partition.
func (e *environment) committed(t *testing.T, group string) map[int32]int64 {
	t.Helper()
	fetched, err := e.adm.FetchOffsets(t.Context(), group)
	if err == nil {
		err = fetched.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	out := map[int32]int64{}
	fetched.Each(func(o kadm.OffsetResponse) { out[o.Partition] = o.At })
	return out
}

// until waits for a condition on what members print; that they live is part of it.
func until(ctx context.Context, ms []*member, ok func() bool) error {
	for !ok() {
		changed, ended := ms[0].changed(), ms[0].done
		select {
		case <-changed:
		case <-time.After(100 * time.Millisecond): // the others' output
		case <-ended:
			if !ok() {
				return fmt.Errorf("a member has ended")
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// seenBy is what members printed together.
func seenBy(ms []*member) map[at]Record {
	out := map[at]Record{}
	for _, m := range ms {
		records, _, _ := m.seen()
		maps.Copy(out, records)
	}
	return out
}

// missing says what of [0, ends) has not been seen; empty when nothing is.
func missing(ends map[int32]int64, seen map[at]Record) string {
	n, first := 0, ""
	for p, end := range ends {
		for o := range end {
			if _, ok := seen[at{p, o}]; !ok {
				if n++; first == "" {
					first = fmt.Sprintf("partition %d offset %d", p, o)
				}
			}
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d records are missing, such as %s", n, first)
}

func complaints(ms []*member) string {
	var b strings.Builder
	for i, m := range ms {
		fmt.Fprintf(&b, "member %d:\n%s", i, m.complaints())
	}
	return b.String()
}

// keep remembers what a client's group read, for the comparison.
func (e *environment) keep(t *testing.T, c client, ms []*member) {
	t.Helper()
	twice := 0
	for _, m := range ms {
		_, n, err := m.seen()
		if err != nil {
			t.Error(err)
		}
		twice += n
	}
	read := seenBy(ms)
	t.Logf("%d records read; %d printed twice by one member", len(read), twice)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.read[c.name] = read
}

// compare holds what each client read against the topic's own content, field by field, and digest against digest.
func (e *environment) compare(t *testing.T) {
	ends := e.ends(t)
	stored := e.stored(t, ends)
	common := func(records map[at]Record) map[at]Record {
		out := map[at]Record{}
		for p, r := range records {
			if p.offset < e.common[p.partition] {
				out[p] = r
			}
		}
		return out
	}
	for _, c := range e.clients {
		read, ok := e.read[c.name]
		if !ok {
			continue // it has failed
		}
		wrong := 0
		for p, r := range read {
			if got, want := r.content(c.shows), stored[p].content(c.shows); got != want {
				if wrong++; wrong <= 3 {
					t.Errorf("%s, partition %d offset %d:\n got %.300s\nwant %.300s", c.name, p.partition, p.offset, got, want)
				}
			}
		}
		got, want := digest(common(read), c.shows), digest(common(stored), c.shows)
		if wrong > 0 || got != want {
			t.Errorf("%s: %d records differ; digest %s, want %s", c.name, wrong, got, want)
		}
		t.Logf("%-16s read %6d records, digest %s", c.name, len(read), got)
	}
}
