package log

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/headrace/headrace/internal/vfs"
)

// stateKind tells the records of one key apart.
type stateKind uint8

const (
	kindSession    stateKind = iota // of the directory, key ""
	kindCheckpoint                  // of a partition, key "<topic>-<n>", and so below
	kindEpochs
	kindSegments
	kindProducers    // a snapshot that no truncation above the high watermark undoes
	kindProducersEnd // one as of the end of the log, from a clean stop
	kindFound        // the first session of a boot has met the partition without a checkpoint
	kindScrub        // of the directory, key "": how far the scrubbing is
	stateKinds
	kindGone stateKind = 255 // the key and all its records are no more
)

const (
	stateName       = "state.log"
	stateHeader     = "HRSTATE\x01"
	stateRecMagic   = "\xabHR\xba"
	stateRecHeader  = 15 // magic 4, crc32c 4, body length 4, kind 1, key length 2
	maxStateRecord  = 64 << 20
	minStateRewrite = 1 << 20
)

// stateLog is the file that holds what a log directory knows beyond its
// segments: keyed records, of which the last one of each kind and key counts.
// Each record stands for itself: damage costs that record, and the reader finds
// the next one by its magic. It is rewritten when it has doubled.
//
//	magic 4 | crc32c 4 | body length 4 | kind 1 | key length 2 | key | value
type stateLog struct {
	fs      vfs.FS
	path    string
	logger  *slog.Logger
	minSize int64 // below it the file is not rewritten

	mu     sync.Mutex
	f      vfs.File
	size   int64
	floor  int64 // size after the last rewrite
	refs   map[string]*stateRefs
	image  []byte // the file as it was opened, while logs are being opened
	owed   stateBatch
	broken error // a failed sync is final
	lost   int   // damaged records met
	// nameless says that the file is new, and its name perhaps not durable.
	nameless bool
}

type stateRefs [stateKinds]stateRef

// stateRef says where a value lies; the zero value: nowhere.
type stateRef struct {
	pos int64 // of the record
	n   int32 // bytes of the whole record
	key int32 // bytes of the key
}

