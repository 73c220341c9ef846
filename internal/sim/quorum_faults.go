package sim

import (
	"path/filepath"
	"syscall"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// beforeDiskCall runs before each call of a node to its disk, and cuts the
// power when its time has come: in the middle of whatever the node is doing.
func (n *voterNode) beforeDiskCall(c vfs.Call) {
	if c.Op&vfs.OpMutates == 0 {
		return
	}
	n.run.Note("  node %d: %v %s at %d, %d bytes", n.id, c.Op, filepath.Base(c.Path), c.Off, c.Size)
	if n.cutIn == 0 {
		return
	}
	n.cutIn--
	if n.cutIn > 0 {
		return
	}
	n.run.Note("node %d: power cut before %v %s", n.id, c.Op, c.Path)
	n.run.Reach("power cut in the middle of a write")
	n.cut = n.remains()
	n.life++ // what it does from here on never happened
}

// remains is what a power cut now would leave on the disk.
func (n *voterNode) remains() *vfs.Mem {
	r := n.run
	return n.disk.CrashClone(vfs.CrashOptions{
		UnsyncedPercent: []int{0, 20, 50, 80, 100}[r.Rand.IntN(5)], RNG: r.Rand, Tear: r.Chance(50), SectorBytes: r.knobs.sectorBytes,
	})
}

// afterCall finishes a power cut that came in the middle of a call.
func (n *voterNode) afterCall() {
	if n.cut == nil {
		return
	}
	n.disk, n.cut = n.cut, nil
	n.boot++
	n.up, n.held = false, nil
	n.restartLater()
}

// kill ends the process; the machine and its page cache go on.
func (n *voterNode) kill(why string) {
	n.run.Note("node %d: killed (%s)", n.id, why)
	n.run.Reach("process killed")
	n.end(n.disk.KillClone())
}

// powerCut ends the machine; what was not synced may be lost.
func (n *voterNode) powerCut() {
	n.run.Note("node %d: power cut", n.id)
	n.run.Reach("power cut")
	n.boot++
	n.end(n.remains())
	if n.run.bug == OldIdentity && n.run.Chance(50) {
		n.disk = vfs.NewCrashableMem()
		n.found(n.run.founders)
	}
}

func (n *voterNode) end(disk *vfs.Mem) {
	n.disk = disk
	n.life++
	n.up, n.held, n.cutIn = false, nil, 0
}

// restartLater starts the node again after a while.
func (n *voterNode) restartLater() {
	life := n.life
	n.run.After(n.run.Between(10*time.Millisecond, 4*time.Second), "", func() {
		if n.life == life && !n.up {
			n.start()
		}
	})
}

// quorumFaults is what can go wrong.
var quorumFaults = []fault[*quorumRun]{
	{"kill", 3, func(r *quorumRun) {
		if n := r.someone(); n.up {
			n.kill("fault")
			n.restartLater()
		}
	}},
	{"power cut", 3, func(r *quorumRun) {
		if n := r.someone(); n.up {
			n.powerCut()
			n.restartLater()
		}
	}},
	{"power cut of all", 1, func(r *quorumRun) {
		for _, n := range r.nodes {
			if n.up {
				n.powerCut()
				n.restartLater()
			}
		}
		r.Reach("power cut of all")
	}},
	{"power cut in the middle of a write", 3, func(r *quorumRun) { r.someone().cutIn = 1 + r.Rand.IntN(12) }},
	{"partition", 3, func(r *quorumRun) {
		alone := r.someone().id
		for i := range r.nodes {
			if i != alone {
				r.net.Cut(i, alone)
				r.net.Cut(alone, i)
			}
		}
		r.Reach("partition")
	}},
	{"one-way partition", 2, func(r *quorumRun) {
		r.net.Cut(r.someone().id, r.someone().id)
		r.Reach("one-way partition")
	}},
	{"disk lost", 1, (*quorumRun).wipe},
	{"heal", 4, func(r *quorumRun) { r.net.Heal() }},
	{"pause", 2, func(r *quorumRun) { r.someone().pause() }},
	{"clock jump", 1, func(r *quorumRun) {
		r.someone().clock = r.Between(-time.Hour, time.Hour)
		r.Reach("clock jump")
	}},
	{"failed sync", 1, func(r *quorumRun) {
		if n := r.someone(); n.up {
			n.faulty.Add(vfs.Rule{Op: vfs.OpSync, Err: syscall.EIO, Times: 1})
		}
	}},
	{"full disk", 1, func(r *quorumRun) {
		if n := r.someone(); n.up {
			n.faulty.Add(vfs.Rule{Op: vfs.OpWrite, Err: syscall.ENOSPC, Times: 1 + r.Rand.IntN(30), Short: r.Rand.IntN(40)})
			r.Reach("disk full")
		}
	}},
}

func (r *quorumRun) someone() *voterNode { return r.nodes[r.Rand.IntN(len(r.nodes))] }

// pause stops a process for a while, as SIGSTOP would. What arrives waits.
func (n *voterNode) pause() {
	if !n.up || n.paused {
		return
	}
	n.paused = true
	n.run.Reach("process paused")
	life := n.life
	n.run.After(n.run.Between(100*time.Millisecond, 5*time.Second), "", func() {
		n.paused = false
		if n.life == life {
			n.resume()
		}
	})
}

func (n *voterNode) resume() {
	n.paused = false
	held := n.held
	n.held = nil
	n.run.Note("node %d goes on with %d inputs", n.id, len(held))
	for _, input := range held {
		n.do(input)
	}
}

// swarm draws which faults a run has: runs with few kinds reach other states
// than runs with all.
func (r *quorumRun) swarm() []fault[*quorumRun] {
	if r.Chance(30) {
		return quorumFaults
	}
	var some []fault[*quorumRun]
	for _, f := range quorumFaults {
		if f.name == "heal" || r.Chance(50) {
			some = append(some, f)
		}
	}
	return some
}

// settle ends all faults and brings every node back.
func (r *quorumRun) settle() {
	r.Note("all faults end")
	r.calm = true
	r.net.Calm()
	for _, n := range r.nodes {
		n.clock = 0
		n.cutIn = 0
		if n.up {
			n.faulty.Clear()
		}
		if n.paused {
			n.resume()
		}
	}
}
