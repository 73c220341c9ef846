package log

import (
	"maps"
	"slices"
)

// The values of a state log in JSON: names are stable.
type (
	sessionDump struct {
		Number      uint64 `json:"number"`
		Clean       bool   `json:"clean"`
		FirstOfBoot uint64 `json:"firstSessionOfBoot"`
		BootID      string `json:"bootId"`
	}
	timesDump struct {
		First        int64 `json:"firstTimestamp"`
		Max          int64 `json:"maxTimestamp"`
		MaxBase      int64 `json:"baseOffsetOfMaxTimestamp"`
		LastAppendMs int64 `json:"lastAppendMs"`
	}
	checkpointDump struct {
		TopicID       string    `json:"topicId"`
		Session       uint64    `json:"session"`
		StartOffset   int64     `json:"startOffset"`
		HighWatermark int64     `json:"highWatermark"`
		RecoveryPoint int64     `json:"recoveryPoint"`
		Segment       int64     `json:"segment"`
		Position      int64     `json:"position"`
		Times         timesDump `json:"times"`
		ProducersFrom int64     `json:"producersFrom"`
		Epochs        uint32    `json:"epochsRevision"`
		Segments      uint32    `json:"segmentsRevision"`
		Producers     uint32    `json:"producersRevision"`
		ProducersEnd  uint32    `json:"producersAtEndRevision"`
		Sparse        bool      `json:"sparse"`
		Truncating    bool      `json:"truncating"`
		Durable       bool      `json:"durable"`
	}
	epochDump struct {
		Epoch       int32 `json:"epoch"`
		StartOffset int64 `json:"startOffset"`
	}
	epochsDump struct {
		Revision uint32      `json:"revision"`
		AsOf     int64       `json:"asOfOffset"`
		Epochs   []epochDump `json:"epochs"`
	}
	segmentDump struct {
		Base   int64     `json:"baseOffset"`
		Size   int64     `json:"size"`
		Times  timesDump `json:"times"`
		Sparse bool      `json:"sparse"`
	}
	segmentsDump struct {
		Revision uint32        `json:"revision"`
		Segments []segmentDump `json:"segments"`
	}
	foundDump struct {
		Session uint64 `json:"session"`
	}
	producerBatchDump struct {
		LastOffset   int64 `json:"lastOffset"`
		Timestamp    int64 `json:"timestamp"`
		LastSequence int32 `json:"lastSequence"`
		OffsetDelta  int32 `json:"offsetDelta"`
	}
	producerDump struct {
		ID               int64               `json:"producerId"`
		Epoch            int16               `json:"producerEpoch"`
		CoordinatorEpoch int32               `json:"coordinatorEpoch"`
		LastTimestamp    int64               `json:"lastTimestamp"`
		TxnFirst         int64               `json:"currentTxnFirstOffset"`
		Batches          []producerBatchDump `json:"batches"`
	}
	doneDump struct {
		First int64 `json:"firstOffset"`
		Last  int64 `json:"lastOffset"`
	}
	abortedDump struct {
		ProducerID int64 `json:"producerId"`
		First      int64 `json:"firstOffset"`
		Last       int64 `json:"lastOffset"`
		LastStable int64 `json:"lastStableOffset"`
	}
	producersDump struct {
		Revision  uint32         `json:"revision"`
		AsOf      int64          `json:"asOfOffset"`
		Producers []producerDump `json:"producers"`
		Done      []doneDump     `json:"endedTransactions"`
		Aborted   []abortedDump  `json:"abortedTransactions"`
	}
	scrubDump struct {
		StartedMs  int64  `json:"startedMs"`
		FinishedMs int64  `json:"finishedMs"`
		Bytes      int64  `json:"bytes"`
		Damages    int64  `json:"damages"`
		Last       string `json:"lastPartition"`
	}
)

func dumpTimes(t segmentTimes) timesDump { return timesDump{t.first, t.max, t.maxBase, t.modified} }

func dumpCheckpoint(v *checkpoint) checkpointDump {
	return checkpointDump{
		TopicID: v.topicID.String(), Session: v.session, StartOffset: v.start, HighWatermark: v.hw,
		RecoveryPoint: v.point.offset, Segment: v.point.base, Position: v.point.pos, Times: dumpTimes(v.point.segmentTimes),
		ProducersFrom: v.producersFrom, Epochs: v.epochs, Segments: v.segments, Producers: v.producers, ProducersEnd: v.producersEnd,
		Sparse: v.point.sparse, Truncating: v.cutting, Durable: v.named,
	}
}

func dumpProducers(rev uint32, asOf int64, s *producers) producersDump {
	d := producersDump{Revision: rev, AsOf: asOf, Producers: []producerDump{}, Done: []doneDump{}, Aborted: []abortedDump{}}
	for _, id := range slices.Sorted(maps.Keys(s.byID)) {
		p := s.byID[id]
		one := producerDump{id, p.epoch, p.coordinatorEpoch, p.lastTimestamp, p.txnFirst, []producerBatchDump{}}
		for _, b := range p.batches[:p.n] {
			one.Batches = append(one.Batches, producerBatchDump{b.lastOffset, b.timestamp, b.lastSeq, b.delta})
		}
		d.Producers = append(d.Producers, one)
	}
	for _, t := range s.done {
		d.Done = append(d.Done, doneDump{t.first, t.last})
	}
	for _, t := range s.aborted {
		d.Aborted = append(d.Aborted, abortedDump{t.ProducerID, t.FirstOffset, t.LastOffset, t.LastStableOffset})
	}
	return d
}
