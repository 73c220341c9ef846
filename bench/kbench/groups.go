package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitEvery is how long a transaction lasts: commit.interval.ms of Kafka Streams with exactly-once.
const commitEvery = 100 * time.Millisecond

// transactions has conns producers commit n transactions together, each of ten records, one every 100 ms.
func transactions(ctx context.Context) {
	create(ctx, *topic)
	each := int(*n) / *conns
	var wg sync.WaitGroup
	cls := make([]*kgo.Client, *conns)
	one := func(cl *kgo.Client) {
		must(cl.BeginTransaction())
		for range 10 {
			cl.Produce(ctx, &kgo.Record{Value: make([]byte, *size)}, func(_ *kgo.Record, err error) { must(err) })
		}
		must(cl.Flush(ctx))
		must(cl.EndTransaction(ctx, kgo.TryCommit))
	}
	for i := range cls {
		cl, err := kgo.NewClient(kgo.SeedBrokers(*seed), kgo.DefaultProduceTopic(*topic), kgo.ProducerLinger(0), kgo.TransactionalID(fmt.Sprint(*topic, "-", i)))
		must(err)
		cls[i] = cl
		wg.Go(func() { one(cl) })
	}
	wg.Wait()
	lats := make([][]float64, *conns)
	c0, t0 := cpu(), time.Now()
	for i, cl := range cls {
		wg.Go(func() {
			for j := range each {
				// Not all at once, and not at a rate that an answer that is late lowers.
				at := t0.Add(time.Duration(j)*commitEvery + time.Duration(i)*commitEvery/time.Duration(*conns))
				if w := time.Until(at); w > 0 {
					time.Sleep(w)
				}
				s := time.Now()
				one(cl)
				lats[i] = append(lats[i], float64(time.Since(s).Microseconds())/1000)
			}
		})
	}
	wg.Wait()
	d, c := time.Since(t0).Seconds(), cpu()-c0
	var lat []float64
	for i, cl := range cls {
		cl.Close()
		lat = append(lat, lats[i]...)
	}
	total := float64(each * *conns)
	figures(map[string]any{"n": each * *conns, "s": round(d), "commits_s": round(total / d), "cpu_s": round(c), "cpu_s_per_kcommit": round(c / total * 1000)}, lat)
}

// poller is a consumer's fetch connection: one partition, incremental fetches that wait for 500 ms.
type poller struct {
	nc      net.Conn
	session int32
	epoch   int32
}

func (p *poller) fetch(partition int32) error {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(12)
	req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = -1, 500, 1, 50<<20
	req.SessionID, req.SessionEpoch = p.session, p.epoch
	if p.epoch == 0 {
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = partition, 0, 1<<20
		rt := kmsg.NewFetchRequestTopic()
		rt.Topic, rt.Partitions = *topic, []kmsg.FetchRequestTopicPartition{rp}
		req.Topics = append(req.Topics, rt)
	}
	body := []byte{0, 0, 0, 0, 0, 1, 0, 12, 0, 0, 0, 7, 0, 1, 'x', 0} // length, key, version, correlation id, client id, no tags
	body = req.AppendTo(body)
	binary.BigEndian.PutUint32(body, uint32(len(body)-4))
	if _, err := p.nc.Write(body); err != nil {
		return err
	}
	var head [4]byte
	if _, err := io.ReadFull(p.nc, head[:]); err != nil {
		return err
	}
	answer := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(p.nc, answer); err != nil {
		return err
	}
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(12)
	if err := resp.ReadFrom(answer[5:]); err != nil {
		return err
	}
	switch err := kerr.ErrorForCode(resp.ErrorCode); {
	case errors.Is(err, kerr.FetchSessionIDNotFound), err == nil && resp.SessionID == 0:
		p.session, p.epoch = 0, 0 // evicted, or there was no slot: whole requests, as clients do
	case err != nil:
		return err
	default:
		p.session, p.epoch = resp.SessionID, p.epoch+1
	}
	return nil
}

// polling has conns consumers wait for records that do not come, for n seconds.
func polling(ctx context.Context) {
	create(ctx, *topic)
	r0 := status("VmRSS")
	var fetches atomic.Int64
	for i := range *conns {
		nc, err := net.Dial("tcp", *seed)
		must(err)
		p := &poller{nc: nc}
		go func() {
			time.Sleep(time.Duration(i) * 500 * time.Millisecond / time.Duration(*conns))
			for {
				must(p.fetch(int32(i % *parts)))
				fetches.Add(1)
			}
		}()
	}
	time.Sleep(3 * time.Second)
	f0, c0, t0 := fetches.Load(), cpu(), time.Now()
	time.Sleep(time.Duration(*n) * time.Second)
	c, f, d := cpu()-c0, fetches.Load()-f0, time.Since(t0).Seconds()
	out(map[string]any{"conns": *conns, "s": round(d), "fetches_s": round(float64(f) / d), "cpu_s": round(c), "cpu_pct": round(c / d * 100), "rss_growth_mb": round(status("VmRSS") - r0)})
}

