package sim

import (
	"testing"
	"time"
)

// TestPlantedBugsAreFound shows that the checkers can fail: each bug must be
// found within a bounded number of seeds.
func TestPlantedBugsAreFound(t *testing.T) {
	const most = 200
	for _, bug := range []Bug{VoteNotSynced, LogNotSynced, EarlyAck, OldIdentity} {
		t.Run(bug.String(), func(t *testing.T) {
			for seed := uint64(1); seed <= most; seed++ {
				res := runOnce(t, seed, func(seed uint64) Result { return RunQuorum(seed, 20*time.Second, bug) })
				if res.Err != nil {
					t.Logf("found with seed %d: %v", seed, res.Err)
					return
				}
			}
			t.Errorf("%d seeds have not found it", most)
		})
	}
}
