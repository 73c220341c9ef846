package metadata

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTreeAgainstMap changes a tree and a map alike, under several owners, and
// keeps snapshots that must not move.
func TestTreeAgainstMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	tr := tree[int, int]{compare: cmp.Compare[int]}
	want := map[int]int{}
	type snapshot struct {
		tree tree[int, int]
		want map[int]int
	}
	var snapshots []snapshot
	for round := range 60 {
		o := &owner{}
		growing := round%20 < 12
		for range 400 {
			k := rnd.IntN(4000)
			if growing == (rnd.IntN(4) > 0) {
				v := rnd.Int()
				tr.put(o, k, v)
				want[k] = v
				continue
			}
			_, had := want[k]
			if got := tr.remove(o, k); got != had {
				t.Fatalf("remove(%d) = %v, want %v", k, got, had)
			}
			delete(want, k)
		}
		checkTree(t, &tr, want)
		snapshots = append(snapshots, snapshot{tr, maps.Clone(want)})
	}
	for _, s := range snapshots {
		checkTree(t, &s.tree, s.want)
	}
	o := &owner{}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		tr.remove(o, k)
	}
	checkTree(t, &tr, map[int]int{})
}

func checkTree(t *testing.T, tr *tree[int, int], want map[int]int) {
	t.Helper()
	if tr.len != len(want) {
		t.Fatalf("len = %d, want %d", tr.len, len(want))
	}
	keys := slices.Sorted(maps.Keys(want))
	i := 0
	for k, v := range tr.all() {
		if i == len(keys) || k != keys[i] || v != want[k] {
			t.Fatalf("item %d is %d=%d", i, k, v)
		}
		i++
	}
	for _, k := range keys {
		if v, ok := tr.get(k); !ok || v != want[k] {
			t.Fatalf("get(%d) = %d, %v", k, v, ok)
		}
	}
	if tr.root != nil {
		depth := -1
		checkNode(t, tr.root, true, 0, &depth)
	}
}

func checkNode(t *testing.T, n *node[int, int], root bool, level int, depth *int) {
	t.Helper()
	if len(n.items) > maxItems || !root && len(n.items) < minItems-1 {
		t.Fatalf("node with %d items", len(n.items))
	}
	if n.kids == nil {
		if *depth < 0 {
			*depth = level
		}
		if *depth != level {
			t.Fatalf("leaves at depths %d and %d", *depth, level)
		}
		return
	}
	if len(n.kids) != len(n.items)+1 {
		t.Fatalf("%d kids for %d items", len(n.kids), len(n.items))
	}
	for _, k := range n.kids {
		checkNode(t, k, false, level+1, depth)
	}
}