// member is a member of a consumer group that heartbeats again as soon as it is answered.
type member struct {
	id    string
	epoch int32
	owned []kmsg.ConsumerGroupHeartbeatRequestTopic
	n     int // partitions that it owns
}

// beat sends one heartbeat and follows the answer.
func (m *member) beat(ctx context.Context, cl *kgo.Client) error {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Group, req.MemberID, req.MemberEpoch = *topic, m.id, m.epoch
	if m.epoch == 0 {
		req.RebalanceTimeoutMillis = 300_000
		req.SubscribedTopicNames = []string{*topic}
	}
	req.Topics = m.owned
	if req.Topics == nil {
		req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return fmt.Errorf("heartbeat in epoch %d: %w", m.epoch, err)
	}
	m.epoch = resp.MemberEpoch
	if resp.Assignment != nil {
		m.owned, m.n = nil, 0
		for _, t := range resp.Assignment.Topics {
			rt := kmsg.NewConsumerGroupHeartbeatRequestTopic()
			rt.TopicID, rt.Partitions = t.TopicID, t.Partitions
			m.owned = append(m.owned, rt)
			m.n += len(t.Partitions)
		}
	}
	return nil
}

// members has conns members join a consumer group (KIP-848) of a topic at once, until everybody has the same epoch and all
// partitions have an owner.
func members(ctx context.Context) {
	create(ctx, *topic)
	cls := make([]*kgo.Client, 20)
	for i := range cls {
		cl, err := kgo.NewClient(kgo.SeedBrokers(*seed))
		must(err)
		cls[i] = cl
	}
	ms := make([]*member, *conns)
	var mu sync.Mutex // of ms
	stop := make(chan struct{})
	c0, t0 := cpu(), time.Now()
	var beats atomic.Int64
	for i := range ms {
		var id [16]byte
		_, _ = rand.Read(id[:])
		ms[i] = &member{id: base64.RawURLEncoding.EncodeToString(id[:])}
		go func() {
			m := *ms[i]
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := m.beat(ctx, cls[i%len(cls)])
				if errors.Is(err, kerr.CoordinatorNotAvailable) || errors.Is(err, kerr.NotCoordinator) || errors.Is(err, kerr.CoordinatorLoadInProgress) {
					time.Sleep(10 * time.Millisecond)
					continue
				}
				must(err)
				beats.Add(1)
				mu.Lock()
				*ms[i] = m
				mu.Unlock()
				time.Sleep(20 * time.Millisecond)
			}
		}()
	}
	settled := func() bool {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, m := range ms {
			if m.epoch == 0 || m.epoch != ms[0].epoch {
				return false
			}
			n += m.n
		}
		return n == *parts
	}
	for !settled() {
		time.Sleep(5 * time.Millisecond)
		if time.Since(t0) > 5*time.Minute {
			must(errors.New("the group does not settle"))
		}
	}
	d, c := time.Since(t0).Seconds(), cpu()-c0
	close(stop)
	out(map[string]any{"members": *conns, "partitions": *parts, "s": round(d), "cpu_s": round(c), "heartbeats": beats.Load()})
}

// commits has a group without members commit n offsets, for every partition of a topic in turn.
func commits(ctx context.Context) {
	create(ctx, *topic)
	cl, err := kgo.NewClient(kgo.SeedBrokers(*seed))
	must(err)
	defer cl.Close()
	adm := kadm.NewClient(cl)
	c0, t0 := cpu(), time.Now()
	for done := int64(0); done < *n; done += int64(*parts) {
		os := kadm.Offsets{}
		for p := range *parts {
			os.Add(kadm.Offset{Topic: *topic, Partition: int32(p), At: done, LeaderEpoch: -1})
		}
		rs, err := adm.CommitOffsets(ctx, *topic, os)
		must(err)
		must(rs.Error())
	}
	d := time.Since(t0).Seconds()
	out(map[string]any{"n": *n, "s": round(d), "commits_s": round(float64(*n) / d), "cpu_s": round(cpu() - c0)})
}

// offsets waits until the group's offsets are served, and demands the last of each partition.
func offsets(ctx context.Context) {
	t0 := time.Now()
	cl, err := kgo.NewClient(kgo.SeedBrokers(*seed))
	must(err)
	defer cl.Close()
	adm := kadm.NewClient(cl)
	last := (*n - 1) / int64(*parts) * int64(*parts)
	for {
		rs, err := adm.FetchOffsets(ctx, *topic)
		if err == nil {
			err = rs.Error()
		}
		if err == nil && len(rs.Offsets()[*topic]) == *parts {
			for p, o := range rs.Offsets()[*topic] {
				if o.At != last {
					must(fmt.Errorf("partition %d has offset %d, not %d", p, o.At, last))
				}
			}
			break
		}
		if time.Since(t0) > 3*time.Minute {
			must(fmt.Errorf("the offsets do not come: %v", err))
		}
		time.Sleep(time.Millisecond)
	}
	out(map[string]any{"n": *n, "s": round(time.Since(t0).Seconds()), "cpu_s_life": round(cpu())})
}
