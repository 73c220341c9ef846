package log

import (
	"errors"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// TestLostOffsetsAreNotGivenOutAgain: a file has lost its end, after a clean stop
// and after a kill. Clients have seen the records that were there: what is written
// next gets offsets behind them, and who reads the lost ones is told.
func TestLostOffsetsAreNotGivenOutAgain(t *testing.T) {
	for _, clean := range []bool{true, false} {
		for _, left := range []int64{0, 1, 61, 100, 250} {
			h := newHarness(t, Config{FlushBeforeAck: true})
			for _, tag := range []string{"a", "b", "c", "d"} {
				h.append(plain(t, 2, tag))
			}
			h.dir.SyncPending()
			if err := h.dir.Step(epoch0); err != nil { // the recovery point is in the state log
				t.Fatal(err)
			}
			end, name := h.log.EndOffset(), h.log.mem.segments[0].path()
			if clean {
				h.stop()
			} else {
				h.dir.Abandon()
			}
			f, err := h.fs.OpenFile(name, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(f.Truncate(left), f.Close()); err != nil {
				t.Fatal(err)
			}
			h.open()
			if a := h.append(plain(t, 1, "new")); a.BaseOffset < end {
				t.Errorf("clean=%v, %d bytes left: offset %d was given out again", clean, left, a.BaseOffset)
			}
			if _, err := h.log.Read(end-1, 1<<20, h.log.EndOffset(), true); !errors.Is(err, kerr.CorruptMessage) {
				t.Errorf("clean=%v, %d bytes left: reading what is lost gives %v", clean, left, err)
			}
			h.restart()
			if got, err := keysFrom(h.log, end); err != nil || len(got) != 1 {
				t.Errorf("clean=%v, %d bytes left: after it there is %v, %v", clean, left, got, err)
			}
			h.stop()
		}
	}
}

// TestLostFiles: a partition's only segment, or its whole directory, is taken
// away while the broker is down. The offsets stay used, and the loss is told.
func TestLostFiles(t *testing.T) {
	for _, what := range []string{"segment", "directory"} {
		for _, clean := range []bool{true, false} {
			h := newHarness(t, Config{FlushBeforeAck: true})
			for _, tag := range []string{"a", "b", "c"} {
				h.append(plain(t, 2, tag))
			}
			h.dir.SyncPending()
			if err := h.dir.Step(epoch0); err != nil {
				t.Fatal(err)
			}
			end, path := h.log.EndOffset(), h.log.mem.segments[0].path()
			if what == "directory" {
				path = h.log.path
			}
			if clean {
				h.stop()
			} else {
				h.dir.Abandon()
			}
			if err := h.fs.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			for round := range 3 { // starts: the loss is not forgotten
				h.open()
				if got := h.log.EndOffset(); got != end+int64(round) {
					t.Errorf("%s, clean=%v, start %d: the end is %d, want %d", what, clean, round, got, end+int64(round))
				}
				if _, err := h.log.Read(0, 1<<20, h.log.EndOffset(), true); !errors.Is(err, kerr.CorruptMessage) {
					t.Errorf("%s, clean=%v, start %d: reading what is lost gives %v", what, clean, round, err)
				}
				if round == 0 && len(h.log.Damages()) == 0 {
					t.Errorf("%s, clean=%v, start %d: the damage is not told", what, clean, round)
				}
				h.append(plain(t, 1, "new"))
				h.stop()
			}
		}
	}
}
