package sim

import (
	"testing"
	"time"
)

// plantedBugs are the bugs with the run that must find them.
var plantedBugs = []struct {
	bug Bug
	run func(Plan) Result
}{
	{VoteNotSynced, RunQuorum},
	{LogNotSynced, RunQuorum},
	{EarlyAck, RunQuorum},
	{OldIdentity, RunQuorum},
	{RecordsNotSynced, RunLog},
	{EarlyAck, RunLog},
	{RecordsNotSynced, RunGroup},
	{EarlyAck, RunGroup},
}

// TestPlantedBugsAreFound shows that the checkers can fail: each bug must be
// found within a bounded number of seeds.
func TestPlantedBugsAreFound(t *testing.T) {
	const most = 200
	for _, p := range plantedBugs {
		t.Run(p.bug.String(), func(t *testing.T) {
			for seed := uint64(1); seed <= most; seed++ {
				res := runOnce(t, Plan{Seed: seed, Length: 20 * time.Second, Bug: p.bug}, p.run)
				if res.Err != nil {
					t.Logf("found with seed %d: %v", seed, res.Err)
					return
				}
			}
			t.Errorf("%d seeds have not found it", most)
		})
	}
}
