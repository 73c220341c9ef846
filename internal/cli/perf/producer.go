// Package perf holds the arithmetic and the lines of the performance tools. It has no clock: times are milliseconds
// that the caller passes.
package perf

import (
	"fmt"
	"io"
	"slices"
)

const maxSamples = 500000 // latencies kept for the percentiles

// Stats gathers the latencies of a run and prints a line about each window of it and one about the whole. As
// ProducerPerformance.Stats. It belongs to one goroutine.
type Stats struct {
	out         io.Writer
	interval    int64 // length of a window, milliseconds
	steady      bool  // it counts what comes after the warm-up
	quiet       bool  // windows are not printed
	start       int64
	sampleEvery int64
	latencies   []int32
	total       tally
	window      tally
	windowStart int64
}

type tally struct {
	count, bytes, latency, maxLatency int64
}

func (t *tally) add(latency, bytes int64) {
	t.count++
	t.bytes += bytes
	t.latency += latency
	t.maxLatency = max(t.maxLatency, latency)
}

// NewStats starts at now and expects records records, at least one; windows last interval milliseconds.
func NewStats(out io.Writer, now, records, interval int64, steady bool) *Stats {
	return &Stats{out: out, interval: interval, steady: steady, start: now, windowStart: now, sampleEvery: max(records/min(records, maxSamples), 1)}
}

// Quiet ends the printing of windows.
func (s *Stats) Quiet() { s.quiet = true }

// Record counts a record of bytes bytes that was acknowledged at now after latency milliseconds.
func (s *Stats) Record(latency, bytes, now int64) error {
	if s.total.count%s.sampleEvery == 0 {
		s.latencies = append(s.latencies, int32(latency))
	}
	s.total.add(latency, bytes)
	s.window.add(latency, bytes)
	if now-s.windowStart < s.interval {
		return nil
	}
	err := s.printWindow(now)
	s.window, s.windowStart = tally{}, now
	return err
}

func (s *Stats) printWindow(now int64) error {
	if s.steady && s.total.count == s.window.count {
		if _, err := fmt.Fprintln(s.out, "In steady state."); err != nil {
			return err
		}
	}
	if s.quiet {
		return nil
	}
	w := s.window
	rate, mb := rates(w, now-s.windowStart)
	_, err := fmt.Fprintf(s.out, "%d records sent, %s records/sec (%s MB/sec), %s ms avg latency, %s ms max latency.\n",
		w.count, Fixed(rate, 1), Fixed(mb, 2), Fixed(float64(w.latency)/float64(w.count), 1), Fixed(float64(w.maxLatency), 1))
	return err
}

const mebibyte = 1 << 20

func rates(t tally, elapsed int64) (records, megabytes float64) {
	return 1000 * float64(t.count) / float64(elapsed), 1000 * float64(t.bytes) / float64(elapsed) / mebibyte
}

// PrintTotal prints the line about the whole run, which ends at now.
func (s *Stats) PrintTotal(now int64) error {
	t := s.total
	rate, mb := rates(t, now-s.start)
	p := s.percentiles(0.5, 0.95, 0.99, 0.999)
	steady := ""
	if s.steady {
		steady = " steady state"
	}
	_, err := fmt.Fprintf(s.out, "%d%s records sent, %s records/sec (%s MB/sec), %s ms avg latency, %s ms max latency, %d ms 50th, %d ms 95th, %d ms 99th, %d ms 99.9th.\n",
		t.count, steady, Fixed(rate, 6), Fixed(mb, 2), Fixed(float64(t.latency)/float64(t.count), 2), Fixed(float64(t.maxLatency), 2), p[0], p[1], p[2], p[3])
	return err
}

func (s *Stats) percentiles(of ...float64) []int32 {
	sorted := slices.Clone(s.latencies)
	slices.Sort(sorted)
	out := make([]int32, len(of))
	for i, p := range of {
		if at := int(p * float64(len(sorted))); at < len(sorted) {
			out[i] = sorted[at]
		}
	}
	return out
}
