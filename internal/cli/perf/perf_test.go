package perf

import (
	"strings"
	"testing"
	"time"
)

func TestStats(t *testing.T) {
	var b strings.Builder
	s := NewStats(&b, 1000, 4, 100, false)
	for i, at := range []int64{1010, 1050, 1110, 1120} {
		if err := s.Record(int64(10*(i+1)), 1<<20, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.PrintTotal(1200); err != nil {
		t.Fatal(err)
	}
	const want = "3 records sent, 27.3 records/sec (27.27 MB/sec), 20.0 ms avg latency, 30.0 ms max latency.\n" +
		"4 records sent, 20.000000 records/sec (20.00 MB/sec), 25.00 ms avg latency, 40.00 ms max latency, 30 ms 50th, 40 ms 95th, 40 ms 99th, 40 ms 99.9th.\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestFixed(t *testing.T) {
	for _, c := range []struct {
		f      float64
		digits int
		want   string
	}{{0.125, 2, "0.13"}, {-0.125, 2, "-0.13"}, {2.5, 0, "3"}, {1, 4, "1.0000"}, {1.005, 2, "1.01"}} {
		if got := Fixed(c.f, c.digits); got != c.want {
			t.Errorf("%v to %d: got %s, want %s", c.f, c.digits, got, c.want)
		}
	}
}

func TestThrottle(t *testing.T) {
	th := NewThrottle(100, 0)
	slept := int64(0)
	for sent := int64(1); sent <= 100; sent++ {
		slept += th.Pause(sent, 1+slept/int64(time.Millisecond))
	}
	if got := time.Duration(slept); got < 900*time.Millisecond || got > 1100*time.Millisecond {
		t.Errorf("100 messages at 100/s took %v", got)
	}
	if NewThrottle(-1, 0).Pause(1e9, 1) != 0 {
		t.Error("no limit, but a pause")
	}
}
