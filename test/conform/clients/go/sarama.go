package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

func saramaProduce(_ context.Context, bootstrap, topic, codec string, records []record) error {
	codecs := map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
	}
	conf := config()
	conf.Producer.RequiredAcks = sarama.WaitForAll
	conf.Producer.Idempotent = true
	conf.Net.MaxOpenRequests = 1
	conf.Producer.Return.Successes = true
	conf.Producer.Compression = codecs[codec]
	conf.Producer.Partitioner = sarama.NewManualPartitioner
	conf.Producer.Flush.Frequency = 20 * time.Millisecond
	p, err := sarama.NewSyncProducer([]string{bootstrap}, conf)
	if err != nil {
		return err
	}
	messages := make([]*sarama.ProducerMessage, len(records))
	for i, r := range records {
		m := &sarama.ProducerMessage{Topic: topic, Partition: r.Partition, Timestamp: time.UnixMilli(r.Timestamp)}
		if r.Key != nil {
			m.Key = sarama.ByteEncoder(raw(r.Key))
		}
		if r.Value != nil {
			m.Value = sarama.ByteEncoder(raw(r.Value))
		}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, sarama.RecordHeader{Key: raw(h[0]), Value: raw(h[1])})
		}
		messages[i] = m
	}
	return errors.Join(p.SendMessages(messages), p.Close())
}

func saramaConsume(ctx context.Context, bootstrap, topic, group string, out *printer) error {
	conf := config()
	conf.Consumer.Offsets.Initial = sarama.OffsetOldest
	conf.Consumer.Offsets.AutoCommit.Enable = false
	conf.Consumer.Group.Session.Timeout = sessionTimeout
	conf.Consumer.Group.Heartbeat.Interval = heartbeat
	g, err := sarama.NewConsumerGroup([]string{bootstrap}, group, conf)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := g.Consume(ctx, []string{topic}, &handler{out: out}); err != nil {
			return errors.Join(err, g.Close())
		}
	}
	return g.Close()
}

func config() *sarama.Config {
	conf := sarama.NewConfig()
	conf.Version = sarama.MaxVersion
	return conf
}

// handler prints what one generation of the group gives it. Its partitions are read at once, and a commit takes what all of
// them have marked: mu keeps a record from being marked between a flush and the commit that follows it.
type handler struct {
	mu  sync.Mutex
	out *printer
}

func (h *handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (h *handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (h *handler) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			if err := h.take(s, m, len(claim.Messages()) == 0); err != nil {
				return err
			}
		case <-s.Context().Done():
			return nil
		}
	}
}

// take prints and marks a message; with last set it flushes and commits.
func (h *handler) take(s sarama.ConsumerGroupSession, m *sarama.ConsumerMessage, last bool) error {
	r := record{Partition: m.Partition, Offset: m.Offset, Timestamp: m.Timestamp.UnixMilli(), Key: text(m.Key), Value: text(m.Value)}
	for _, x := range m.Headers {
		r.Headers = append(r.Headers, [2]*string{text(x.Key), text(x.Value)})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.out.print(r); err != nil {
		return err
	}
	s.MarkMessage(m, "")
	if !last {
		return nil
	}
	if err := h.out.flush(); err != nil {
		return err
	}
	s.Commit()
	return nil
}
