package vfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// CrashOptions say how much of what was not synced a power cut leaves.
type CrashOptions struct {
	// UnsyncedPercent is the chance of each unsynced page and directory change
	// to have reached the disk. 0 keeps exactly what was synced; 100 keeps
	// everything, as KillClone does.
	UnsyncedPercent int
	// RNG makes the choices. It may be nil if UnsyncedPercent is 0 or 100.
	RNG *rand.Rand
	// Tear lets a page be cut within: its start from one moment, its end from
	// another.
	Tear bool
	// SectorBytes is the unit of Tear's cuts; 0 means 512. 1 is harsher than
	// any real disk.
	SectorBytes int
}

// crashPageBytes is the unit in which a kernel writes files back.
const crashPageBytes = 4096

// CrashClone returns what a power cut at this moment would leave on the disk:
// a new file system with no open file and no lock. The old one goes on
// undisturbed. The same operations, options and state of the RNG give the same
// clone. It panics unless the file system came from NewCrashableMem.
//
// The rules are those that a journaling file system keeps. Data and length are
// durable after File.Sync, a directory entry after SyncDir of its directory.
// Of the rest, each page of a file is left as it was at any one moment since
// the last Sync, and a length likewise; a hole reads as zeroes. Directory
// changes happen whole or not at all, and one on a name never without the
// earlier ones on that name.
func (m *Mem) CrashClone(o CrashOptions) *Mem {
	if !m.crashable {
		panic("vfs: CrashClone of a Mem that is not crashable")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := crash{opts: o, out: newMem(true), memo: map[*memNode]*memNode{}}
	if c.opts.SectorBytes <= 0 {
		c.opts.SectorBytes = 512
	}
	c.keepEntries(m.journal)
	c.memo[m.root] = c.out.root
	c.cloneDir(m.root, c.out.root)
	return c.out
}

// crash is one CrashClone at work.
type crash struct {
	opts  CrashOptions
	out   *Mem
	after map[*memNode]map[string]*memNode // entries that differ from durable; nil value: gone
	memo  map[*memNode]*memNode
}

func (c *crash) chance(percent int) bool {
	switch {
	case percent <= 0:
		return false
	case percent >= 100:
		return true
	}
	return c.opts.RNG.IntN(100) < percent
}

// keepEntries chooses which unsynced directory changes survive.
func (c *crash) keepEntries(journal []dirOp) {
	c.after = map[*memNode]map[string]*memNode{}
	lost := map[entryKey]bool{}
	for _, op := range journal {
		keep := c.chance(c.opts.UnsyncedPercent)
		for _, s := range op.sets {
			keep = keep && !lost[s.key()]
		}
		for _, s := range op.sets {
			if !keep {
				lost[s.key()] = true
				continue
			}
			if c.after[s.dir] == nil {
				c.after[s.dir] = map[string]*memNode{}
			}
			c.after[s.dir][s.name] = s.node
		}
	}
}

func (c *crash) cloneDir(from, to *memNode) {
	entries := make(map[string]*memNode, len(from.durable))
	maps.Copy(entries, from.durable)
	maps.Copy(entries, c.after[from])
	for _, name := range sortedNames(entries) {
		n := entries[name]
		if n == nil {
			continue
		}
		twin, seen := c.memo[n]
		if !seen {
			twin = c.cloneNode(n)
		}
		twin.links++
		to.entries[name], to.durable[name] = twin, twin
	}
}

func (c *crash) cloneNode(n *memNode) *memNode {
	twin := c.out.newNode(n.dir, n.perm)
	c.memo[n] = twin
	if n.dir {
		c.cloneDir(n, twin)
		return twin
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	twin.modTime = n.modTime
	twin.data = c.content(n)
	twin.synced = slices.Clone(twin.data)
	c.out.space.grow(int64(len(twin.data)))
	return twin
}

// content builds what the disk holds of a file whose lock is held. State k of
// a file is its synced image with the first k pending operations applied; each
// page, and the length, gets a k of its own.
func (c *crash) content(n *memNode) []byte {
	ops := n.pending
	if len(ops) == 0 || c.opts.UnsyncedPercent <= 0 {
		return slices.Clone(n.synced)
	}
	if c.opts.UnsyncedPercent >= 100 {
		return slices.Clone(n.data)
	}
	atSize := c.moment(len(ops))
	size := int64(len(n.synced))
	if atSize > 0 {
		size = ops[atSize-1].size
	}
	out := make([]byte, size)
	copy(out, n.synced)
	for off := int64(0); off < size; off += crashPageBytes {
		c.page(out, n, off, atSize)
	}
	return out
}

// moment draws a state between 0 (as synced) and n (all written).
func (c *crash) moment(n int) int {
	switch {
	case !c.chance(c.opts.UnsyncedPercent):
		return 0
	case c.opts.RNG.IntN(2) == 0:
		return n
	}
	return 1 + c.opts.RNG.IntN(n)
}

// page fills the page of out that starts at off.
func (c *crash) page(out []byte, n *memNode, off int64, atSize int) {
	page := out[off:min(off+crashPageBytes, int64(len(out)))]
	touched := false
	floor := 0 // a cut that the length has seen has also freed the page
	for k, op := range n.pending {
		if op.truncate {
			touched = touched || op.size < off+int64(len(page))
			if k < atSize && op.size < off+int64(len(page)) {
				floor = k + 1
			}
			continue
		}
		touched = touched || op.off < off+int64(len(page)) && op.off+int64(len(op.data)) > off
	}
	if !touched {
		return
	}
	k := max(floor, c.moment(len(n.pending)))
	n.pageAt(page, off, k)
	if !c.opts.Tear || c.opts.RNG.IntN(2) == 0 {
		return
	}
	var other [crashPageBytes]byte
	n.pageAt(other[:len(page)], off, max(floor, c.moment(len(n.pending))))
	cut := c.opts.RNG.IntN(len(page)/c.opts.SectorBytes+1) * c.opts.SectorBytes
	copy(page[cut:], other[cut:len(page)])
}

// pageAt writes the page at off, as it is in state k, to p.
func (n *memNode) pageAt(p []byte, off int64, k int) {
	clear(p)
	if off < int64(len(n.synced)) {
		copy(p, n.synced[off:])
	}
	for _, op := range n.pending[:k] {
		switch {
		case op.truncate:
			if op.size < off+int64(len(p)) {
				clear(p[max(0, op.size-off):])
			}
		case op.off >= off+int64(len(p)) || op.off+int64(len(op.data)) <= off:
		case op.off >= off:
			copy(p[op.off-off:], op.data)
		default:
			copy(p, op.data[off-op.off:])
		}
	}
}

// KillClone returns what kill -9 leaves: everything that was written, but not
// the locks and handles. What was not durable still is not: a CrashClone of the
// clone may lose it.
func (m *Mem) KillClone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := kill{out: newMem(m.crashable), memo: map[*memNode]*memNode{}}
	k.memo[m.root] = k.out.root
	k.fill(m.root, k.out.root)
	for _, op := range m.journal {
		sets := slices.Clone(op.sets)
		for i := range sets {
			sets[i].dir, sets[i].node = k.twin(sets[i].dir), k.twin(sets[i].node)
		}
		k.out.journal = append(k.out.journal, dirOp{sets})
	}
	m.space.mu.Lock()
	defer m.space.mu.Unlock()
	k.out.space.quota = m.space.quota
	return k.out
}

// kill is one KillClone at work.
type kill struct {
	out  *Mem
	memo map[*memNode]*memNode
}

func (k *kill) twin(n *memNode) *memNode {
	if n == nil {
		return nil
	}
	if t, ok := k.memo[n]; ok {
		return t
	}
	t := k.out.newNode(n.dir, n.perm)
	k.memo[n] = t
	k.fill(n, t)
	return t
}

func (k *kill) fill(n, t *memNode) {
	for name, e := range n.entries {
		t.entries[name] = k.twin(e)
	}
	for name, e := range n.durable {
		t.durable[name] = k.twin(e)
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	t.links, t.modTime = n.links, n.modTime
	t.data, t.synced = slices.Clone(n.data), slices.Clone(n.synced)
	t.pending = slices.Clone(n.pending) // the written bytes never change
	if n.links > 0 {
		k.out.space.grow(int64(len(t.data)))
	}
}

type entryKey struct {
	dir  *memNode
	name string
}

func (s entrySet) key() entryKey { return entryKey{s.dir, s.name} }

// commitDir makes the changes of dir durable, with those that they need: the
// earlier ones that share a name with them, and both sides of a rename.
func (m *Mem) commitDir(dir *memNode) {
	needed := map[entryKey]bool{}
	commit := make([]bool, len(m.journal))
	for i := len(m.journal) - 1; i >= 0; i-- {
		for _, s := range m.journal[i].sets {
			commit[i] = commit[i] || s.dir == dir || needed[s.key()]
		}
		if !commit[i] {
			continue
		}
		for _, s := range m.journal[i].sets {
			needed[s.key()] = true
		}
	}
	rest := m.journal[:0:0]
	for i, op := range m.journal {
		if !commit[i] {
			rest = append(rest, op)
			continue
		}
		for _, s := range op.sets {
			if s.node == nil {
				delete(s.dir.durable, s.name)
				continue
			}
			s.dir.durable[s.name] = s.node
		}
	}
	m.journal = rest
}
