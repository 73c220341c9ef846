package records

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/edge/network"
)

// producerSettings are those of ProducerConfig that change what this producer does. What connects and authenticates
// is not among them: package network reads that.
var producerSettings = []setting{
	{name: "acks", value: "all", allowed: []string{"all", "-1", "0", "1"}},
	{name: "batch.size", kind: integer, value: "16384"},
	{name: "buffer.memory", kind: long, value: "33554432"},
	{name: "compression.type", value: "none", allowed: []string{"none", "gzip", "snappy", "lz4", "zstd"}},
	{name: "compression.gzip.level", kind: integer, value: "-1", min: -1, max: 9},
	{name: "compression.lz4.level", kind: integer, value: "9", min: 1, max: 17},
	{name: "compression.zstd.level", kind: integer, value: "3", min: -131072, max: 22},
	{name: "delivery.timeout.ms", kind: integer, value: "120000"},
	{name: "enable.idempotence", kind: boolean, value: "true"},
	{name: "linger.ms", kind: long, value: "5"},
	{name: "max.block.ms", kind: long, value: "60000"},
	{name: "max.in.flight.requests.per.connection", kind: integer, value: "5", min: 1},
	{name: "max.request.size", kind: integer, value: "1048576"},
	{name: "partitioner.ignore.keys", kind: boolean, value: "false"},
	{name: "request.timeout.ms", kind: integer, value: "30000"},
	{name: "retries", kind: integer, value: "2147483647"},
	{name: "retry.backoff.ms", kind: long, value: "100"},
	{name: "transaction.timeout.ms", kind: integer, value: "60000", min: math.MinInt32},
	{name: "transactional.id"},
}

// ProducerOptions are what a Producer is made of.
type ProducerOptions struct {
	Props map[string]string // as in a Java producer's properties file
	Log   *slog.Logger      // warnings about the network; nil: none

	// RecordBytes is the size of the largest record that will be sent, if the caller knows it: batches then have
	// exactly the size that batch.size asks for. 0: not known, batches may be as large as max.request.size.
	RecordBytes int

	// Stamped says that records may have old timestamps of their own: delivery.timeout.ms does not count from these.
	Stamped bool
}

// Producer sends records. Its methods may be called by several goroutines, those about transactions by one.
type Producer struct {
	cl       *kgo.Client
	settings settings
	counters *counters
	clientID string
	made     time.Time
	log      *slog.Logger
	stamped  bool

	mu struct {
		sync.Mutex
		known map[string]bool // topics whose metadata has been seen
	}
}

// NewProducer checks the properties and starts a producer; no connection is made before the first record, ctx bounds
// the look-up of names. The error
// is Java's ConfigException or says what the client refuses.
func NewProducer(ctx context.Context, o ProducerOptions) (*Producer, error) {
	s, err := resolve(producerSettings, o.Props)
	if err != nil {
		return nil, err
	}
	opts, err := producerOpts(s, o)
	if err != nil {
		return nil, err
	}
	base, err := network.Options(ctx, network.Producer, o.Props, o.Log)
	if err != nil {
		return nil, err
	}
	p := &Producer{settings: s, counters: &counters{}, clientID: o.Props["client.id"], made: time.Now(), log: o.Log, stamped: o.Stamped}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.cl, err = kgo.NewClient(append(append(base, opts...), kgo.WithHooks(p.counters))...); err != nil {
		return nil, err
	}
	p.mu.known = map[string]bool{}
	return p, nil
}

func producerOpts(s settings, o ProducerOptions) ([]kgo.Opt, error) {
	idempotent, err := idempotence(s)
	if err != nil {
		return nil, err
	}
	const overhead = 1 << 10 // batch and record headers, generously
	batch := s.int32("max.request.size")
	if recordBytes := o.RecordBytes; recordBytes > 0 {
		batch = int32(min(int64(batch), max(s.long("batch.size"), int64(recordBytes)+overhead)))
	}
	opts := []kgo.Opt{
		kgo.RequiredAcks(acksOf(s)),
		kgo.ProducerBatchMaxBytes(max(batch, overhead)),
		kgo.MaxBufferedRecords(math.MaxInt32),
		kgo.MaxBufferedBytes(int(min(max(s.long("buffer.memory"), 1), math.MaxInt32))),
		kgo.ProducerBatchCompression(codecOf(s)),
		kgo.ProducerLinger(s.millis("linger.ms")),
		kgo.ProduceRequestTimeout(max(s.millis("request.timeout.ms"), 100*time.Millisecond)),
		kgo.RecordRetries(int(s.int32("retries"))),
		kgo.UnknownTopicRetries(-1), // awaitTopic gives up, not the client
		kgo.AllowAutoTopicCreation(),
	}
	if !o.Stamped { // the client counts from the record's timestamp
		opts = append(opts, kgo.RecordDeliveryTimeout(max(s.millis("delivery.timeout.ms"), time.Second)))
	}
	if backoff := s.millis("retry.backoff.ms"); backoff > 0 {
		opts = append(opts, kgo.RetryBackoffFn(func(int) time.Duration { return backoff }))
	}
	if s.bool("partitioner.ignore.keys") {
		opts = append(opts, kgo.RecordPartitioner(kgo.UniformBytesPartitioner(int(batch), false, false, nil)))
	}
	if !idempotent {
		opts = append(opts, kgo.DisableIdempotentWrite(),
			kgo.MaxProduceRequestsInflightPerBroker(int(s.int32("max.in.flight.requests.per.connection"))))
	}
	if id := s.text("transactional.id"); id != "" {
		opts = append(opts, kgo.TransactionalID(id), kgo.TransactionTimeout(s.millis("transaction.timeout.ms")))
	}
	return opts, nil
}

