package log

import (
	"encoding/hex"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/internal/vfs"
)

// The bytes in this file are the formats of docs/format/log.md. A change here
// is a change of format: what is on disks must stay readable.

func golden(t *testing.T, name string, got []byte, want string) {
	t.Helper()
	want = strings.Join(strings.Fields(want), "")
	if g := hex.EncodeToString(got); g != want {
		t.Errorf("%s:\n got %s\nwant %s", name, g, want)
	}
}

var goldenCheckpoint = checkpoint{
	topicID: testID, session: 3, start: 5, hw: 900,
	point: mark{
		offset: 1000, base: 500, pos: 4096, sparse: true,
		segmentTimes: segmentTimes{first: 11, max: 22, maxBase: 980, modified: 33},
	},
	epochs: 1, segments: 2, producers: 4, producersEnd: 6, producersFrom: 800, cutting: true, named: true,
}

func goldenProducers() *producers {
	s := newProducers()
	for _, i := range []batchInfo{
		{id: 7, epoch: 2, baseSeq: 10, base: 100, last: 104, maxTimestamp: 1000},
		{id: 7, epoch: 2, baseSeq: 15, base: 105, last: 105, maxTimestamp: 1001, transactional: true},
		{id: 9, epoch: 0, baseSeq: 0, base: 106, last: 107, maxTimestamp: 1002, transactional: true},
		{
			id: 9, epoch: 0, baseSeq: -1, base: 108, last: 108, maxTimestamp: 1003, control: true,
			marker: marker{ok: true, abort: true, coordinatorEpoch: 5},
		},
	} {
		s.apply(&i)
	}
	return s
}

func TestFormatStateValues(t *testing.T) {
	golden(t, "session", session{number: 3, clean: true, since: 2, bootID: "ab-cd"}.encode(nil), "01 01 0000000000000003 0000000000000002 61622d6364")
	golden(t, "found", encodeFound(nil, 2), "01 0000000000000002")
	golden(t, "checkpoint", goldenCheckpoint.encode(nil), `
		01 07 0102030405060708090a0b0c0d0e0f10 0000000000000003 0000000000000005 0000000000000384
		00000000000003e8 00000000000001f4 0000000000001000
		000000000000000b 0000000000000016 00000000000003d4 0000000000000021
		0000000000000320 00000001 00000002 00000004 00000006`)
	golden(t, "epochs", encodeEpochs(nil, 2, 77, epochs{{1, 0}, {4, 50}}), `
		01 00000002 000000000000004d 00000001 0000000000000000 00000004 0000000000000032`)
	golden(t, "segments", encodeSegments(nil, 9, []*segment{
		{base: 0, size: 1000, sealed: true, sparse: true, segmentTimes: segmentTimes{1, 2, 3, 4}}, {base: 10},
	}), `01 00000009 01 0000000000000000 00000000000003e8
		0000000000000001 0000000000000002 0000000000000003 0000000000000004`)
	golden(t, "producers", goldenProducers().encode(nil, 1, 109), `
		01 00000001 000000000000006d 00000002
		0000000000000007 0002 ffffffff 00000000000003e9 0000000000000069 02
		0000000000000068 00000000000003e8 0000000e 00000004
		0000000000000069 00000000000003e9 0000000f 00000000
		0000000000000009 0000 00000005 00000000000003eb ffffffffffffffff 01
		000000000000006b 00000000000003ea 00000001 00000001
		00000001 000000000000006a 000000000000006c
		00000001 0000000000000009 000000000000006a 000000000000006c 0000000000000069`)
}

