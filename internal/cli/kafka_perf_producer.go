package cli

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/headrace/headrace/internal/cli/argparse"
	"github.com/headrace/headrace/internal/cli/perf"
	"github.com/headrace/headrace/internal/edge/records"
)

// producerPerf is kafka-producer-perf-test. As org.apache.kafka.tools.ProducerPerformance.
type producerPerf struct {
	*tool
	settings producerPerfSettings
	producer *records.Producer
	random   *rand.Rand

	mu struct {
		sync.Mutex
		stats  *perf.Stats
		steady *perf.Stats // nil until the warm-up is over
	}
}

func kafkaProducerPerfTest(ctx context.Context, t *tool, args []string) int {
	settings, err := readProducerPerfSettings(ctx, t, args)
	var refused *argparse.Error
	switch {
	case errors.Is(err, argparse.ErrHelp):
		t.printf("%s", producerPerfParser.Help())
		return exitFailed // as the original, which treats the help screen as an error
	case errors.As(err, &refused) && len(args) == 0:
		t.printf("%s", producerPerfParser.Help())
		return exitOK
	case errors.As(err, &refused):
		t.errorf("%s", producerPerfParser.Report(err))
		return exitFailed
	case err != nil:
		return t.uncaught(err)
	}
	p := &producerPerf{tool: t, settings: settings, random: rand.New(rand.NewPCG(0, 0))}
	if err := p.run(ctx); err != nil {
		if ctx.Err() != nil {
			return exitInterrupted
		}
		return t.uncaught(err)
	}
	return exitOK
}

func nowMs() int64 { return time.Now().UnixMilli() }

func (p *producerPerf) run(ctx context.Context) error {
	s := p.settings
	hint := s.recordSize
	for _, payload := range s.payloads {
		hint = max(hint, len(payload))
	}
	if hint == 0 {
		hint = len(strconv.FormatInt(s.records, 10))
	}
	var err error
	p.producer, err = records.NewProducer(ctx, records.ProducerOptions{Props: s.props, Log: p.log, RecordBytes: hint})
	if err != nil {
		return err
	}
	defer p.producer.Close()
	if s.warmup > 0 {
		p.printf("Warmup first %d records. Steady state results will print after the complete test summary.\n", s.warmup)
	}
	start := nowMs()
	p.mu.stats = perf.NewStats(p.out, start, s.records, s.interval, false)
	if err := p.sendAll(ctx, perf.NewThrottle(s.throughput, start)); err != nil {
		return err
	}
	if err := p.producer.Flush(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.mu.stats.PrintTotal(nowMs()); err != nil {
		return err
	}
	if p.mu.steady != nil {
		if err := p.mu.steady.PrintTotal(nowMs()); err != nil {
			return err
		}
	}
	if s.printMetrics {
		p.printMetrics(p.producer.Metrics())
	}
	return nil
}

func (p *producerPerf) sendAll(ctx context.Context, throttle *perf.Throttle) error {
	s := p.settings
	inTransaction, began := false, int64(0)
	for i := int64(0); i < s.records && ctx.Err() == nil; i++ {
		if s.transactionMs > 0 && !inTransaction {
			if err := p.producer.Begin(); err != nil {
				return kafkaException(err)
			}
			inTransaction, began = true, nowMs()
		}
		sent := nowMs()
		if s.warmup > 0 && i == s.warmup {
			p.startSteady(sent)
		}
		p.send(ctx, p.payload(i), sent)
		if inTransaction && s.transactionMs <= sent-began {
			if err := p.producer.Commit(ctx); err != nil {
				return kafkaException(err)
			}
			inTransaction = false
		}
		if pause := throttle.Pause(i, sent); pause > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(pause)):
			}
		}
	}
	if inTransaction && ctx.Err() == nil {
		if err := p.producer.Commit(ctx); err != nil {
			return kafkaException(err)
		}
	}
	return ctx.Err()
}

func (p *producerPerf) startSteady(now int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.steady = perf.NewStats(p.out, now, p.settings.records-p.settings.warmup, p.settings.interval, true)
	p.mu.stats.Quiet()
}

// payload makes the value of record i. It is not used again.
func (p *producerPerf) payload(i int64) []byte {
	s := p.settings
	switch {
	case s.payloads != nil:
		return s.payloads[p.random.IntN(len(s.payloads))]
	case s.recordSize == 0:
		return strconv.AppendInt(nil, i, 10)
	}
	out := make([]byte, s.recordSize)
	for j := 0; j < len(out); {
		bits := p.random.Uint64()
		for n := 0; n < 8 && j < len(out); n++ { // eight letters from one number: 6 ns → 1 ns a letter
			out[j] = byte('A' + (bits&0xff)*26>>8)
			bits >>= 8
			j++
		}
	}
	return out
}

func (p *producerPerf) send(ctx context.Context, payload []byte, sent int64) {
	p.mu.Lock()
	steady := p.mu.steady
	p.mu.Unlock()
	p.producer.Send(ctx, records.Record{Topic: p.settings.topic, Value: payload}, func(err error) {
		now := nowMs()
		p.mu.Lock()
		defer p.mu.Unlock()
		if err != nil {
			if ctx.Err() == nil {
				p.trace(err)
			}
			return
		}
		for _, stats := range []*perf.Stats{p.mu.stats, steady} {
			if stats == nil {
				continue
			}
			if err := stats.Record(now-sent, int64(len(payload)), now); err != nil {
				p.errorf("%v\n", err)
			}
		}
	})
}