// idempotence decides as ProducerConfig: on unless other settings rule it out, which is an error when it was asked
// for by name.
func idempotence(s settings) (bool, error) {
	on, asked := s.bool("enable.idempotence"), s.given["enable.idempotence"]
	if on && s.long("retries") == 0 {
		if asked {
			return false, configException("Must set retries to non-zero when using the idempotent producer.")
		}
		on = false
	}
	if acksOf(s) != kgo.AllISRAcks() && s.bool("enable.idempotence") {
		if asked {
			return false, configException("Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.")
		}
		on = false
	}
	if n := s.long("max.in.flight.requests.per.connection"); n > 5 && s.bool("enable.idempotence") {
		return false, configException("To use the idempotent producer, max.in.flight.requests.per.connection must be set to at most 5. Current value is %d.", n)
	}
	if s.given["transactional.id"] && !on {
		return false, configException("Cannot set a transactional.id without also enabling idempotence.")
	}
	return on, nil
}

func acksOf(s settings) kgo.Acks {
	switch s.text("acks") {
	case "0":
		return kgo.NoAck()
	case "1":
		return kgo.LeaderAck()
	}
	return kgo.AllISRAcks()
}

func codecOf(s settings) kgo.CompressionCodec {
	switch s.text("compression.type") {
	case "gzip":
		return kgo.GzipCompression().WithLevel(int(s.long("compression.gzip.level")))
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression().WithLevel(int(s.long("compression.lz4.level")))
	case "zstd":
		return kgo.ZstdCompression().WithLevel(int(s.long("compression.zstd.level")))
	}
	return kgo.NoCompression()
}

// Send queues r and returns; done is called once, from another goroutine or this one, when the record is
// acknowledged or given up. Send waits for the topic's metadata, up to max.block.ms and until ctx ends, and for room
// in the buffer; a record that is in the buffer is sent whatever becomes of ctx. r's bytes are the producer's until
// done is called.
func (p *Producer) Send(ctx context.Context, r Record, done func(error)) {
	r.Timestamp = 0
	p.SendStamped(ctx, r, func(_ Record, err error) { done(err) })
}

// SendStamped is Send for a record whose Timestamp counts, unless it is 0. Done gets the record with its partition and
// its offset; this is -1 where acks=0 leaves it unknown.
func (p *Producer) SendStamped(ctx context.Context, r Record, done func(Record, error)) {
	if err := p.checkSize(r); err != nil {
		done(r, err)
		return
	}
	if err := p.awaitTopic(ctx, r.Topic); err != nil {
		done(r, err)
		return
	}
	k := &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value}
	if r.Timestamp != 0 {
		k.Timestamp = time.UnixMilli(r.Timestamp)
	}
	for _, h := range r.Headers {
		k.Headers = append(k.Headers, kgo.RecordHeader(h))
	}
	within, cancel := context.WithoutCancel(ctx), context.CancelFunc(func() {})
	if p.stamped {
		within, cancel = context.WithTimeout(within, max(p.settings.millis("delivery.timeout.ms"), time.Second))
	}
	p.cl.Produce(within, k, func(k *kgo.Record, err error) {
		cancel()
		r.Partition, r.Offset = k.Partition, k.Offset
		if acksOf(p.settings) == kgo.NoAck() {
			r.Offset = -1
		}
		done(r, p.sendError(err))
	})
}

