package perf

import (
	"fmt"
	"io"
)

// Consumed is how much was read when.
type Consumed struct {
	At      int64 // milliseconds since 1970
	Records int64
	Bytes   int64
}

// Header is the first line of the consumer's report.
func Header(detailed bool) string {
	first := "start.time, end.time"
	if detailed {
		first = "time, threadId"
	}
	return first + ", data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n"
}

// PrintProgress prints the line about the interval from last to now, of which joining the group took joinMs. As
// ConsumerPerformance.printConsumerProgress.
func PrintProgress(w io.Writer, date func(ms int64) string, last, now Consumed, joinMs int64) error {
	elapsed := float64(now.At - last.At)
	fetchMs := now.At - last.At - joinMs
	mb := float64(now.Bytes-last.Bytes) / mebibyte
	records := float64(now.Records - last.Records)
	var fetchMB, fetchRecords float64
	if fetchMs > 0 {
		fetchMB, fetchRecords = 1000*mb/float64(fetchMs), 1000*records/float64(fetchMs)
	}
	_, err := fmt.Fprintf(w, "%s, 0, %s, %s, %d, %s, %d, %d, %s, %s\n", date(now.At),
		Fixed(float64(now.Bytes)/mebibyte, 4), Fixed(1000*mb/elapsed, 4), now.Records, Fixed(records/elapsed*1000, 4),
		joinMs, fetchMs, Fixed(fetchMB, 4), Fixed(fetchRecords, 4))
	return err
}

// PrintSummary prints the line about the whole run from start to end.
func PrintSummary(w io.Writer, date func(ms int64) string, start int64, end Consumed, joinMs int64) error {
	elapsed := float64(end.At-start) / 1000
	fetchMs := end.At - start - joinMs
	fetch := float64(fetchMs) / 1000
	mb := float64(end.Bytes) / mebibyte
	_, err := fmt.Fprintf(w, "%s, %s, %s, %s, %d, %s, %d, %d, %s, %s\n", date(start), date(end.At),
		Fixed(mb, 4), Fixed(mb/elapsed, 4), end.Records, Fixed(float64(end.Records)/elapsed, 4),
		joinMs, fetchMs, Fixed(mb/fetch, 4), Fixed(float64(end.Records)/fetch, 4))
	return err
}
