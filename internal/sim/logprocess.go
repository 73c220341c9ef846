package sim

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/log"
)

// logProcess is a process that keeps one log on a machine: started, ended by
// faults, and started again.
type logProcess struct {
	*machine
	bug     Bug
	again   func()        // starts the process anew
	downFor time.Duration // at most
	dir     *log.Dir
	log     *log.Log // nil while the process is not running
	full    bool     // the disk
}

// openLog starts the process with its log. It says whether it runs; if not, it
// is tried again later, or the run has failed.
func (p *logProcess) openLog(path string, tp log.Partition, id log.TopicID, c log.Config) bool {
	if p.Err() != nil || p.log != nil {
		return false
	}
	fs := p.begin()
	life := p.life
	dir, err := log.OpenDir(log.DirOptions{FS: p.bug.disk(fs), Path: path, BootID: fmt.Sprint("boot-", p.boot), Manual: true})
	var l *log.Log
	if err == nil {
		l, err = dir.Open(tp, id, c)
	}
	switch {
	case p.gone(life):
		return false
	case err != nil && p.full && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, kerr.KafkaStorageError)):
		p.Reach("start on a full disk")
		p.kill()
		if dir != nil {
			dir.Abandon()
		}
		p.reopenLater()
		return false
	case err != nil:
		p.Fail("the log does not open: %w", err)
		return false
	}
	p.dir, p.log = dir, l
	return true
}

func (p *logProcess) reopenLater() {
	p.log, p.dir = nil, nil
	p.After(p.Between(time.Millisecond, p.downFor), "", p.again)
}

// gone says that the power went during what a life was doing, which then never
// happened, and has the process started later.
func (p *logProcess) gone(life int) bool {
	if !p.lost(life) {
		return false
	}
	p.afterCut()
	p.reopenLater()
	return true
}

// crash ends the process, by what, and starts it again later.
func (p *logProcess) crash(what func()) {
	if p.log == nil {
		return
	}
	old := p.dir
	what()
	old.Abandon()
	p.reopenLater()
}

// stop is a clean stop.
func (p *logProcess) stop() {
	if p.log == nil {
		return
	}
	life, end := p.life, p.log.EndOffset()
	err := p.dir.Close(context.Background())
	if p.gone(life) {
		return
	}
	p.Note("stopped at %d: %v", end, err)
	p.Reach("clean stop")
	p.kill()
	p.reopenLater()
}

// fill leaves little room on the disk for a while.
func (p *logProcess) fill() {
	if p.full {
		return
	}
	p.full = true
	p.disk.SetQuota(p.disk.Used() + p.Rand.Int64N(500))
	p.Reach("disk full")
	p.After(p.Between(10*time.Millisecond, 2*time.Second), "", func() {
		p.full = false
		p.disk.SetQuota(0)
	})
}

// settle ends all faults, and has the process running.
func (p *logProcess) settle() {
	p.Note("all faults end")
	p.calm, p.cutIn = true, 0
	p.disk.SetQuota(0)
	p.faulty.Clear()
	if p.log == nil {
		p.again()
	}
}
