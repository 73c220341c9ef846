package schema

import (
	"bytes"
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/headrace/headrace/internal/kafka/record"
)

var writeSamples = flag.String("write-samples", "", "write segments with records of every kind and version below this directory")

// TestSamples makes the segments that the stories of kafka-dump-log decode, and looks whether they are those that
// Java has printed.
func TestSamples(t *testing.T) {
	for name, family := range map[string]func(*segmentWriter){
		"offsets/00000000000000000000.log":                    func(w *segmentWriter) { w.coordinator(Groups()) },
		"transactions/00000000000000000000.log":               func(w *segmentWriter) { w.coordinator(Transactions()) },
		"shares/00000000000000000000.log":                     func(w *segmentWriter) { w.coordinator(Shares()) },
		"metadata/00000000000000000000.log":                   func(w *segmentWriter) { w.framed(metadataRecords) },
		"metadata/00000000000000000042-0000000007.checkpoint": (*segmentWriter).checkpoint,
		"metadata/bootstrap.checkpoint":                       func(w *segmentWriter) { w.framed(metadataRecords[:3]) },
		"remote/00000000000000000000.log":                     func(w *segmentWriter) { w.framed(remoteLogRecords) },
	} {
		w := &segmentWriter{t: t, r: rand.New(rand.NewPCG(5, uint64(len(name))))}
		family(w)
		if *writeSamples == "" {
			kept, err := os.ReadFile(filepath.Join("..", "..", "cli", "testdata", "dump-files", name))
			if err != nil || !bytes.Equal(kept, w.out) {
				t.Errorf("%s is not what it was (%v): write the samples anew, and record the stories", name, err)
			}
			continue
		}
		path := filepath.Join(*writeSamples, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, w.out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// segmentWriter puts each record into a batch of its own.
type segmentWriter struct {
	t      *testing.T
	r      *rand.Rand
	offset int64
	out    []byte
}

func (w *segmentWriter) record(control bool, key, value []byte) {
	var b record.Builder
	b.Reset(record.BatchOptions{BaseOffset: w.offset, LeaderEpoch: 3, Control: control})
	b.Append(1700000000000+w.offset, key, value)
	batch, err := b.Build(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.out = append(w.out, batch...)
	w.offset++
}

func prefixed(version int16, data []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(version)), data...)
}

func (w *segmentWriter) coordinator(c Coordinator) {
	for _, kind := range c.Types() {
		m, v := c.Key(kind), c.Value(kind)
		for _, version := range versionsOf(v) {
			for i := range 3 {
				key, _ := sample(w.r, m, m.versions.first, false)
				value, _ := sample(w.r, v, version, i == 0)
				w.record(false, prefixed(kind, key), prefixed(version, value))
			}
		}
		key, _ := sample(w.r, m, m.versions.first, false)
		w.record(false, prefixed(kind, key), nil)
	}
	w.record(false, prefixed(99, []byte("what")), prefixed(0, nil)) // of a later Kafka
	key, _ := sample(w.r, c.Key(c.Types()[0]), 0, false)
	w.record(false, prefixed(c.Types()[0], key), prefixed(90, nil))
	w.record(false, []byte{1}, nil)
	w.record(false, prefixed(c.Types()[0], []byte{0xff, 0xff, 0xff, 0xff}), nil)
	w.record(false, prefixed(c.Types()[0], key), []byte{0})
}

func (w *segmentWriter) framed(all []Message) {
	for i := range all {
		m := &all[i]
		for _, version := range versionsOf(m) {
			for i := range 3 {
				value, _ := sample(w.r, m, version, i == 0)
				w.record(false, nil, frameOf(m.Key, version, value))
			}
		}
	}
	w.record(false, nil, []byte{0, 2, 0})
	w.record(false, nil, []byte{9, 2, 0})
	w.record(false, nil, append(frameOf(20, 0, nil), 0, 7))
}

func frameOf(key, version int16, value []byte) []byte {
	b := binary.AppendUvarint([]byte{frameVersion}, uint64(key))
	return append(binary.AppendUvarint(b, uint64(version)), value...)
}

// checkpoint has the control records of Kafka's quorum around records.
func (w *segmentWriter) checkpoint() {
	for kind, name := range []string{2: "LeaderChangeMessage", 3: "SnapshotHeaderRecord", 5: "KRaftVersionRecord", 6: "VotersRecord", 4: "SnapshotFooterRecord"} {
		if name == "" {
			continue
		}
		value, _ := sample(w.r, Named(name), 0, false)
		binary.BigEndian.PutUint16(value, 0) // the message's own version
		w.record(true, []byte{0, 0, 0, byte(kind)}, value)
	}
	w.record(true, []byte{0, 0, 0, 77}, []byte{1, 2, 3}) // of a later Kafka
	w.record(false, nil, frameOf(20, 0, []byte{0}))
}
