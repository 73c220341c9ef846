package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/vfs"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// A snapshot is a file "<index>-<term>.snapshot" that replaces all entries up
// to its index: a header with the membership, the state machine's bytes in
// chunks, and a footer. Every part has a CRC; a file without its footer is not
// a snapshot. docs/format/metadata-log.md has the byte diagram.
const (
	snapshotSuffix    = ".snapshot"
	snapshotMagic     = 0x48524d534e415031 // "HRMSNAP1"
	snapshotFixedSize = 44
	snapshotChunk     = 64 << 10
	// maxSnapshotHeader bounds the variable part of the header, and
	// maxSnapshotBytes a whole file: 100,000 partitions take about 10 MB.
	maxSnapshotHeader = 1 << 20
	maxSnapshotBytes  = 512 << 20
)

// snapshotMeta describes a snapshot.
type snapshotMeta struct {
	Index      uint64
	Term       uint64
	Membership Membership
	ConfState  *pb.ConfState // Raft's own view of Membership, joint or not
}

func snapshotName(index, term uint64) string {
	return fmt.Sprintf("%020d-%010d%s", index, term, snapshotSuffix)
}

// parseSnapshotName returns index and term in a snapshot's file name.
func parseSnapshotName(name string) (index, term uint64, ok bool) {
	stem, ok := strings.CutSuffix(name, snapshotSuffix)
	left, right, found := strings.Cut(stem, "-")
	if !ok || !found {
		return 0, 0, false
	}
	index, errI := strconv.ParseUint(left, 10, 64)
	term, errT := strconv.ParseUint(right, 10, 64)
	return index, term, errI == nil && errT == nil && snapshotName(index, term) == name
}

// encodeSnapshotHeader lays out: crc of all that follows in the header, magic,
// lengths, index, term; then membership and ConfState.
func encodeSnapshotHeader(m snapshotMeta) ([]byte, error) {
	conf, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.ConfState)
	if err != nil {
		return nil, fmt.Errorf("encode snapshot header: %w", err)
	}
	members := m.Membership.encode(nil)
	h := make([]byte, snapshotFixedSize, snapshotFixedSize+len(members)+len(conf))
	be := binary.BigEndian
	be.PutUint64(h[4:], snapshotMagic)
	be.PutUint32(h[12:], uint32(len(members)))
	be.PutUint32(h[16:], uint32(len(conf)))
	be.PutUint64(h[20:], m.Index)
	be.PutUint64(h[28:], m.Term)
	be.PutUint64(h[36:], 0) // reserved
	h = append(append(h, members...), conf...)
	be.PutUint32(h, crc32.Checksum(h[4:], castagnoli))
	return h, nil
}

// decodeSnapshotHeader reads a header from the front of b and returns its size.
func decodeSnapshotHeader(path string, b []byte) (m snapshotMeta, size int, err error) {
	be := binary.BigEndian
	if len(b) < snapshotFixedSize || be.Uint64(b[4:]) != snapshotMagic {
		return m, 0, corruptf(path, 0, "no snapshot header")
	}
	members, conf := be.Uint32(b[12:]), be.Uint32(b[16:])
	if members > maxSnapshotHeader || conf > maxSnapshotHeader {
		return m, 0, corruptf(path, 12, "snapshot header is too long")
	}
	size = snapshotFixedSize + int(members) + int(conf)
	if len(b) < size || be.Uint32(b) != crc32.Checksum(b[4:size], castagnoli) {
		return m, 0, corruptf(path, 0, "snapshot header has a bad CRC")
	}
	m.Index, m.Term = be.Uint64(b[20:]), be.Uint64(b[28:])
	r := reader{b: b[snapshotFixedSize:][:members]}
	m.Membership = decodeMembership(&r)
	m.ConfState = &pb.ConfState{}
	if err := errors.Join(r.err, proto.Unmarshal(b[size-int(conf):size], m.ConfState)); err != nil {
		return m, 0, corruptf(path, snapshotFixedSize, "snapshot header: %v", err)
	}
	return m, size, nil
}

// snapshotWriter cuts what is written to it into chunks with CRCs.
type snapshotWriter struct {
	file  vfs.File
	pos   int64
	buf   []byte // one chunk in the making, its 8-byte head first
	total uint64
}

const chunkHead = 8

func newSnapshotWriter(f vfs.File, header []byte) (*snapshotWriter, error) {
	if _, err := f.WriteAt(header, 0); err != nil {
		return nil, err
	}
	return &snapshotWriter{file: f, pos: int64(len(header)), buf: make([]byte, chunkHead, chunkHead+snapshotChunk)}, nil
}