func TestFormatRoundTrip(t *testing.T) {
	all := cmp.AllowUnexported(session{}, checkpoint{}, mark{}, epochEntry{}, sealedSegment{}, segmentTimes{},
		producers{}, producer{}, producerBatch{}, openTxn{}, doneTxn{})
	check := func(name string, got, want any) {
		t.Helper()
		if d := cmp.Diff(want, got, all); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	s := session{number: math.MaxUint64, since: 9, bootID: "x"}
	gotSession, _ := decodeSession(s.encode(nil))
	check("session", gotSession, s)
	gotPoint, _ := decodeCheckpoint(goldenCheckpoint.encode(nil))
	check("checkpoint", gotPoint, goldenCheckpoint)
	_, _, gotEpochs, _ := decodeEpochs(encodeEpochs(nil, 1, 5, epochs{{1, 2}}))
	check("epochs", gotEpochs, epochs{{1, 2}})
	_, gotSegments, _ := decodeSegments(encodeSegments(nil, 1, []*segment{{base: 4, size: 5, sealed: true}}))
	check("segments", gotSegments, []sealedSegment{{base: 4, size: 5}})
	_, _, gotProducers, _ := decodeProducers(goldenProducers().encode(nil, 1, 1))
	check("producers", gotProducers, goldenProducers())
}

func TestFormatStateLog(t *testing.T) {
	fs := vfs.NewMem()
	s, err := openStateLog(fs, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	var b stateBatch
	b.add("a-0", kindEpochs, func(b []byte) []byte { return append(b, 0xcc) })
	b.add("a-0", kindGone, nil)
	if err := s.commit(&b); err != nil {
		t.Fatal(err)
	}
	got, err := readFile(fs, "/"+stateName, 1000)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "state log", got, `
		48 52 53 54 41 54 45 01
		ab4852ba 9e353407 00000004 02 0003 612d30 cc
		ab4852ba 84755b25 00000003 ff 0003 612d30`)
}

func TestFormatIndexPage(t *testing.T) {
	var b [pageBytes]byte
	encodePage(&b, 1000, 2, []entry{{1, 2, 3}, {4, 5, -1}})
	golden(t, "page", b[:pageHeader+2*entryBytes], `
		4852495800000001 00000000000003e8 00000002 00000002 00000000 d8de3c80
		00000001 00000002 0000000000000003
		00000004 00000005 ffffffffffffffff`)
	if n, ok := decodePage(&b, 1000, 2); !ok || n != 2 || pageEntry(&b, 1) != (entry{4, 5, -1}) {
		t.Error(n, ok)
	}
	for _, c := range []struct {
		base   int64
		number int
	}{{1001, 2}, {1000, 3}} {
		if _, ok := decodePage(&b, c.base, c.number); ok {
			t.Error("page of another place taken", c)
		}
	}
}

func TestFormatMetadata(t *testing.T) {
	const want = "version: 1\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA\nlog_start_offset: 0000000000000000042\ncrc32c: 0d74ffd4\n"
	m := partitionMeta{topicID: testID, startOffset: 42}
	if got := string(m.encode()); got != want {
		t.Errorf("%q", got)
	}
	if got, err := decodeMeta([]byte(want)); err != nil || got != m {
		t.Error(got, err)
	}
	kafkas := "version: 0\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA\n"
	if got, err := decodeMeta([]byte(kafkas)); err != nil || got.topicID != testID {
		t.Error(got, err)
	}
}

func FuzzDecodeState(f *testing.F) {
	f.Add(goldenCheckpoint.encode(nil))
	f.Add(goldenProducers().encode(nil, 1, 1))
	f.Add(encodeEpochs(nil, 1, 5, epochs{{1, 2}}))
	f.Add(session{}.encode(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, ok := decodeCheckpoint(b); ok {
			golden(t, "checkpoint", v.encode(nil), hex.EncodeToString(v.encode(nil)))
		}
		decodeSession(b)
		if rev, asOf, v, ok := decodeEpochs(b); ok && string(encodeEpochs(nil, rev, asOf, v)) != string(b) {
			t.Error("epochs do not round trip")
		}
		if _, v, ok := decodeSegments(b); ok && len(v) > len(b)/49 {
			t.Error("more segments than bytes")
		}
		if _, _, v, ok := decodeProducers(b); ok && len(v.byID) > len(b)/31 {
			t.Error("more producers than bytes")
		}
	})
}

func FuzzStateLog(f *testing.F) {
	var b stateBatch
	b.add("", kindSession, session{number: 1}.encode)
	b.add("a-0", kindEpochs, func(b []byte) []byte { return append(b, "abc"...) })
	b.add("a-0", kindGone, nil)
	f.Add(append([]byte(stateHeader), b.buf...))
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := vfs.NewMem()
		write(t, fs, "/"+stateName, b)
		s, err := openStateLog(fs, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range s.keys() {
			for kind := range stateKinds {
				s.get(k, kind)
			}
		}
		// What was read stays when more is written.
		var more stateBatch
		more.add("new-0", kindEpochs, func(b []byte) []byte { return append(b, "x"...) })
		keys := s.keys()
		if err := s.commit(&more); err != nil {
			t.Fatal(err)
		}
		again, err := openStateLog(fs, "/", nil)
		if err != nil || again.get("new-0", kindEpochs) == nil || len(again.keys()) < len(keys) {
			t.Fatal(err, again.keys(), keys)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add(partitionMeta{topicID: testID, startOffset: 42}.encode())
	f.Add([]byte("version: 0\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := decodeMeta(b); err == nil && m.startOffset < 0 {
			t.Error(m)
		}
	})
}

// FuzzOpen opens a directory whose segment holds arbitrary bytes.
func FuzzOpen(f *testing.F) {
	good := append(plain(f, 2, "a"), plain(f, 1, "b")...)
	good.SetLeaderEpoch(1)
	f.Add([]byte(good), false)
	f.Add([]byte(good[:len(good)-1]), true)
	f.Fuzz(func(t *testing.T, b []byte, rebooted bool) {
		fs := vfs.NewCrashableMem()
		d, l, err := openTest(fs, "1", Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Sync(); err != nil {
			t.Fatal(err)
		}
		name := l.mem.active().path()
		d.Abandon()
		write(t, fs, name, b)
		boot := "1"
		if rebooted {
			boot = "2"
		}
		d, l, err = openTest(fs, boot, Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Abandon()
		survey(t, l)
		end := l.EndOffset()
		if a, err := l.Append(plain(t, 1, "new"), AppendOptions{Now: epoch0}); err != nil || a.BaseOffset != end {
			t.Fatal(a, err)
		}
	})
}

func write(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
