package log

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/record"
)

// rememberedBatches is how many batches of a producer can be told as
// duplicates: the five that a client may have in flight (ProducerStateEntry).
const rememberedBatches = 5

// producer is what a log knows of one producer id.
type producer struct {
	epoch            int16 // -1: none yet
	n                uint8 // batches in use, oldest first
	coordinatorEpoch int32 // -1: no marker yet
	lastTimestamp    int64
	txnFirst         int64 // first offset of the open transaction, -1: none
	batches          [rememberedBatches]producerBatch
}

type producerBatch struct {
	lastOffset int64
	timestamp  int64
	lastSeq    int32
	delta      int32 // last offset less first offset
}

// firstSeq: sequences wrap to 0 behind the largest int32.
func (b *producerBatch) firstSeq() int32 {
	if b.lastSeq < 0 {
		return b.lastSeq
	}
	return int32((int64(b.lastSeq) - int64(b.delta)) & math.MaxInt32)
}

func newProducer() *producer {
	return &producer{epoch: -1, coordinatorEpoch: -1, lastTimestamp: noTimestamp, txnFirst: -1}
}

func (p *producer) lastSeq() int32 {
	if p.n == 0 {
		return -1
	}
	return p.batches[p.n-1].lastSeq
}

func (p *producer) setEpoch(epoch int16) {
	if p.epoch != epoch {
		p.epoch, p.n = epoch, 0
	}
}

func (p *producer) remember(b producerBatch) {
	if p.n == rememberedBatches {
		copy(p.batches[:], p.batches[1:])
		p.n--
	}
	p.batches[p.n] = b
	p.n++
}

// openTxn is a transaction without a marker yet.
type openTxn struct{ producerID, first int64 }

// doneTxn has its marker, at last, perhaps above the high watermark.
type doneTxn struct{ first, last int64 }

// AbortedTxn is one aborted transaction: the records of ProducerID in
// [FirstOffset, LastOffset], LastOffset being the marker's. LastStableOffset is
// what it was once the transaction had ended. (Kafka's transaction index.)
type AbortedTxn struct {
	ProducerID, FirstOffset, LastOffset, LastStableOffset int64
}

// producers is the producer state of a log (KIP-98, ProducerStateManager).
// It is guarded by Log.mem.
type producers struct {
	byID    map[int64]*producer
	open    []openTxn    // by first offset
	done    []doneTxn    // markers that the high watermark has not passed
	aborted []AbortedTxn // by last offset
}

func newProducers() *producers { return &producers{byID: map[int64]*producer{}} }

// batchInfo is a batch as the producer state sees it.
type batchInfo struct {
	id            int64
	epoch         int16
	transactional bool
	control       bool
	baseSeq       int32
	base, last    int64
	maxTimestamp  int64
	marker        marker // of a control batch
}

// marker is the record of a control batch that ends a transaction.
type marker struct {
	ok               bool // it is a COMMIT or ABORT
	abort            bool
	coordinatorEpoch int32
}

// infoOf reads a header; records are the bytes after it, used only of control
// batches, which are never compressed.
func infoOf(h record.Batch, records []byte) batchInfo {
	a := h.Attributes()
	i := batchInfo{
		id: h.ProducerID(), epoch: h.ProducerEpoch(), transactional: a.Transactional(), control: a.Control(),
		baseSeq: h.BaseSequence(), base: h.BaseOffset(), last: h.LastOffset(), maxTimestamp: h.MaxTimestamp(),
	}
	if i.control {
		i.marker = parseMarker(records)
	}
	return i
}

func (i *batchInfo) lastSeq() int32 {
	if i.baseSeq < 0 {
		return -1 // a coordinator's, without sequence
	}
	return int32((int64(i.baseSeq) + i.last - i.base) & math.MaxInt32)
}

// parseMarker reads the first record of a control batch: a key of version and
// type (0 ABORT, 1 COMMIT), a value of version and coordinator epoch.
func parseMarker(b []byte) (m marker) {
	skip := func() int64 {
		v, n := binary.Varint(b)
		if n <= 0 {
			b = nil
			return -1
		}
		b = b[n:]
		return v
	}
	skip() // record length
	if len(b) < 1 {
		return m
	}
	b = b[1:] // attributes
	skip()    // timestamp delta
	skip()    // offset delta
	n := skip()
	if n < 4 || int64(len(b)) < n {
		return m
	}
	kind := binary.BigEndian.Uint16(b[2:])
	b = b[n:]
	if n = skip(); n < 6 || int64(len(b)) < n {
		return m
	}
	m.ok, m.abort = kind <= 1, kind == 0
	m.coordinatorEpoch = int32(binary.BigEndian.Uint32(b[2:]))
	return m
}