// openStateLog reads the file, or makes one. Damage is counted in lost.
func openStateLog(fsys vfs.FS, dir string, logger *slog.Logger) (*stateLog, error) {
	s := &stateLog{
		fs: fsys, path: filepath.Join(dir, stateName), logger: logger,
		minSize: minStateRewrite, refs: map[string]*stateRefs{},
	}
	f, err := fsys.OpenFile(s.path, os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return s, s.rewrite()
	}
	if err != nil {
		return nil, err
	}
	s.f = f
	if err := s.replay(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return s, nil
}

func (s *stateLog) replay() error {
	size, err := s.f.Size()
	if err != nil {
		return err
	}
	b := make([]byte, size)
	if size > 0 {
		if _, err := s.f.ReadAt(b, 0); err != nil {
			return err
		}
	}
	if len(b) < len(stateHeader) || string(b[:len(stateHeader)]) != stateHeader {
		s.lost++
	}
	pos, good := len(stateHeader), len(stateHeader)
	for pos < len(b) {
		n, ok := stateRecordAt(b[pos:])
		if !ok {
			s.lost++
			next := nextStateRecord(b, pos+1)
			if next < 0 {
				break
			}
			pos = next
			n, _ = stateRecordAt(b[pos:])
		}
		s.apply(b[pos:pos+n], int64(pos))
		pos += n
		good = pos
	}
	s.image, s.size, s.floor = b, int64(good), int64(good)
	if good == len(b) {
		return nil
	}
	// What a crash left behind the last record must not come back later.
	if err := s.f.Truncate(s.size); err != nil {
		return err
	}
	return s.f.Sync()
}

// stateRecordAt returns the size of the sound record that b begins with.
func stateRecordAt(b []byte) (n int, ok bool) {
	if len(b) < stateRecHeader || string(b[:4]) != stateRecMagic {
		return 0, false
	}
	n = stateRecHeader + int(binary.BigEndian.Uint32(b[8:]))
	if n > maxStateRecord || n > len(b) || stateRecHeader+int(binary.BigEndian.Uint16(b[13:])) > n {
		return 0, false
	}
	return n, crc32.Checksum(b[8:n], castagnoli) == binary.BigEndian.Uint32(b[4:])
}

// nextStateRecord searches behind damage.
func nextStateRecord(b []byte, from int) int {
	for from < len(b) {
		i := bytes.Index(b[from:], []byte(stateRecMagic))
		if i < 0 {
			return -1
		}
		from += i
		if _, ok := stateRecordAt(b[from:]); ok {
			return from
		}
		from++
	}
	return -1
}

func (s *stateLog) apply(rec []byte, pos int64) {
	kind, keyLen := stateKind(rec[12]), int(binary.BigEndian.Uint16(rec[13:]))
	key := string(rec[stateRecHeader : stateRecHeader+keyLen])
	if kind == kindGone {
		delete(s.refs, key)
		return
	}
	if kind >= stateKinds {
		return
	}
	r := s.refs[key]
	if r == nil {
		r = new(stateRefs)
		s.refs[key] = r
	}
	r[kind] = stateRef{pos: pos, n: int32(len(rec)), key: int32(keyLen)}
}

// stateBatch collects records for one commit.
type stateBatch struct {
	buf  []byte
	ends []int
}

// add appends a record. The value is what fn appends to its argument.
func (b *stateBatch) add(key string, kind stateKind, fn func([]byte) []byte) {
	start := len(b.buf)
	b.buf = append(b.buf, stateRecMagic...)
	b.buf = append(b.buf, 0, 0, 0, 0, 0, 0, 0, 0, byte(kind), byte(len(key)>>8), byte(len(key)))
	b.buf = append(b.buf, key...)
	if fn != nil {
		b.buf = fn(b.buf)
	}
	rec := b.buf[start:]
	binary.BigEndian.PutUint32(rec[8:], uint32(len(rec)-stateRecHeader))
	binary.BigEndian.PutUint32(rec[4:], crc32.Checksum(rec[8:], castagnoli))
	b.ends = append(b.ends, len(b.buf))
}

// join appends the records of c, in arrays of its own.
func (b *stateBatch) join(c *stateBatch) {
	n := len(b.buf)
	b.buf = slices.Concat(b.buf, c.buf)
	b.ends = slices.Clone(b.ends)
	for _, end := range c.ends {
		b.ends = append(b.ends, n+end)
	}
}

// commit appends the records, after those that are owed, and makes them
// durable. After an error none of them counts; a full disk leaves the file as
// it was.
func (s *stateLog) commit(b *stateBatch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if len(s.owed.ends) > 0 {
		all := s.owed
		all.join(b)
		b = &all
	}
	if len(b.ends) == 0 {
		return nil
	}
	if s.nameless {
		if err := s.syncName(); err != nil {
			return err
		}
	}
	if _, err := s.f.WriteAt(b.buf, s.size); err != nil {
		if terr := s.f.Truncate(s.size); terr != nil {
			s.broken = fmt.Errorf("%w, and then: %w", err, terr)
		}
		return err
	}
	if err := s.f.Sync(); err != nil {
		s.broken = &syncError{err}
		return s.broken
	}
	start := 0
	for _, end := range b.ends {
		s.apply(b.buf[start:end], s.size+int64(start))
		start = end
	}
	s.size += int64(len(b.buf))
	s.owed = stateBatch{}
	if s.size < max(2*s.floor, s.minSize) {
		return nil
	}
	if err := s.rewrite(); err != nil {
		if isSyncError(err) || !isNoSpace(err) && !isTransient(err) {
			s.broken = err
			return err
		}
		s.logger.Warn("state log not rewritten", "path", s.path, "error", err)
	}
	return nil
}

// owe keeps records that a full disk has refused. They are written before all
// others, as soon as there is room: before that, nothing may rely on them. Keys
// that are gone are gone at once.
func (s *stateLog) owe(b *stateBatch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	start := 0
	for _, end := range b.ends {
		if rec := b.buf[start:end]; stateKind(rec[12]) == kindGone {
			s.apply(rec, 0)
		}
		start = end
	}
	s.owed.join(b)
}

// overwrite replaces a value by one of the same size, durably and where it
// lies, which takes no space. A crash meanwhile may lose the record.
func (s *stateLog) overwrite(key string, kind stateKind, fn func([]byte) []byte) error {
	var b stateBatch
	b.add(key, kind, fn)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.refs[key]
	if r == nil || int(r[kind].n) != len(b.buf) {
		return errBadState
	}
	if _, err := s.f.WriteAt(b.buf, r[kind].pos); err != nil {
		return err
	}
	if end := r[kind].pos + int64(len(b.buf)); end <= int64(len(s.image)) {
		copy(s.image[r[kind].pos:], b.buf)
	}
	return s.f.Sync()
}

// get returns the value last committed under key; nil if there is none or if
// it can no longer be read.
func (s *stateLog) get(key string, kind stateKind) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.refs[key]
	if r == nil || r[kind].n == 0 {
		return nil
	}
	rec, err := s.record(r[kind])
	if err != nil {
		s.lost++
		return nil
	}
	return rec[stateRecHeader+r[kind].key:]
}

