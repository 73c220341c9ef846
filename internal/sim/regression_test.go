package sim

import (
	"testing"
	"time"
)

// TestSimRegressions runs the seeds that have found bugs. A change of the
// simulation changes what a seed does; the bugs have tests of their own, too.
func TestSimRegressions(t *testing.T) {
	for _, c := range []struct {
		name   string
		seeds  []uint64
		length time.Duration
		run    func(Plan) Result
	}{
		// Torn batches that stayed as damage: before an empty segment, and
		// without a header before a sound batch.
		{"log", []uint64{443, 1106, 2361, 4325}, length() / 4, RunLog},
		// A partition whose maker was killed before its first sync.
		{"group", []uint64{802, 1016}, 2 * length(), RunGroup},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, seed := range c.seeds {
				p := Plan{Seed: seed, Length: c.length}
				report(t, p, runOnce(t, p, c.run), c.run)
			}
		})
	}
}
