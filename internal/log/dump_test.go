package log

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/vfs"
)

var writeSamples = flag.String("write-samples", "", "write files of every kind into this directory, for the stories of kafka-dump-log")

// sampleState is a state log with a record of every kind.
func sampleState(t *testing.T) []byte {
	disk := vfs.NewMem()
	s, err := openStateLog(disk, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	var b stateBatch
	b.add("", kindSession, session{number: 3, clean: true, since: 2, bootID: "ab-cd"}.encode)
	b.add("orders-0", kindFound, func(b []byte) []byte { return encodeFound(b, 2) })
	b.add("orders-0", kindCheckpoint, goldenCheckpoint.encode)
	b.add("orders-0", kindEpochs, func(b []byte) []byte { return encodeEpochs(b, 1, 77, epochs{{1, 0}, {4, 50}}) })
	b.add("orders-0", kindSegments, func(b []byte) []byte {
		return encodeSegments(b, 2, []*segment{{base: 0, size: 1000, sealed: true, segmentTimes: segmentTimes{1, 2, 3, 4}}})
	})
	b.add("orders-0", kindProducers, func(b []byte) []byte { return goldenProducers().encode(b, 4, 109) })
	b.add("orders-0", kindProducersEnd, func(b []byte) []byte { return newProducers().encode(b, 6, 1000) })
	b.add("", kindScrub, scrubRound{1, 2, 3, 4, "orders-0"}.encode)
	b.add("later-0", 77, func(b []byte) []byte { return append(b, 1) })
	b.add("later-0", kindEpochs, func(b []byte) []byte { return append(b, 9) }) // of a later version
	b.add("gone-0", kindGone, nil)
	if err := s.commit(&b); err != nil {
		t.Fatal(err)
	}
	out, err := readFile(disk, "/"+stateName, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func kindsOf(b []byte) (kinds []string, damaged int) {
	for d := range DumpState(b) {
		if d.Damaged {
			damaged += d.Size
		} else {
			kinds = append(kinds, d.Kind)
		}
	}
	return kinds, damaged
}

func TestDumpState(t *testing.T) {
	b := sampleState(t)
	if !IsStateLog(b) || IsStateLog(b[:5]) {
		t.Error("a state log is not told from others")
	}
	want := []string{"session", "found", "checkpoint", "epochs", "segments", "producers", "producers-at-end", "scrub", "unknown", "epochs", "gone"}
	kinds, damaged := kindsOf(b)
	if damaged != 0 || !slices.Equal(kinds, want) {
		t.Errorf("got %v and %d damaged bytes", kinds, damaged)
	}
	covered := int64(len(stateHeader))
	for d := range DumpState(b) {
		if d.Position != covered {
			t.Errorf("%s is at %d, the one before ends at %d", d.Kind, d.Position, covered)
		}
		covered += int64(d.Size)
		known := d.Key == "orders-0" || d.Key == ""
		if text, err := json.Marshal(d.Value); err != nil || known == (string(text) == "null") {
			t.Errorf("%s %q: %s, %v", d.Kind, d.Key, text, err)
		}
	}
	if covered != int64(len(b)) {
		t.Errorf("%d of %d bytes are shown", covered, len(b))
	}
}

// A flipped bit costs the record that it is in, and no other.
func TestDumpDamagedState(t *testing.T) {
	whole := sampleState(t)
	kinds, _ := kindsOf(whole)
	for i := len(stateHeader); i < len(whole); i++ {
		b := slices.Clone(whole)
		b[i] ^= 4
		if got, damaged := kindsOf(b); len(got) != len(kinds)-1 || damaged == 0 {
			t.Fatalf("byte %d: %v are left, %d bytes damaged", i, got, damaged)
		}
	}
	for n := range len(whole) {
		kindsOf(whole[:n]) // any length
	}
}

func TestDumpIndex(t *testing.T) {
	b := sampleIndex(t, []entry{{0, 0, -1}, {3, 110, 1005}, {6, 245, 1005}})
	if !IsIndex(b) {
		t.Error("an index is not told from others")
	}
	var got []IndexDump
	for d, err := range DumpIndex(b, 5) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d)
	}
	if want := []IndexDump{{5, 0, -1}, {8, 110, 1005}, {11, 245, 1005}}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	b[100] ^= 1
	for d, err := range DumpIndex(b, 5) {
		if err == nil || !strings.Contains(err.Error(), "page 0") {
			t.Error(d, err)
		}
	}
}

// sampleIndex is the index of a segment at offset 5.
func sampleIndex(t *testing.T, v []entry) []byte {
	disk := vfs.NewMem()
	s := &segment{base: 5, dir: "/"}
	if err := writePages(disk, s, 0, v); err != nil {
		t.Fatal(err)
	}
	b, err := readFile(disk, s.indexPath(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSamples makes the files that the stories of kafka-dump-log show, and looks whether they are those.
func TestSamples(t *testing.T) {
	var segmentBytes []byte
	var entries []entry
	for i := range 3 {
		var b record.Builder
		b.Reset(record.BatchOptions{BaseOffset: int64(5 + 2*i)})
		b.Append(1700000000000, nil, []byte("a"))
		b.Append(1700000000001, nil, []byte("b"))
		batch, err := b.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry{uint32(2 * i), uint32(len(segmentBytes)), 1700000000000 + int64(i)})
		segmentBytes = append(segmentBytes, batch...)
	}
	entries[2].rel++ // leads to a batch that begins elsewhere
	state := sampleState(t)
	state[len(stateHeader)+20] ^= 1
	for name, b := range map[string][]byte{
		"00000000000000000005.log": segmentBytes, "00000000000000000005.idx": sampleIndex(t, entries), stateName: state,
		metaName: partitionMeta{topicID: testID, startOffset: 42}.encode(),
	} {
		if *writeSamples == "" {
			kept, err := os.ReadFile(filepath.Join("..", "cli", "testdata", "dump-files", "own", name))
			if err != nil || !slices.Equal(kept, b) {
				t.Errorf("%s is not what it was (%v): write the samples anew, and record the stories", name, err)
			}
			continue
		}
		if err := os.WriteFile(filepath.Join(*writeSamples, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
