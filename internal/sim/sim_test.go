package sim

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
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

// wantedFaults are the numbers in FAULTS, as a failure prints them; nil = all.
func wantedFaults(t *testing.T) []int {
	t.Helper()
	text, set := os.LookupEnv("FAULTS")
	if !set || text == "" {
		return nil
	}
	list := []int{}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			t.Fatalf("FAULTS: %v", err)
		}
		list = append(list, n)
	}
	return list
}

// runOnce runs a plan with the process's random source, which Raft's election
// timeouts come from, set from the seed too.
func runOnce(t *testing.T, p Plan, run func(Plan) Result) (res Result) {
	t.Helper()
	t.Run(fmt.Sprint("seed=", p.Seed), func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, p.Seed)
		res = run(p)
	})
	return res
}

// report fails the test with all that is needed to repeat the run, and with the
// fewest faults that were found to make it fail.
func report(t *testing.T, p Plan, res Result, run func(Plan) Result) {
	t.Helper()
	if res.Err == nil {
		return
	}
	const runs = 60
	small, least := Shrink(p, res, func(p Plan) Result { return runOnce(t, p, run) }, runs)
	t.Fatalf("seed %d: %v\n\nwith %d of its %d faults: %v\n%s\nthe last %d events:\n%s\nrepeat with: make sim SEED=%d, and with these faults alone: make sim SEED=%d FAULTS=%s",
		p.Seed, res.Err, len(small.Faults), len(res.Troubles), least.Err, least.Story(), keptLines, least.Tail,
		p.Seed, p.Seed, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(small.Faults)), ","), "[]"))
}

// campaign runs seeds: the one asked for, as many as fit into SIM_SECONDS, or
// the first few. Every run of a chosen seed, and every fifth of the others, is
// made twice, and the traces must be equal.
func campaign(t *testing.T, seeds uint64, p Plan, want []string, run func(Plan) Result) {
	t.Helper()
	var asked bool
	if p.Seed, asked = wantedSeed(t); asked {
		p.Faults = wantedFaults(t)
		twice(t, p, run)
		return
	}
	total, events, acked := Reached{}, 0, 0
	start, end := time.Now(), budget(t)
	n := uint64(0)
	for ; n < seeds || time.Since(start) < end; n++ {
		p.Seed = n + 1
		var res Result
		if n%5 == 0 {
			res = twice(t, p, run)
		} else {
			res = runOnce(t, p, run)
			report(t, p, res, run)
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

func twice(t *testing.T, p Plan, run func(Plan) Result) Result {
	t.Helper()
	first := runOnce(t, p, run)
	report(t, p, first, run)
	second := runOnce(t, p, run)
	if first.Trace != second.Trace || first.Events != second.Events {
		t.Fatalf("seed %d does not repeat: trace %016x of %d events, then %016x of %d", p.Seed, first.Trace, first.Events, second.Trace, second.Events)
	}
	t.Logf("seed %d: trace %016x, %d events, %d acknowledged, twice the same", p.Seed, first.Trace, first.Events, first.Acked)
	return first
}

func TestSimQuorum(t *testing.T) { campaign(t, 60, Plan{Length: length()}, QuorumReached, RunQuorum) }

func TestSimLog(t *testing.T) { campaign(t, 40, Plan{Length: length() / 4}, LogReached, RunLog) }

func TestSimGroup(t *testing.T) { campaign(t, 30, Plan{Length: 2 * length()}, GroupReached, RunGroup) }

// TestShrink: of a run with many faults, those stay that it takes to fail.
func TestShrink(t *testing.T) {
	p := Plan{Length: 20 * time.Second, Bug: RecordsNotSynced}
	for p.Seed = 1; p.Seed <= 50; p.Seed++ {
		res := runOnce(t, p, RunLog)
		if res.Err == nil || len(res.Troubles) < 8 {
			continue
		}
		small, least := Shrink(p, res, func(p Plan) Result { return runOnce(t, p, RunLog) }, 100)
		if least.Err == nil || len(small.Faults) > len(res.Troubles)/2 || len(least.Troubles) != len(small.Faults) {
			t.Errorf("%d faults of %d are left: %v\n%s", len(small.Faults), len(res.Troubles), least.Err, least.Story())
		}
		if again := runOnce(t, small, RunLog); again.Trace != least.Trace {
			t.Errorf("the shrunk run does not repeat: trace %016x, then %016x", least.Trace, again.Trace)
		}
		t.Logf("seed %d: %d faults became %d:\n%s", p.Seed, len(res.Troubles), len(small.Faults), least.Story())
		return
	}
	t.Error("no run fails with many faults")
}
