package sim

import "testing"

// TestSimRegressions runs the seeds that have found bugs. A change of the
// simulation changes what a seed does; the bugs have tests of their own, too.
func TestSimRegressions(t *testing.T) {
	for _, c := range []struct {
		name  string
		seeds []uint64
		run   func(uint64) Result
	}{
		// Torn batches that stayed as damage: before an empty segment, and
		// without a header before a sound batch.
		{"log", []uint64{443, 1106, 2361, 4325}, func(seed uint64) Result { return RunLog(seed, length()/4, NoBug) }},
		// A partition whose maker was killed before its first sync.
		{"group", []uint64{802, 1016}, func(seed uint64) Result { return RunGroup(seed, 2*length(), NoBug) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, seed := range c.seeds {
				report(t, runOnce(t, seed, c.run))
			}
		})
	}
}