// check applies Kafka's rules to a batch from a client or a coordinator, given
// the producer's state p (nil: unknown). dup is the batch that this one
// repeats. As ProducerAppendInfo; KIP-98, KIP-360, KIP-890, KIP-1228.
func (p *producer) check(i *batchInfo, o *AppendOptions) (dup *producerBatch, err error) {
	if p == nil {
		return nil, nil // an unknown id may begin anywhere (KIP-360)
	}
	if i.control {
		return nil, p.checkMarker(i, o)
	}
	if o.Origin == FromClient && i.epoch == p.epoch {
		for k := range p.batches[:p.n] {
			if b := &p.batches[k]; b.lastSeq == i.lastSeq() && b.firstSeq() == i.baseSeq {
				return b, nil
			}
		}
	}
	if i.epoch < p.epoch {
		return nil, fmt.Errorf("producer %d has epoch %d, and the log has seen %d: %w",
			i.id, i.epoch, p.epoch, kerr.InvalidProducerEpoch)
	}
	if o.Origin == FromClient {
		if err := p.checkSequence(i); err != nil {
			return nil, err
		}
	}
	if p.txnFirst >= 0 && !i.transactional {
		return nil, fmt.Errorf("producer %d has a transaction open since offset %d: %w",
			i.id, p.txnFirst, kerr.InvalidTxnState)
	}
	return nil, nil
}

func (p *producer) checkSequence(i *batchInfo) error {
	switch {
	case p.epoch == -1: // its records are gone: accept what comes
		return nil
	case i.epoch != p.epoch && i.baseSeq == 0:
		return nil
	case i.epoch != p.epoch:
		return fmt.Errorf("producer %d begins epoch %d with sequence %d instead of 0: %w",
			i.id, i.epoch, i.baseSeq, kerr.OutOfOrderSequenceNumber)
	case i.baseSeq == p.lastSeq()+1 && p.lastSeq() != math.MaxInt32, i.baseSeq == 0 && p.lastSeq() == math.MaxInt32:
		return nil
	}
	return fmt.Errorf("producer %d sent sequence %d after %d: %w",
		i.id, i.baseSeq, p.lastSeq(), kerr.OutOfOrderSequenceNumber)
}

// checkMarker: from transaction version 2 on a marker carries an epoch above
// that of the records; the same epoch again is a retry of a marker that is
// already in the log.
func (p *producer) checkMarker(i *batchInfo, o *AppendOptions) error {
	stale := i.epoch < p.epoch
	if o.TransactionVersion >= 2 && i.epoch == p.epoch {
		stale = p.txnFirst >= 0 && i.epoch != math.MaxInt16
	}
	if stale {
		return fmt.Errorf("marker of producer %d has epoch %d, and the log has seen %d: %w",
			i.id, i.epoch, p.epoch, kerr.InvalidProducerEpoch)
	}
	if i.marker.coordinatorEpoch < p.coordinatorEpoch {
		return fmt.Errorf("marker of producer %d is from coordinator epoch %d, and the log has seen %d: %w",
			i.id, i.marker.coordinatorEpoch, p.coordinatorEpoch, kerr.TransactionCoordinatorFenced)
	}
	return nil
}

// apply takes a batch that is in the log now.
func (s *producers) apply(i *batchInfo) {
	if i.control && !i.marker.ok {
		return // compaction has emptied it
	}
	p := s.byID[i.id]
	if p == nil {
		p = newProducer()
		s.byID[i.id] = p
	}
	p.setEpoch(i.epoch)
	if i.control {
		s.end(p, i)
		return
	}
	p.remember(producerBatch{lastOffset: i.last, timestamp: i.maxTimestamp, lastSeq: i.lastSeq(), delta: int32(i.last - i.base)})
	p.lastTimestamp = i.maxTimestamp
	if i.transactional && p.txnFirst < 0 {
		p.txnFirst = i.base
		s.open = append(s.open, openTxn{i.id, i.base})
	}
}

// end takes a transaction's marker.
func (s *producers) end(p *producer, i *batchInfo) {
	p.coordinatorEpoch = i.marker.coordinatorEpoch
	p.lastTimestamp = i.maxTimestamp
	if p.txnFirst < 0 {
		return // no record in this log
	}
	first := p.txnFirst
	p.txnFirst = -1
	s.open = slices.DeleteFunc(s.open, func(t openTxn) bool { return t.first == first })
	s.done = append(s.done, doneTxn{first, i.last})
	if i.marker.abort {
		stable := i.last + 1
		if len(s.open) > 0 {
			stable = s.open[0].first
		}
		s.aborted = append(s.aborted, AbortedTxn{i.id, first, i.last, stable})
	}
}