// record returns the bytes of a record, checked; the result may be kept.
func (s *stateLog) record(r stateRef) ([]byte, error) {
	if end := r.pos + int64(r.n); end <= int64(len(s.image)) {
		return slices.Clone(s.image[r.pos:end]), nil
	}
	return s.read(r)
}

// read reads a record from the file.
func (s *stateLog) read(r stateRef) ([]byte, error) {
	b := make([]byte, r.n)
	if _, err := s.f.ReadAt(b, r.pos); err != nil {
		return nil, err
	}
	if n, ok := stateRecordAt(b); !ok || n != len(b) {
		return nil, errBadState
	}
	return b, nil
}

var errBadState = errors.New("state log: damaged record")

// keys returns the names of all partitions that have a record, sorted.
func (s *stateLog) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]string, 0, len(s.refs))
	for k := range s.refs {
		if k != "" {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// dropImage frees the copy that served the start.
func (s *stateLog) dropImage() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.image = nil
}

// rewrite makes a new file of the records that count and puts it in the place
// of the old one. The caller holds mu.
func (s *stateLog) rewrite() error {
	tmp := s.path + ".tmp"
	f, err := s.fs.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	refs, size, err := s.copyTo(f)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = s.fs.Rename(tmp, s.path)
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	if s.f != nil {
		_ = s.f.Close() // replaced, and read only since its last sync
	}
	s.f, s.refs, s.size, s.floor, s.image = f, refs, size, size, nil
	s.nameless = true
	return s.syncName()
}

// syncName makes the name of a rewritten file durable. Before that, nothing that
// is committed counts.
func (s *stateLog) syncName() error {
	err := synced(s.fs.SyncDir(filepath.Dir(s.path)))
	s.nameless = err != nil
	return err
}

// copyTo writes header and live records to f.
func (s *stateLog) copyTo(f vfs.File) (map[string]*stateRefs, int64, error) {
	out := &fileAppender{f: f}
	out.write([]byte(stateHeader))
	refs := make(map[string]*stateRefs, len(s.refs))
	keys := make([]string, 0, len(s.refs))
	for k := range s.refs {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		next := new(stateRefs)
		for kind, r := range s.refs[key] {
			if r.n == 0 {
				continue
			}
			rec, err := s.record(r)
			if err != nil {
				s.lost++
				s.logger.Warn("state log: record lost", "key", key, "kind", kind, "error", err)
				continue
			}
			next[kind] = stateRef{pos: out.pos(), n: r.n, key: r.key}
			out.write(rec)
		}
		refs[key] = next
	}
	return refs, out.pos(), out.flush()
}

// fileAppender gathers small writes.
type fileAppender struct {
	f   vfs.File
	at  int64
	buf []byte
	err error
}

func (a *fileAppender) pos() int64 { return a.at + int64(len(a.buf)) }

func (a *fileAppender) write(b []byte) {
	a.buf = append(a.buf, b...)
	if len(a.buf) >= 1<<20 {
		_ = a.flush()
	}
}

func (a *fileAppender) flush() error {
	if a.err == nil && len(a.buf) > 0 {
		_, a.err = a.f.WriteAt(a.buf, a.at)
	}
	a.at += int64(len(a.buf))
	a.buf = a.buf[:0]
	return a.err
}

func (s *stateLog) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f.Close()
}