// Write implements io.Writer.
func (w *snapshotWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		take := min(len(p), chunkHead+snapshotChunk-len(w.buf))
		w.buf = append(w.buf, p[:take]...)
		p = p[take:]
		if len(w.buf) == chunkHead+snapshotChunk {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (w *snapshotWriter) flush() error {
	data := w.buf[chunkHead:]
	if len(data) == 0 {
		return nil
	}
	binary.BigEndian.PutUint32(w.buf, uint32(len(data)))
	binary.BigEndian.PutUint32(w.buf[4:], crc32.Checksum(data, castagnoli))
	if _, err := w.file.WriteAt(w.buf, w.pos); err != nil {
		return err
	}
	w.pos += int64(len(w.buf))
	w.total += uint64(len(data))
	w.buf = w.buf[:chunkHead]
	return nil
}

// finish writes the footer: an empty chunk whose CRC covers the total length.
func (w *snapshotWriter) finish() error {
	if err := w.flush(); err != nil {
		return err
	}
	foot := make([]byte, chunkHead+8)
	binary.BigEndian.PutUint64(foot[chunkHead:], w.total)
	binary.BigEndian.PutUint32(foot[4:], crc32.Checksum(foot[chunkHead:], castagnoli))
	_, err := w.file.WriteAt(foot, w.pos)
	return err
}

// writeSnapshot stores a snapshot: whole and durable under its name when it
// returns nil, absent otherwise. fill writes the state machine's bytes.
func writeSnapshot(fsys vfs.FS, dir string, m snapshotMeta, fill func(io.Writer) error) error {
	header, err := encodeSnapshotHeader(m)
	if err != nil {
		return err
	}
	return publishSnapshot(fsys, dir, m, func(f vfs.File) error {
		w, err := newSnapshotWriter(f, header)
		if err != nil {
			return err
		}
		if err := fill(w); err != nil {
			return err
		}
		return w.finish()
	})
}

// publishSnapshot writes a file under a temporary name, syncs it, renames it
// and syncs the directory.
func publishSnapshot(fsys vfs.FS, dir string, m snapshotMeta, write func(vfs.File) error) error {
	path := filepath.Join(dir, snapshotName(m.Index, m.Term))
	f, err := fsys.OpenFile(path+tmpSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("create snapshot: %w", err)
	}
	if err = write(f); err == nil {
		if err = f.Sync(); err != nil {
			err = &syncError{err}
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write snapshot %s: %w", path, err), fsys.Remove(path+tmpSuffix))
	}
	if err := errors.Join(fsys.Rename(path+tmpSuffix, path), fsys.SyncDir(dir)); err != nil {
		return &syncError{fmt.Errorf("publish snapshot %s: %w", path, err)}
	}
	return nil
}

// parseSnapshot checks a whole snapshot file and returns its header and the
// state machine's bytes, put together again.
func parseSnapshot(path string, b []byte) (snapshotMeta, []byte, error) {
	m, pos, err := decodeSnapshotHeader(path, b)
	if err != nil {
		return m, nil, err
	}
	be := binary.BigEndian
	body := make([]byte, 0, len(b)-pos)
	for {
		rest := b[pos:]
		if len(rest) < chunkHead {
			return m, nil, corruptf(path, int64(pos), "snapshot has no footer")
		}
		size, crc := be.Uint32(rest), be.Uint32(rest[4:])
		footer := size == 0
		if footer {
			size = 8
		}
		if size > snapshotChunk || len(rest) < chunkHead+int(size) {
			return m, nil, corruptf(path, int64(pos), "snapshot chunk is cut short")
		}
		data := rest[chunkHead:][:size]
		if crc32.Checksum(data, castagnoli) != crc {
			return m, nil, corruptf(path, int64(pos), "snapshot chunk has a bad CRC")
		}
		if footer {
			if be.Uint64(data) != uint64(len(body)) || len(rest) != chunkHead+8 {
				return m, nil, corruptf(path, int64(pos), "snapshot footer does not match")
			}
			return m, body, nil
		}
		body = append(body, data...)
		pos += chunkHead + int(size)
	}
}

// readSnapshotFile reads a file of at most maxSnapshotBytes.
func readSnapshotFile(fsys vfs.FS, path string) ([]byte, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	size, err := f.Size()
	if err == nil && size > maxSnapshotBytes {
		err = corruptf(path, 0, "snapshot has %d bytes", size)
	}
	var b []byte
	if err == nil {
		b, err = readAll(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read snapshot %s: %w", path, err)
	}
	return b, nil
}
