package log

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// Delete removes a log: its directory gets a name ending in "-delete", which is
// durable when Delete returns, and is unlinked after the topic's DeleteDelay.
// The log is closed.
func (d *Dir) Delete(l *Log) error {
	l.wr.Lock()
	defer l.wr.Unlock()
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if err := l.check(); err != nil {
		return err
	}
	name := l.partition.String()
	to, err := d.moveAway(name, l.topicID, deleteSuffix)
	if err != nil {
		return d.ioError("rename "+l.path, err)
	}
	l.gone.Store(true)
	l.unpin()
	l.mem.Lock()
	segments := l.mem.segments
	l.mem.Unlock()
	for _, s := range segments {
		d.files.drop(s)
	}
	d.mu.Lock()
	delete(d.logs, l.partition)
	d.mu.Unlock()

	err = d.forget(name)
	d.keep.remove(to, time.Now().Add(l.config.Load().DeleteDelay))
	return err
}

// forget removes a partition's records from the state log.
func (d *Dir) forget(name string) error {
	var b stateBatch
	b.add(name, kindGone, nil)
	d.saving.Lock()
	defer d.saving.Unlock()
	err := d.state.commit(&b)
	if err != nil && isNoSpace(err) {
		d.setReadOnly(err)
		d.state.owe(&b)
		return nil
	}
	if err != nil {
		return d.ioError("write state log", err)
	}
	return nil
}

// moveAway gives a partition's directory a name that no partition can have:
// "<topic>-<n>.<topic id>-delete", as Kafka's LocalLog.logDeleteDirName.
func (d *Dir) moveAway(name string, id TopicID, suffix string) (string, error) {
	short := name
	if len(short) > 200 {
		short = short[:200]
	}
	for n := 0; ; n++ {
		to := fmt.Sprintf("%s.%s%s", short, id, suffix)
		if n > 0 {
			to = fmt.Sprintf("%s.%s.%d%s", short, id, n, suffix)
		}
		to = filepath.Join(d.path, to)
		if _, err := d.fs.Stat(to); err == nil {
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err := d.fs.Rename(filepath.Join(d.path, name), to); err != nil {
			return "", err
		}
		d.mu.Lock()
		delete(d.found, name)
		d.mu.Unlock()
		return to, synced(d.fs.SyncDir(d.path))
	}
}

// Quarantine moves the directory of a partition that belongs to no topic any
// more aside, under a name ending in "-stray", as Open does with one of another
// topic id (Kafka's LogManager.addStrayLog). Nothing is removed. The partition
// must be one of Stored, and not be open. The new name is durable on return.
func (d *Dir) Quarantine(p Partition) error {
	if err := d.check(); err != nil {
		return err
	}
	name := p.String()
	held := &Log{dir: d, partition: p} // keeps Open away
	held.gone.Store(true)
	d.mu.Lock()
	open, there := d.logs[p] != nil, d.found[name]
	if there && !open {
		d.logs[p] = held
	}
	d.mu.Unlock()
	switch {
	case open:
		return fmt.Errorf("quarantine %s: the partition is open", p)
	case !there:
		return fmt.Errorf("quarantine %s: %w", p, fs.ErrNotExist)
	}
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.logs, p)
	}()
	id, err := d.storedID(name)
	if err == nil {
		var to string
		if to, err = d.setAside(name, id); err == nil {
			d.logger.Warn("partition of no known topic moved aside", "partition", name, "found", id.String(), "to", to)
			return nil
		}
	}
	return fmt.Errorf("quarantine %s: %w", p, err)
}

// storedID is the topic id of a partition on disk; zero if it cannot be read.
func (d *Dir) storedID(name string) (TopicID, error) {
	m, err := readMeta(d.fs, filepath.Join(d.path, name))
	if err == nil {
		return m.topicID, nil
	}
	if !errors.Is(err, errBadMeta) && !errors.Is(err, fs.ErrNotExist) {
		return TopicID{}, d.ioError("read "+metaName, err)
	}
	cp, _ := decodeCheckpoint(d.state.get(name, kindCheckpoint))
	return cp.topicID, nil
}

// setAside moves a partition's directory out of the way for good, with what the
// state log knows of it.
func (d *Dir) setAside(name string, id TopicID) (to string, err error) {
	if to, err = d.moveAway(name, id, straySuffix); err != nil {
		return "", d.ioError("rename "+filepath.Join(d.path, name), err)
	}
	return to, d.forget(name)
}
