package record

import (
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

//go:embed testdata/golden/verdicts.txt
var verdictsText string // from Apache Kafka by test/golden/capture/BatchVerdicts.java

// verdict is a damaged batch and what Kafka's LogValidator said of it.
type verdict struct {
	compacted, appendTime    bool
	before, after, now       int64
	batch                    string
	code                     int16
	maxTimestamp, recordErrs int64
}

// stricter are the reasons for which we refuse what LogValidator lets pass:
// offsets that it would renumber or store as they are, producer fields that
// mean nothing, and numbers of more bits than they may have.
var stricter = []string{"has offset delta", "Producer epoch", "producer id", "fields do not fit"}

// TestVerdictsAsKafka: the same code, largest timestamp and number of records
// at fault as LogValidator, for a thousand damaged batches.
func TestVerdictsAsKafka(t *testing.T) {
	refused, ahead := 0, 0
	for line := range strings.Lines(verdictsText) {
		var v verdict
		if _, err := fmt.Sscan(line, &v.compacted, &v.appendTime, &v.before, &v.after, &v.now, &v.batch, &v.code, &v.maxTimestamp, &v.recordErrs); err != nil {
			t.Fatal(err)
		}
		b, err := hex.DecodeString(v.batch)
		if err != nil {
			t.Fatal(err)
		}
		r := rules()
		r.Compacted, r.Deep, r.BeforeMaxMs, r.AfterMaxMs, r.NowMs = v.compacted, true, v.before, v.after, v.now
		if v.appendTime {
			r.TimestampType = LogAppendTime
		}
		got, err := Validate(b, r)
		code, recordErrs := codeOf(t, err), 0
		if ie, ok := errors.AsType[*InvalidError](err); ok {
			refused++
			recordErrs = len(ie.Records)
			if code == 87 && isStricter(ie.Message) {
				ahead++
				continue
			}
		}
		if code != v.code || err == nil && got.MaxTimestamp != v.maxTimestamp || int64(recordErrs) != v.recordErrs {
			t.Errorf("%s: ours %d %d %d (%v)", line, code, got.MaxTimestamp, recordErrs, err)
		}
	}
	if refused-ahead < 300 {
		t.Errorf("only %d of the batches are bad in both eyes", refused-ahead)
	}
	t.Logf("%d refused, %d of them for what LogValidator does not look at", refused, ahead)
}

func isStricter(message string) bool {
	for _, s := range stricter {
		if strings.Contains(message, s) {
			return true
		}
	}
	return false
}
