package sim

import (
	"path/filepath"
	"syscall"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// machine is a simulated computer with one disk: processes on it are killed, its
// power is cut between two events or in the middle of a call to the disk, and
// the disk fills up or fails.
type machine struct {
	*World
	disk   *vfs.Mem
	faulty *vfs.Faulty // what the process sees; new for each life
	boot   int
	life   int // effects of earlier lives are void
	sector int
	cutIn  int      // changing calls to the disk until the power fails; 0 = it does not
	cut    *vfs.Mem // what that left
}

func newMachine(w *World) *machine {
	return &machine{World: w, disk: vfs.NewCrashableMem(), sector: []int{1, 512}[w.Rand.IntN(2)]}
}

// begin gives a new process its view of the disk.
func (m *machine) begin() vfs.FS {
	m.life++
	m.faulty = vfs.NewFaulty(m.disk)
	m.faulty.Before(func(c vfs.Call) {
		if c.Op&vfs.OpMutates == 0 {
			return
		}
		m.Note("  %v %s at %d, %d bytes", c.Op, filepath.Base(c.Path), c.Off, c.Size)
		if m.cutIn == 0 {
			return
		}
		if m.cutIn--; m.cutIn == 0 {
			m.Note("power cut before %v %s", c.Op, c.Path)
			m.Reach("power cut in the middle of a write")
			m.cut = m.remains()
			m.life++
		}
	})
	return m.faulty
}

// remains is what a power cut now would leave.
func (m *machine) remains() *vfs.Mem {
	return m.disk.CrashClone(vfs.CrashOptions{
		UnsyncedPercent: []int{0, 20, 50, 80, 100}[m.Rand.IntN(5)], RNG: m.Rand, Tear: m.Chance(50), SectorBytes: m.sector,
	})
}

// lost tells whether the power went during what the process of this life was
// doing; then nothing of that ever happened.
func (m *machine) lost(life int) bool { return m.life != life }

// kill ends the process.
func (m *machine) kill() {
	m.Note("killed")
	m.Reach("process killed")
	m.disk = m.disk.KillClone()
	m.life++
	m.cutIn = 0
}

// powerCut ends the machine's current boot.
func (m *machine) powerCut() {
	m.Note("power cut")
	m.Reach("power cut")
	m.disk = m.remains()
	m.boot++
	m.life++
	m.cutIn = 0
}

// afterCut puts what a power cut in the middle of a call has left in place.
func (m *machine) afterCut() bool {
	if m.cut == nil {
		return false
	}
	m.disk, m.cut = m.cut, nil
	m.boot++
	return true
}

// failSync makes the next sync fail, as a dying disk does.
func (m *machine) failSync() {
	m.faulty.Add(vfs.Rule{Op: vfs.OpSync, Err: syscall.EIO, Times: 1})
	m.Reach("sync failed")
}

// wall is the machine's clock.
func (m *machine) wall() time.Time { return epoch.Add(m.Now()) }
