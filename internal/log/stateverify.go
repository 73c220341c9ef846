package log

import (
	"errors"
	"maps"
	"math"
	"slices"
)

// verify reads every record that counts from the disk, and returns the keys
// of the damaged ones. It asks pace before each read of so many bytes.
func (s *stateLog) verify(pace func(bytes int) error) (bad []string, err error) {
	s.mu.Lock()
	keys := slices.Sorted(maps.Keys(s.refs))
	s.mu.Unlock()
	for _, key := range keys {
		sound, size, err := s.verifyKey(key)
		if err != nil {
			return bad, err
		}
		if !sound {
			bad = append(bad, key)
		}
		if err := pace(size); err != nil {
			return bad, err
		}
	}
	return bad, nil
}

// verifyKey reads the records of one key.
func (s *stateLog) verifyKey(key string) (sound bool, size int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sound = true
	if s.refs[key] == nil || s.broken != nil {
		return true, 0, nil
	}
	for _, r := range s.refs[key] {
		if r.n == 0 {
			continue
		}
		size += int(r.n)
		_, err := s.read(r)
		switch {
		case errors.Is(err, errBadState):
			sound = false
			s.lost++
		case err != nil:
			return false, size, err
		}
	}
	return sound, size, nil
}

// rewriteState writes the records of keys again from what is in memory. Those of
// partitions that are not open are lost: their logs are read at the next Open.
func (d *Dir) rewriteState(keys []string) error {
	if slices.Contains(keys, "") {
		var b stateBatch
		d.addSession(&b, false)
		if err := d.state.commit(&b); err != nil && !isNoSpace(err) {
			return d.ioError("write state log", err)
		}
	}
	for _, l := range d.openLogs() {
		if !slices.Contains(keys, l.partition.String()) {
			continue
		}
		d.saving.Lock()
		l.saved.force = true
		l.saved.renewSnapshot()
		d.saving.Unlock()
		d.touch(l)
	}
	return nil
}

// renewSnapshot has a snapshot of the producers written anew, as the one in the
// state log may be gone. The caller holds Dir.saving.
func (s *savedState) renewSnapshot() { s.snap.appended = math.MinInt64 / 2 }
