package records

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// TestRecordTooLarge: a value of which only the beginning was kept is refused with the size of the whole.
func TestRecordTooLarge(t *testing.T) {
	p, err := NewProducer(t.Context(), ProducerOptions{Props: map[string]string{"bootstrap.servers": "127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, r := range []Record{
		{Topic: "t", Value: bytes.Repeat([]byte("x"), 300<<20>>8), Omitted: 300<<20 - 300<<20>>8},
		{Topic: "t", Value: make([]byte, p.LargestLine()), Omitted: int64(300<<20 - p.LargestLine())},
	} {
		var got error
		p.Send(context.Background(), r, func(err error) { got = err })
		const want = "The message is 314572889 bytes when serialized which is larger than 1048576, which is the value of the max.request.size configuration."
		if e := javaerr.From(got); e == nil || !strings.HasSuffix(e.Class, "RecordTooLargeException") || e.Message != want {
			t.Errorf("%v", got)
		}
	}
}
