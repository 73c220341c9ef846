package headracetest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/headracetest"
)

// BenchmarkStart is how long a test waits for its broker: 100 ms in memory and
// 300 ms on a disk are the limits.
func BenchmarkStart(b *testing.B) {
	for name, opts := range map[string]func() []headracetest.Option{
		"memory": func() []headracetest.Option { return nil },
		"disk":   func() []headracetest.Option { return []headracetest.Option{headracetest.OnDisk(b.TempDir())} },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				headracetest.New(b, opts()...)
			}
		})
	}
}

func TestStartsOnADisk(t *testing.T) {
	b := headracetest.New(t, headracetest.OnDisk(t.TempDir()))
	p := newProducer(t, b.Addr())
	defer p.cl.Close()
	p.send(10)
	if err := p.cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Restart()
	p.check(b.Addr())
	if len(p.acked) != 10 {
		t.Errorf("%d of 10 records were acknowledged", len(p.acked))
	}
}

// producer produces numbered records and remembers which were acknowledged.
type producer struct {
	t  *testing.T
	cl *kgo.Client
	mu sync.Mutex
	// acked has the offset of each acknowledged record.
	acked map[string]int64
	next  int
}

func newProducer(t *testing.T, addr string) *producer {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("crash"),
		kgo.RecordDeliveryTimeout(time.Minute), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	return &producer{t: t, cl: cl, acked: map[string]int64{}}
}

func (p *producer) send(n int) {
	for range n {
		value := fmt.Sprintf("record %d", p.next)
		p.next++
		p.cl.Produce(context.Background(), kgo.StringRecord(value), func(r *kgo.Record, err error) {
			if err != nil {
				return // not acknowledged: it may be there or not
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.acked[value] = r.Offset
		})
	}
}

// check reads everything and compares with what was acknowledged: nothing lost,
// doubled or elsewhere.
func (p *producer) check(addr string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics("crash"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		p.t.Fatal(err)
	}
	defer cl.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	last := int64(-1)
	for _, o := range p.acked {
		last = max(last, o)
	}
	found := map[string]int64{}
	for at := int64(-1); at < last; {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			p.t.Fatalf("read at offset %d of %d: %v", at, last, err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			if before, twice := found[string(r.Value)]; twice {
				p.t.Errorf("%q is at offset %d and at %d", r.Value, before, r.Offset)
			}
			found[string(r.Value)], at = r.Offset, r.Offset
		})
	}
	for value, offset := range p.acked {
		if got, ok := found[value]; !ok || got != offset {
			p.t.Errorf("%q was acknowledged at offset %d, found %v at %d", value, offset, ok, got)
		}
	}
}

func TestNothingAcknowledgedIsLost(t *testing.T) {
	crashes := map[string]func(b *headracetest.Broker, seed uint64){
		"restart":   func(b *headracetest.Broker, _ uint64) { b.Restart() },
		"kill":      func(b *headracetest.Broker, _ uint64) { b.Kill() },
		"power cut": func(b *headracetest.Broker, seed uint64) { b.PowerCut(seed) },
	}
	for name, crash := range crashes {
		t.Run(name, func(t *testing.T) {
			b := headracetest.New(t, headracetest.WithProperty("log.segment.bytes", "1048576"))
			p := newProducer(t, b.Addr())
			defer p.cl.Close()
			for round := range 5 {
				p.send(500)
				if round%2 == 0 { // else in the middle of it
					if err := p.cl.Flush(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				crash(b, uint64(round))
			}
			if err := p.cl.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			p.check(b.Addr())
			t.Logf("%d of %d records were acknowledged", len(p.acked), p.next)
			if len(p.acked) < 1500 {
				t.Errorf("only %d of %d records were acknowledged", len(p.acked), p.next)
			}
		})
	}
}
