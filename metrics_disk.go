package headrace

import (
	"github.com/headrace/headrace/internal/log"
	"github.com/headrace/headrace/internal/telemetry"
)

// diskMetrics tell how the disks do: how long syncs take, and what has rotted.
func (n *Node) diskMetrics() []telemetry.Metric {
	const dir = "logDirectory"
	return []telemetry.Metric{
		{
			Name: "kafka_log_logflushstats_logflushrateandtime_seconds", MBean: "kafka.log:type=LogFlushStats,name=LogFlushRateAndTimeMs",
			Help: "How long syncs of partitions took.", Labels: []string{dir}, ReadHistogram: n.flushTimes,
		},
		{
			Name: "headrace_log_damage_found_total", Help: "Runs of damaged bytes met in segments.", Labels: []string{dir},
			Read: n.perDir(func(s log.Stats) float64 { return float64(s.DamageFound) }),
		},
		{
			Name: "headrace_log_damaged_ranges", Help: "Runs of damaged bytes that there are: fetching them answers CORRUPT_MESSAGE.",
			Kind: telemetry.Gauge, Labels: []string{dir}, Read: n.perDir(func(s log.Stats) float64 { return float64(s.Damaged) }),
		},
		{
			Name: "headrace_log_scrub_bytes_total", Help: "Bytes re-read in the background.", Labels: []string{dir},
			Read: n.perDir(func(s log.Stats) float64 { return float64(s.Scrub.Bytes) }),
		},
		{
			Name: "headrace_log_scrub_progress_ratio", Help: "Part of the background reading under way that is done; 0 between two.",
			Kind: telemetry.Gauge, Labels: []string{dir}, Read: n.perDir(scrubProgress),
		},
		{
			Name: "headrace_log_scrub_last_finished_timestamp_seconds", Help: "When everything had been re-read for the last time; 0: never.",
			Kind: telemetry.Gauge, Labels: []string{dir}, Read: n.perDir(func(s log.Stats) float64 {
				if s.Scrub.LastFinished.IsZero() {
					return 0
				}
				return float64(s.Scrub.LastFinished.UnixMilli()) / 1000
			}),
		},
	}
}

func scrubProgress(s log.Stats) float64 {
	if !s.Scrub.Running || s.Scrub.Total == 0 {
		return 0
	}
	return min(1, float64(s.Scrub.Done)/float64(s.Scrub.Total))
}

func (n *Node) perDir(read func(log.Stats) float64) func(func(float64, ...string)) {
	return func(emit func(float64, ...string)) {
		for _, d := range n.dirs {
			emit(read(d.Stats()), d.Path())
		}
	}
}

func (n *Node) flushTimes(emit func(telemetry.Histogram, ...string)) {
	for _, d := range n.dirs {
		s := d.Stats()
		h := telemetry.Histogram{Sum: s.FlushTime.Seconds(), Buckets: map[float64]uint64{}}
		for _, c := range s.Flushes {
			if h.Count = uint64(c.Count); c.UpTo > 0 {
				h.Buckets[c.UpTo.Seconds()] = h.Count
			}
		}
		emit(h, d.Path())
	}
}
