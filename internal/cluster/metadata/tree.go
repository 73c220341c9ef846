package metadata

import (
	"iter"
	"slices"
)

// maxItems is the most items that a tree node holds. 32 keeps a path copy at
// 100,000 entries to four nodes.
const maxItems = 32

// minItems is the least that a node other than the root holds.
const minItems = maxItems / 2

// An owner marks the nodes that one edit has made and may therefore still write
// to. It has a size, so that two owners never share an address.
type owner struct{ _ byte }

// tree is a persistent B-tree: a copy of the struct is a snapshot, and a change
// copies only the path from the root to the item. Within one edit, nodes that it
// has copied once are changed in place. Iteration is in the order of compare.
// A tree is ready for use once compare is set.
type tree[K, V any] struct {
	root    *node[K, V]
	len     int
	compare func(a, b K) int
}

type node[K, V any] struct {
	owner *owner
	items []item[K, V]
	kids  []*node[K, V] // nil in a leaf, else one more than items
}

type item[K, V any] struct {
	key   K
	value V
}

// find gives the index of key among the items of n, or where it would be.
// By hand, since slices.BinarySearchFunc copies each item that it looks at.
func (t *tree[K, V]) find(n *node[K, V], key K) (int, bool) {
	low, high := 0, len(n.items)
	for low < high {
		mid := (low + high) / 2
		switch c := t.compare(n.items[mid].key, key); {
		case c == 0:
			return mid, true
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return low, false
}

// get gives the value of key, and whether there is one.
func (t *tree[K, V]) get(key K) (value V, ok bool) {
	for n := t.root; n != nil; {
		i, found := t.find(n, key)
		if found {
			return n.items[i].value, true
		}
		if n.kids == nil {
			break
		}
		n = n.kids[i]
	}
	return value, false
}

// all iterates over the items in order.
func (t *tree[K, V]) all() iter.Seq2[K, V] {
	root := t.root
	return func(yield func(K, V) bool) { root.each(yield) }
}

func (n *node[K, V]) each(yield func(K, V) bool) bool {
	if n == nil {
		return true
	}
	for i, it := range n.items {
		if n.kids != nil && !n.kids[i].each(yield) {
			return false
		}
		if !yield(it.key, it.value) {
			return false
		}
	}
	return n.kids == nil || n.kids[len(n.items)].each(yield)
}

// own gives n itself if the edit made it, or a copy that the edit owns.
func (n *node[K, V]) own(o *owner) *node[K, V] {
	if n.owner == o {
		return n
	}
	c := &node[K, V]{owner: o, items: make([]item[K, V], len(n.items), maxItems)}
	copy(c.items, n.items)
	if n.kids != nil {
		c.kids = make([]*node[K, V], len(n.kids), maxItems+1)
		copy(c.kids, n.kids)
	}
	return c
}

// put sets the value of key.
func (t *tree[K, V]) put(o *owner, key K, value V) {
	if t.root == nil {
		t.root = &node[K, V]{owner: o}
	}
	t.root = t.root.own(o)
	if len(t.root.items) == maxItems {
		mid, right := t.root.split(o)
		t.root = &node[K, V]{owner: o, items: []item[K, V]{mid}, kids: []*node[K, V]{t.root, right}}
	}
	n := t.root
	for {
		i, found := t.find(n, key)
		if found {
			n.items[i].value = value
			return
		}
		if n.kids == nil {
			n.items = slices.Insert(n.items, i, item[K, V]{key, value})
			t.len++
			return
		}
		kid := n.kids[i].own(o)
		n.kids[i] = kid
		if len(kid.items) == maxItems {
			mid, right := kid.split(o)
			n.items = slices.Insert(n.items, i, mid)
			n.kids = slices.Insert(n.kids, i+1, right)
			switch c := t.compare(key, mid.key); {
			case c == 0:
				n.items[i].value = value
				return
			case c > 0:
				kid = right
			}
		}
		n = kid
	}
}

// split halves an owned, full node: n keeps the left half.
func (n *node[K, V]) split(o *owner) (item[K, V], *node[K, V]) {
	half := len(n.items) / 2
	mid := n.items[half]
	right := &node[K, V]{owner: o, items: append(make([]item[K, V], 0, maxItems), n.items[half+1:]...)}
	clear(n.items[half:])
	n.items = n.items[:half]
	if n.kids != nil {
		right.kids = append(make([]*node[K, V], 0, maxItems+1), n.kids[half+1:]...)
		clear(n.kids[half+1:])
		n.kids = n.kids[:half+1]
	}
	return mid, right
}

// remove takes key out, and tells whether it was there.
func (t *tree[K, V]) remove(o *owner, key K) bool {
	if _, ok := t.get(key); !ok {
		return false
	}
	t.root = t.root.own(o)
	t.removeFrom(o, t.root, key)
	t.len--
	if len(t.root.items) == 0 {
		if t.root.kids == nil {
			t.root = nil
		} else {
			t.root = t.root.kids[0]
		}
	}
	return true
}

// removeFrom removes a key that is known to be under the owned node n.
func (t *tree[K, V]) removeFrom(o *owner, n *node[K, V], key K) {
	i, found := t.find(n, key)
	if n.kids == nil {
		n.items = slices.Delete(n.items, i, i+1)
		return
	}
	n.kids[i] = n.kids[i].own(o)
	if found {
		// An inner item gives way to the greatest item below it.
		n.items[i] = n.kids[i].max()
		t.removeFrom(o, n.kids[i], n.items[i].key)
	} else {
		t.removeFrom(o, n.kids[i], key)
	}
	if len(n.kids[i].items) < minItems {
		n.refill(o, i)
	}
}

func (n *node[K, V]) max() item[K, V] {
	for n.kids != nil {
		n = n.kids[len(n.kids)-1]
	}
	return n.items[len(n.items)-1]
}

// refill gives the owned kid i, which is one item short, an item of a
// neighbour, or else merges the two.
func (n *node[K, V]) refill(o *owner, i int) {
	kid := n.kids[i]
	switch {
	case i > 0 && len(n.kids[i-1].items) > minItems:
		left := n.kids[i-1].own(o)
		n.kids[i-1] = left
		last := len(left.items) - 1
		kid.items = slices.Insert(kid.items, 0, n.items[i-1])
		n.items[i-1] = left.items[last]
		left.items = slices.Delete(left.items, last, last+1)
		if left.kids != nil {
			kid.kids = slices.Insert(kid.kids, 0, left.kids[last+1])
			left.kids = slices.Delete(left.kids, last+1, last+2)
		}
	case i < len(n.items) && len(n.kids[i+1].items) > minItems:
		right := n.kids[i+1].own(o)
		n.kids[i+1] = right
		kid.items = append(kid.items, n.items[i])
		n.items[i] = right.items[0]
		right.items = slices.Delete(right.items, 0, 1)
		if right.kids != nil {
			kid.kids = append(kid.kids, right.kids[0])
			right.kids = slices.Delete(right.kids, 0, 1)
		}
	default:
		if i == len(n.items) {
			i--
		}
		left, right := n.kids[i].own(o), n.kids[i+1]
		n.kids[i] = left
		left.items = append(append(left.items, n.items[i]), right.items...)
		left.kids = append(left.kids, right.kids...)
		n.items = slices.Delete(n.items, i, i+1)
		n.kids = slices.Delete(n.kids, i+1, i+2)
	}
}