// checkSize refuses what the settings do not allow, as KafkaProducer.ensureValidRecordSize.
func (p *Producer) checkSize(r Record) error {
	size := sizeUpperBound(r)
	if limit := p.settings.long("max.request.size"); size > limit || r.Omitted > 0 {
		return javaerr.New("RecordTooLargeException",
			"The message is %d bytes when serialized which is larger than %d, which is the value of the max.request.size configuration.", size, limit)
	}
	if size > p.settings.long("buffer.memory") {
		return javaerr.New("RecordTooLargeException",
			"The message is %d bytes when serialized which is larger than the total memory buffer you have configured with the buffer.memory configuration.", size)
	}
	return nil
}

// sizeUpperBound is what r takes at most in a batch of its own, as AbstractRecords.estimateSizeInBytesUpperBound.
func sizeUpperBound(r Record) int64 {
	const batchOverhead, recordOverhead = 61, 21
	varint := func(n int64) int64 { return int64(len(binary.AppendVarint(nil, n))) }
	field := func(n int64) int64 { return varint(n) + n }
	n := batchOverhead + recordOverhead + field(int64(len(r.Key))) + field(int64(len(r.Value))+r.Omitted) + varint(int64(len(r.Headers)))
	for _, h := range r.Headers {
		n += field(int64(len(h.Key))) + field(int64(len(h.Value)))
	}
	return n
}

// LargestLine is a number of bytes of text, with separators, that no record which the producer accepts is read from.
func (p *Producer) LargestLine() int {
	const separators = 1 << 10
	return int(2*min(p.settings.long("max.request.size"), math.MaxInt32/4) + separators)
}

// SendSync sends r and returns when it is acknowledged.
func (p *Producer) SendSync(ctx context.Context, r Record) error {
	acked := make(chan error, 1)
	p.Send(ctx, r, func(err error) { acked <- err })
	if err := p.flushIfLingering(ctx); err != nil {
		return err
	}
	return <-acked
}

// flushIfLingering sends at once what would otherwise wait for linger.ms: nothing can join the batch.
func (p *Producer) flushIfLingering(ctx context.Context) error {
	if p.settings.long("linger.ms") == 0 {
		return nil
	}
	return p.cl.Flush(ctx)
}

func (p *Producer) sendError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, kgo.ErrRecordTimeout), errors.Is(err, kgo.ErrRecordRetries):
		e := javaerr.New("TimeoutException", "Expiring the record: %d ms has passed since batch creation",
			p.settings.long("delivery.timeout.ms"))
		e.Cause = err
		return e
	}
	return javaerr.From(err)
}

// awaitTopic waits until topic has metadata, which creates it where the broker allows that. As
// KafkaProducer.waitOnMetadata.
func (p *Producer) awaitTopic(ctx context.Context, topic string) error {
	p.mu.Lock()
	known := p.mu.known[topic]
	p.mu.Unlock()
	if known {
		return nil
	}
	limit := p.settings.millis("max.block.ms")
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := p.askTopic(ctx, topic)
		switch {
		case err == nil:
			p.mu.Lock()
			p.mu.known[topic] = true
			p.mu.Unlock()
			return nil
		case errors.Is(err, kerr.InvalidTopicException):
			p.log.Error(fmt.Sprintf("[Producer clientId=%s] Metadata response reported invalid topics [%s]", p.clientID, topic),
				"class", "org.apache.kafka.clients.Metadata")
			return javaerr.New("InvalidTopicException", "Invalid topics: [%s]", topic)
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			return javaerr.New("TopicAuthorizationException", "Not authorized to access topics: [%s]", topic)
		case fatal(err):
			return javaerr.From(err)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return javaerr.New("TimeoutException", "Topic %s not present in metadata after %d ms.", topic, limit.Milliseconds())
		case <-time.After(max(p.settings.millis("retry.backoff.ms"), 10*time.Millisecond)):
		}
	}
}

// fatal says that trying again cannot help.
func fatal(err error) bool {
	var k *kerr.Error
	return errors.As(err, &k) && !k.Retriable && k.Code != kerr.UnknownTopicOrPartition.Code
}

func (p *Producer) askTopic(ctx context.Context, topic string) error {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = true
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, p.cl)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return err
		}
		if len(t.Partitions) > 0 {
			return nil
		}
	}
	return kerr.UnknownTopicOrPartition
}

// Begin starts a transaction.
func (p *Producer) Begin() error { return p.cl.BeginTransaction() }

// Commit sends what is buffered and commits the transaction.
func (p *Producer) Commit(ctx context.Context) error {
	if err := p.cl.Flush(ctx); err != nil {
		return err
	}
	return p.cl.EndTransaction(ctx, kgo.TryCommit)
}

// Flush waits until every record sent so far is acknowledged or given up, or ctx ends.
func (p *Producer) Flush(ctx context.Context) error { return p.cl.Flush(ctx) }

// Close ends the producer; records that are not flushed are given up.
func (p *Producer) Close() { p.cl.Close() }
