package record

import (
	"testing"
)

// TestEmpty: an empty batch is sound, holds its offsets and no record.
func TestEmpty(t *testing.T) {
	b, rest, err := Next(Empty(100, 105, 7))
	if err != nil || len(rest) != 0 || b.CheckCRC() != nil {
		t.Fatal(b, rest, err)
	}
	if b.BaseOffset() != 100 || b.NextOffset() != 105 || b.LeaderEpoch() != 7 || b.Count() != 0 ||
		b.ProducerID() != -1 || b.ProducerEpoch() != -1 || b.BaseSequence() != -1 || b.MaxTimestamp() != -1 || b.Attributes() != 0 {
		t.Errorf("%+v", b)
	}
	var r Record
	if it := b.Iterate(b.Records()); it.Next(&r) || it.Err() != nil {
		t.Error("a record of an empty batch", it.Err())
	}
	if one := Empty(9, 10, -1); one.LastOffset() != 9 {
		t.Error(one.LastOffset())
	}
}
