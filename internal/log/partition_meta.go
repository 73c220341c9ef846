package log

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/kafka/uuid"
	"github.com/headrace/headrace/internal/vfs"
)

const metaName = "partition.metadata"

// partitionMeta is what partition.metadata says: enough to serve a partition
// when everything else but its segments is lost.
type partitionMeta struct {
	topicID     TopicID
	startOffset int64
}

var errBadMeta = errors.New("partition.metadata is damaged")

// encode is a text in the manner of Kafka's file of this name, version 0, with
// the start offset and a CRC-32C of the lines before it. All have the same size,
// so that one can be written over another on a full disk.
func (m partitionMeta) encode() []byte {
	s := fmt.Sprintf("version: 1\ntopic_id: %s\nlog_start_offset: %019d\n", m.topicID, m.startOffset)
	return fmt.Appendf(nil, "%scrc32c: %08x\n", s, crc32.Checksum([]byte(s), castagnoli))
}

// decodeMeta accepts exactly what encode makes, and Kafka's own version 0.
func decodeMeta(b []byte) (partitionMeta, error) {
	fields := map[string]string{}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		fields[key] = value
	}
	id, err := uuid.Parse(fields["topic_id"])
	if err != nil {
		return partitionMeta{}, errBadMeta
	}
	m := partitionMeta{topicID: TopicID(id)}
	if fields["version"] == "0" && len(fields) == 2 {
		return m, nil
	}
	m.startOffset, err = strconv.ParseInt(fields["log_start_offset"], 10, 64)
	if err != nil || m.startOffset < 0 || string(m.encode()) != string(b) {
		return partitionMeta{}, errBadMeta
	}
	return m, nil
}

// correctMeta finds the one bit that makes b sound again. Only one can: at this
// length, two texts that fit their CRC-32C differ in more than two bits.
func correctMeta(b []byte) (partitionMeta, bool) {
	if len(b) != len(partitionMeta{}.encode()) {
		return partitionMeta{}, false
	}
	b = slices.Clone(b)
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			if m, err := decodeMeta(b); err == nil {
				return m, true
			}
			b[i] ^= 1 << bit
		}
	}
	return partitionMeta{}, false
}

func readMeta(fs vfs.FS, dir string) (partitionMeta, error) {
	b, err := readFile(fs, filepath.Join(dir, metaName), 4096)
	if err != nil {
		return partitionMeta{}, err
	}
	return decodeMeta(b)
}

// createMeta writes the file of a new partition. It is synced with the first
// sync of the log: until then there is nothing that it could cost.
func createMeta(fs vfs.FS, dir string, m partitionMeta) error {
	f, err := fs.OpenFile(filepath.Join(dir, metaName), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(m.encode(), 0)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// overwriteMeta writes the file in place, durably.
func overwriteMeta(fs vfs.FS, dir string, m partitionMeta) error {
	name := filepath.Join(dir, metaName)
	_ = fs.Remove(name + ".tmp") // what the full disk has left of it
	f, err := fs.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := m.encode()
	if _, err = f.WriteAt(b, 0); err == nil {
		err = f.Truncate(int64(len(b)))
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// syncFile makes the content of a file durable.
func syncFile(fs vfs.FS, name string) error {
	f, err := fs.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// writeMeta replaces the file. The new content is durable before it has its
// name; the name is durable after a SyncDir of dir, which is the caller's.
func writeMeta(fs vfs.FS, dir string, m partitionMeta) error {
	return replaceFile(fs, filepath.Join(dir, metaName), m.encode())
}

// readFile reads a file of at most limit bytes.
func readFile(fs vfs.FS, name string, limit int64) ([]byte, error) {
	f, err := fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(size, limit))
	if len(b) == 0 {
		return b, nil
	}
	_, err = f.ReadAt(b, 0)
	return b, err
}

// replaceFile writes a file under another name, syncs and renames it.
func replaceFile(fs vfs.FS, name string, b []byte) error {
	tmp := name + ".tmp"
	f, err := fs.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return fs.Rename(tmp, name)
}
