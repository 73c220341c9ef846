package dump

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/kafka/schema"
)

// RemoteLog decodes the records of __remote_log_metadata. They are shown as Java's objects print.
type RemoteLog struct{}

// Decode implements Decoder.
func (RemoteLog) Decode(r *record.Record) (Contents, error) {
	m, _, o, err := schema.DecodeRemoteLog(r.Value)
	if err != nil {
		return Contents{Payload: plain(fmt.Sprintf("Error at offset %d, skipping. %v", r.Offset, err))}, nil
	}
	text, err := remoteTexts[m.Key](o)
	if err != nil {
		return Contents{Payload: plain(fmt.Sprintf("Error at offset %d, skipping. %v", r.Offset, err))}, nil
	}
	return Contents{Payload: Text{text: text, json: []byte(o.String()), shown: true}}, nil
}

// remoteTexts has the text of a record by its API key.
var remoteTexts = map[int16]func(schema.Object) (string, error){
	0: segmentMetadata, 1: segmentUpdate, 2: partitionDelete, 3: segmentSnapshot,
}

var (
	segmentStates   = []string{"COPY_SEGMENT_STARTED", "COPY_SEGMENT_FINISHED", "DELETE_SEGMENT_STARTED", "DELETE_SEGMENT_FINISHED"}
	partitionStates = []string{"DELETE_PARTITION_MARKED", "DELETE_PARTITION_STARTED", "DELETE_PARTITION_FINISHED"}
)

func segmentMetadata(o schema.Object) (string, error) {
	return fmt.Sprintf("RemoteLogSegmentMetadata{remoteLogSegmentId=%s, startOffset=%d, endOffset=%d, brokerId=%d, maxTimestampMs=%d, "+
		"eventTimestampMs=%d, segmentLeaderEpochs=%s, segmentSizeInBytes=%d, customMetadata=%s, state=%s, txnIdxEmpty=%t}",
		segmentID(o), o.Get("startOffset"), o.Get("endOffset"), o.Get("brokerId"), o.Get("maxTimestampMs"), o.Get("eventTimestampMs"),
		leaderEpochs(o), o.Get("segmentSizeInBytes"), customMetadata(o), state(o, "remoteLogSegmentState", segmentStates), o.Get("txnIndexEmpty") == true), checkSegment(o)
}

func segmentUpdate(o schema.Object) (string, error) {
	return fmt.Sprintf("RemoteLogSegmentMetadataUpdate{remoteLogSegmentId=%s, customMetadata=%s, state=%s, eventTimestampMs=%d, brokerId=%d}",
		segmentID(o), customMetadata(o), state(o, "remoteLogSegmentState", segmentStates), o.Get("eventTimestampMs"), o.Get("brokerId")), nil
}

func partitionDelete(o schema.Object) (string, error) {
	return fmt.Sprintf("RemotePartitionDeleteMetadata{topicPartition=%s, state=%s, eventTimestampMs=%d, brokerId=%d}",
		topicIDPartition(o), state(o, "remotePartitionDeleteState", partitionStates), o.Get("eventTimestampMs"), o.Get("brokerId")), nil
}

func segmentSnapshot(o schema.Object) (string, error) {
	return fmt.Sprintf("RemoteLogSegmentMetadataSnapshot{segmentId=%s, startOffset=%d, endOffset=%d, maxTimestampMs=%d, "+
		"segmentLeaderEpochs=%s, segmentSizeInBytes=%d, customMetadata=%s, state=%s, txnIdxEmpty=%t}",
		o.Get("segmentId"), o.Get("startOffset"), o.Get("endOffset"), o.Get("maxTimestampMs"),
		leaderEpochs(o), o.Get("segmentSizeInBytes"), customMetadata(o), state(o, "remoteLogSegmentState", segmentStates), o.Get("txnIndexEmpty") == true), nil
}

// checkSegment is what the constructor of RemoteLogSegmentMetadata demands.
func checkSegment(o schema.Object) error {
	start, _ := o.Get("startOffset").(int64)
	end, _ := o.Get("endOffset").(int64)
	list, _ := o.Get("segmentLeaderEpochs").([]schema.Value)
	switch {
	case start < 0:
		return fmt.Errorf("Unexpected start offset = %d. StartOffset for a remote segment cannot be negative", start) //nolint:staticcheck // Kafka's words
	case end < start:
		return fmt.Errorf("Unexpected end offset = %d. EndOffset for a remote segment cannot be less than startOffset = %d", end, start) //nolint:staticcheck // Kafka's words
	case len(list) == 0:
		return errors.New("segmentLeaderEpochs can not be null or empty")
	}
	return nil
}

// leaderEpochs are the epochs as a sorted map prints.
func leaderEpochs(o schema.Object) string {
	list, _ := o.Get("segmentLeaderEpochs").([]schema.Value)
	offsets := map[int64]int64{}
	var epochs []int64
	for _, e := range list {
		entry, _ := e.(schema.Object)
		epoch, _ := entry.Get("leaderEpoch").(int64)
		if _, twice := offsets[epoch]; !twice {
			epochs = append(epochs, epoch)
		}
		offsets[epoch], _ = entry.Get("offset").(int64)
	}
	slices.Sort(epochs)
	texts := make([]string, len(epochs))
	for i, e := range epochs {
		texts[i] = fmt.Sprintf("%d=%d", e, offsets[e])
	}
	return "{" + strings.Join(texts, ", ") + "}"
}

func segmentID(o schema.Object) string {
	id, _ := o.Get("remoteLogSegmentId").(schema.Object)
	return fmt.Sprintf("RemoteLogSegmentId{topicIdPartition=%s, id=%s}", topicIDPartition(id), id.Get("id"))
}

func topicIDPartition(o schema.Object) string {
	tp, _ := o.Get("topicIdPartition").(schema.Object)
	return fmt.Sprintf("%s:%s-%d", tp.Get("id"), tp.Get("name"), tp.Get("partition"))
}

func customMetadata(o schema.Object) string {
	if b, ok := o.Get("customMetadata").([]byte); ok {
		return fmt.Sprintf("Optional[CustomMetadata{%d bytes}]", len(b))
	}
	return "Optional.empty"
}

// state is a state's name; null for a number that has none.
func state(o schema.Object, field string, names []string) string {
	if n, ok := o.Get(field).(int64); ok && n >= 0 && n < int64(len(names)) {
		return names[n]
	}
	return "null"
}
