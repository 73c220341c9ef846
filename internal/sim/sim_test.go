package sim

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"testing/cryptotest"
	"time"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run this seed alone, twice; 0 = the seeds of a usual run")
	stepsFlag = flag.Int("steps", 0, "virtual seconds under faults in each run; 0 = 20")
)

// wantedSeed is the seed asked for by flag or environment.
func wantedSeed(t *testing.T) (seed uint64, asked bool) {
	t.Helper()
	if *seedFlag != 0 {
		return *seedFlag, true
	}
	for _, name := range []string{"SIM_SEED", "SEED"} {
		if s := os.Getenv(name); s != "" {
			n, err := strconv.ParseUint(s, 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return n, true
		}
	}
	return 0, false
}

func length() time.Duration {
	if *stepsFlag > 0 {
		return time.Duration(*stepsFlag) * time.Second
	}
	return 20 * time.Second
}

// budget is how long a campaign of new seeds lasts; 0 = the usual few seeds.
func budget(t *testing.T) time.Duration {
	t.Helper()
	s := os.Getenv("SIM_SECONDS")
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("SIM_SECONDS: %v", err)
	}
	return time.Duration(n) * time.Second
}

// runOnce runs a seed with the process's random source, which Raft's election
// timeouts come from, set from the seed too.
func runOnce(t *testing.T, seed uint64, run func(uint64) Result) (res Result) {
	t.Helper()
	t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed)
		res = run(seed)
	})
	return res
}

// report fails the test with all that is needed to repeat the run.
func report(t *testing.T, res Result) {
	t.Helper()
	if res.Err == nil {
		return
	}
	t.Fatalf("seed %d: %v\n\nthe last %d events:\n%s\nrepeat with: make sim SEED=%d", res.Seed, res.Err, keptLines, res.Tail, res.Seed)
}

// campaign runs seeds: the one asked for, as many as fit into SIM_SECONDS, or
// the first few. Every run of a chosen seed, and every fifth of the others, is
// made twice, and the traces must be equal.
func campaign(t *testing.T, seeds uint64, want []string, run func(uint64) Result) {
	t.Helper()
	if seed, asked := wantedSeed(t); asked {
		twice(t, seed, run)
		return
	}
	total, events, acked := Reached{}, 0, 0
	start, end := time.Now(), budget(t)
	n := uint64(0)
	for ; n < seeds || time.Since(start) < end; n++ {
		seed := n + 1
		var res Result
		if n%5 == 0 {
			res = twice(t, seed, run)
		} else {
			res = runOnce(t, seed, run)
			report(t, res)
		}
		total.Add(res.Reached)
		events += res.Events
		acked += res.Acked
	}
	t.Logf("%d seeds, %d events, %d acknowledged, in %v; reached: %v", n, events, acked, time.Since(start).Round(time.Millisecond), total)
	if missing := total.Missing(want); len(missing) > 0 {
		t.Errorf("%d seeds never reached: %q", n, missing)
	}
}

func twice(t *testing.T, seed uint64, run func(uint64) Result) Result {
	t.Helper()
	first := runOnce(t, seed, run)
	report(t, first)
	second := runOnce(t, seed, run)
	if first.Trace != second.Trace || first.Events != second.Events {
		t.Fatalf("seed %d does not repeat: trace %016x of %d events, then %016x of %d", seed, first.Trace, first.Events, second.Trace, second.Events)
	}
	t.Logf("seed %d: trace %016x, %d events, %d acknowledged, twice the same", seed, first.Trace, first.Events, first.Acked)
	return first
}

func TestSimQuorum(t *testing.T) {
	campaign(t, 60, QuorumReached, func(seed uint64) Result { return RunQuorum(seed, length(), NoBug) })
}

func TestSimLog(t *testing.T) {
	campaign(t, 40, LogReached, func(seed uint64) Result { return RunLog(seed, length()/4, NoBug) })
}

func TestSimGroup(t *testing.T) {
	campaign(t, 30, GroupReached, func(seed uint64) Result { return RunGroup(seed, 2*length(), NoBug) })
}
