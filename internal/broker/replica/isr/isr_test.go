package isr

import (
	"slices"
	"testing"
	"time"
)

var t0 = time.Unix(1_700_000_000, 0)

func leader(t *testing.T, isr []int32, minISR int) *Leader {
	t.Helper()
	return New(Config{Self: 1, LeaderEpoch: 4, EpochStart: 10, Replicas: []int32{3, 1, 2}, ISR: isr, MinISR: minISR}, 10, t0)
}

func TestLoneReplicaCommitsWhatItHas(t *testing.T) {
	l := New(Config{Self: 1, Replicas: []int32{1}, ISR: []int32{1}, MinISR: 2}, 0, t0)
	if hw, moved := l.Committed(1, 7); hw != 7 || !moved {
		t.Fatalf("high watermark %d, moved %v; min.insync.replicas must count as at most the replication factor", hw, moved)
	}
	if hw, moved := l.Committed(1, 5); hw != 7 || moved {
		t.Fatalf("high watermark went to %d, moved %v", hw, moved)
	}
}

func TestHighWatermarkIsTheSlowestOfTheMaximalISR(t *testing.T) {
	l := leader(t, []int32{1, 2}, 1)
	l.Committed(1, 20)
	if hw, moved := l.Committed(2, 15); hw != 15 || !moved {
		t.Fatalf("high watermark %d, moved %v, want 15", hw, moved)
	}
	l.Propose([]int32{1, 2, 3}) // 3 counts from the proposal on
	l.Committed(3, 16)
	if hw, _ := l.Committed(2, 20); hw != 16 {
		t.Fatalf("high watermark %d, want 16: a joining replica counts before it is confirmed", hw)
	}
	l.Propose([]int32{1, 2}) // 3 leaves: it counts until confirmed
	if hw, _ := l.Committed(1, 30); hw != 16 {
		t.Fatalf("high watermark %d, want 16: a leaving replica counts until it is confirmed", hw)
	}
	l.Update(Config{Self: 1, Replicas: []int32{1, 2, 3}, ISR: []int32{1, 2}, MinISR: 1}, t0)
	if hw, _ := l.Committed(2, 21); hw != 21 {
		t.Fatalf("high watermark %d, want 21", hw)
	}
}

func TestNothingCommitsBelowMinISR(t *testing.T) {
	l := leader(t, []int32{1}, 2)
	if l.EnoughReplicas() {
		t.Fatal("one replica is not enough for min.insync.replicas=2")
	}
	if hw, moved := l.Committed(1, 20); hw != 10 || moved {
		t.Fatalf("high watermark %d, moved %v (KIP-966)", hw, moved)
	}
}

func TestBehindAndJoinable(t *testing.T) {
	l := leader(t, []int32{1, 2}, 1)
	l.Fetched(2, 10, 20, t0)
	l.Fetched(2, 20, 30, t0.Add(time.Second)) // had at +1 s all that there was at t0
	if got := l.Behind(10*time.Second, t0.Add(10*time.Second)); got != nil {
		t.Fatalf("behind: %v", got)
	}
	if got := l.Behind(10*time.Second, t0.Add(11*time.Second)); !slices.Equal(got, []int32{2}) {
		t.Fatalf("behind: %v, want [2]", got)
	}
	l.Committed(3, 9)
	if l.Joinable(3) {
		t.Fatal("3 has not everything from before this leadership")
	}
	l.Committed(3, 10)
	if !l.Joinable(3) || l.Joinable(2) {
		t.Fatal("3 may join, 2 is there already")
	}
}