// firstUnstable is the first offset that read_committed may not see whatever
// the high watermark says; -1 if there is none.
func (s *producers) firstUnstable() int64 {
	first := int64(math.MaxInt64)
	if len(s.open) > 0 {
		first = s.open[0].first
	}
	for _, t := range s.done {
		first = min(first, t.first)
	}
	if first == math.MaxInt64 {
		return -1
	}
	return first
}

// passed forgets the transactions whose marker lies below the high watermark.
func (s *producers) passed(hw int64) {
	s.done = slices.DeleteFunc(s.done, func(t doneTxn) bool { return t.last < hw })
}

// cutStart forgets aborted transactions that ended below start, and open ones
// that began there: their records are gone. Producers stay until they expire.
func (s *producers) cutStart(start int64) {
	s.aborted = slices.DeleteFunc(s.aborted, func(t AbortedTxn) bool { return t.LastOffset < start })
}

// expire forgets producers that have been silent for longer than maxAgeMs.
func (s *producers) expire(nowMs, maxAgeMs int64) (n int) {
	for id, p := range s.byID {
		if p.txnFirst < 0 && nowMs-p.lastTimestamp >= maxAgeMs {
			delete(s.byID, id)
			n++
		}
	}
	return n
}

func (s *producers) empty() bool {
	return s == nil || len(s.byID) == 0 && len(s.open) == 0 && len(s.done) == 0 && len(s.aborted) == 0
}

// encode writes the state as of the offset asOf.
//
//	version 1 | revision 4 | as of 8 | producers 4 | { id 8 | epoch 2 | coordinator epoch 4 | last timestamp 8 |
//	first offset of the open transaction 8 | batches 1 | { last offset 8 | timestamp 8 | last sequence 4 | delta 4 } } |
//	done 4 | { first 8 | last 8 } | aborted 4 | { producer 8 | first 8 | last 8 | last stable 8 }
func (s *producers) encode(b []byte, rev uint32, asOf int64) []byte {
	be := binary.BigEndian
	b = append(b, stateVersion)
	b = be.AppendUint32(b, rev)
	b = appendInts(b, asOf)
	ids := make([]int64, 0, len(s.byID))
	for id := range s.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	b = be.AppendUint32(b, uint32(len(ids)))
	for _, id := range ids {
		p := s.byID[id]
		b = appendInts(b, id)
		b = be.AppendUint16(b, uint16(p.epoch))
		b = be.AppendUint32(b, uint32(p.coordinatorEpoch))
		b = appendInts(b, p.lastTimestamp, p.txnFirst)
		b = append(b, p.n)
		for _, q := range p.batches[:p.n] {
			b = appendInts(b, q.lastOffset, q.timestamp)
			b = be.AppendUint32(b, uint32(q.lastSeq))
			b = be.AppendUint32(b, uint32(q.delta))
		}
	}
	b = be.AppendUint32(b, uint32(len(s.done)))
	for _, t := range s.done {
		b = appendInts(b, t.first, t.last)
	}
	b = be.AppendUint32(b, uint32(len(s.aborted)))
	for _, t := range s.aborted {
		b = appendInts(b, t.ProducerID, t.FirstOffset, t.LastOffset, t.LastStableOffset)
	}
	return b
}

func decodeProducers(b []byte) (rev uint32, asOf int64, s *producers, ok bool) {
	r := reader{b: b}
	if r.u8() != stateVersion {
		return 0, 0, nil, false
	}
	rev, asOf = r.u32(), r.i64()
	s = newProducers()
	for n := r.u32(); n > 0 && !r.bad; n-- {
		id, p := r.i64(), newProducer()
		p.epoch, p.coordinatorEpoch = int16(r.u16()), int32(r.u32())
		p.lastTimestamp, p.txnFirst = r.i64(), r.i64()
		for k := min(r.u8(), rememberedBatches); k > 0; k-- {
			p.remember(producerBatch{lastOffset: r.i64(), timestamp: r.i64(), lastSeq: int32(r.u32()), delta: int32(r.u32())})
		}
		s.byID[id] = p
		if p.txnFirst >= 0 {
			s.open = append(s.open, openTxn{id, p.txnFirst})
		}
	}
	slices.SortFunc(s.open, func(a, b openTxn) int { return int(a.first - b.first) })
	for n := r.u32(); n > 0 && !r.bad; n-- {
		s.done = append(s.done, doneTxn{r.i64(), r.i64()})
	}
	for n := r.u32(); n > 0 && !r.bad; n-- {
		s.aborted = append(s.aborted, AbortedTxn{r.i64(), r.i64(), r.i64(), r.i64()})
	}
	return rev, asOf, s, !r.bad && len(r.b) == 0
}
