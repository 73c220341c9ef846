package quorum

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/vfs"
)

const crashDir = "/m/__cluster_metadata-0"

var testTime = time.UnixMilli(1_700_000_000_000)

// loneVoter opens the directory as a lone voter would be opened after a start
// of the machine named boot; it founds the quorum if need be. Small segments
// and snapshots make everything happen within few entries.
func loneVoter(fsys vfs.FS, boot string) (*Storage, *Voter, error) {
	s, err := OpenStorage(StorageOptions{FS: fsys, Dir: crashDir, BootID: boot, SegmentBytes: 700, CacheBytes: 300})
	if err != nil {
		return nil, nil, err
	}
	if err := s.Damage(); err != nil {
		return s, nil, err
	}
	id := Identity{NodeID: 1, RaftID: 7}
	id.DirectoryID[3] = 9
	if s.Identity().IsZero() {
		if err := s.Identify(id); err != nil {
			return s, nil, err
		}
	}
	if !s.Founded() {
		if err := s.Found(Membership{ClusterID: "c", Members: []Member{{Identity: id}}}); err != nil {
			return s, nil, err
		}
	}
	v, err := OpenVoter(VoterOptions{
		Storage: s, Controller: &configController{}, Rand: seeded(1), Bootstrap: testBootstrap, SnapshotBytes: 900,
	})
	if err != nil {
		return s, nil, err
	}
	v.Flush(testTime)
	return s, v, v.Err()
}

func key(i int) string { return fmt.Sprintf("key-%03d", i) }

// put sets one key and tells whether that was acknowledged. Every third put is
// a burst of several, which go to disk in one write.
func put(v *Voter, i int, acked func(int)) error {
	count := 1
	if i%3 == 0 {
		count = 5
	}
	var failed error
	for j := range count {
		n := i*10 + j
		v.Submit(setConfig(key(n), strings.Repeat("x", n%50)), controller.Requester{}, func(_ kmsg.Response, err error) {
			if err != nil {
				failed = err
				return
			}
			acked(n)
		})
	}
	v.Flush(testTime)
	return failed
}

// checkAcked fails if an acknowledged key is not in the voter's image.
func checkAcked(v *Voter, acked []int) error {
	for _, n := range acked {
		if got := configOf(v.Image(), key(n)); got != strings.Repeat("x", n%50) {
			return fmt.Errorf("key %d was acknowledged and is %q now", n, got)
		}
	}
	return nil
}

// reopen opens what a crash has left and checks it; then it works on it, and is
// killed and cut again.
func reopen(m *vfs.Mem, boot string, acked []int, rng *rand.Rand) error {
	s, v, err := loneVoter(m, boot)
	if err != nil {
		return err
	}
	if err := checkAcked(v, acked); err != nil {
		return err
	}
	more := slices.Clip(acked)
	for i := 900; i < 903; i++ {
		if err := put(v, i, func(n int) { more = append(more, n) }); err != nil {
			return err
		}
	}
	again := m.CrashClone(vfs.CrashOptions{UnsyncedPercent: 50, RNG: rng, Tear: true})
	if err := s.Close(); err != nil {
		return err
	}
	s, v, err = loneVoter(again, boot+"+")
	if err != nil {
		return fmt.Errorf("second crash: %w", err)
	}
	return errors.Join(checkAcked(v, more), s.Close())
}

// TestCrashAtEveryCall cuts the power, and kills the process, before every call
// to the disk that can change what a crash leaves. Nothing acknowledged may be
// lost, and no crash may look like damage.
func TestCrashAtEveryCall(t *testing.T) {
	const puts = 30
	for seed := range uint64(4) {
		rng := seeded(seed)
		mem := vfs.NewCrashableMem()
		fsys := vfs.NewFaulty(mem)
		var acked []int
		cuts := 0
		fsys.Before(func(c vfs.Call) {
			if c.Op&vfs.OpMutates == 0 {
				return
			}
			cuts++
			options := vfs.CrashOptions{UnsyncedPercent: []int{0, 30, 70, 100}[rng.IntN(4)], RNG: rng, Tear: true, SectorBytes: []int{1, 512}[rng.IntN(2)]}
			if err := reopen(mem.CrashClone(options), "boot-2", acked, rng); err != nil {
				t.Fatalf("seed %d, power cut before call %d (%v %s), %+v: %v", seed, c.Seq, c.Op, c.Path, options, err)
			}
			if err := reopen(mem.KillClone(), "boot-1", acked, rng); err != nil {
				t.Fatalf("seed %d, kill before call %d (%v %s): %v", seed, c.Seq, c.Op, c.Path, err)
			}
		})
		s, v, err := loneVoter(fsys, "boot-1")
		must(t, err)
		for i := range puts {
			must(t, put(v, i, func(n int) { acked = append(acked, n) }))
		}
		must(t, s.Close())
		if cuts < puts || len(s.snapshots) < 2 {
			t.Fatalf("only %d cuts and %d snapshots: the test reaches too little", cuts, len(s.snapshots))
		}
	}
}

// filled gives a directory with some history: two snapshots and a log.
func filled(t *testing.T) (m *vfs.Mem, acked []int) {
	t.Helper()
	m = vfs.NewCrashableMem()
	s, v, err := loneVoter(m, "boot-1")
	must(t, err)
	for i := range 13 {
		must(t, put(v, i, func(n int) { acked = append(acked, n) }))
	}
	must(t, s.Close())
	return m, acked
}

// files lists the files of the metadata directory.
func files(t *testing.T, m *vfs.Mem) (paths []string) {
	t.Helper()
	names, err := m.ReadDir(crashDir)
	must(t, err)
	for _, e := range names {
		paths = append(paths, filepath.Join(crashDir, e.Name()))
	}
	return paths
}

func content(t *testing.T, m *vfs.Mem, path string) []byte {
	t.Helper()
	f, err := m.OpenFile(path, os.O_RDONLY, 0)
	must(t, err)
	b, err := readAll(f)
	must(t, errors.Join(err, f.Close()))
	return b
}

// newestSegment is the last log segment.
func newestSegment(t *testing.T, m *vfs.Mem) string {
	t.Helper()
	var last string
	for _, p := range files(t, m) {
		if strings.HasSuffix(p, segmentSuffix) {
			last = p
		}
	}
	return last
}

// TestTornTailAtEveryByte cuts the newest segment at every length. What was
// committed and known to be so must be there or be reported as damage; what was
// only written may be cut.
func TestTornTailAtEveryByte(t *testing.T) {
	base, acked := filled(t)
	path := newestSegment(t, base)
	whole := content(t, base, path)
	for size := range whole {
		m := base.KillClone()
		f, err := m.OpenFile(path, os.O_RDWR, 0)
		must(t, err)
		must(t, errors.Join(f.Truncate(int64(size)), f.Close()))
		s, v, err := loneVoter(m, "boot-2")
		switch {
		case errors.Is(err, ErrCorrupt): // committed entries are gone, and it noticed
		case err != nil:
			t.Fatalf("cut at %d: %v", size, err)
		default:
			if err := checkAcked(v, acked); err != nil {
				t.Fatalf("cut at %d of %d: %v", size, len(whole), err)
			}
		}
		must(t, s.Close())
	}
}

// TestFlippedBitAtEveryByte flips a bit in every byte of every file. The voter
// must either have everything that was acknowledged, or say that it is damaged:
// never serve less as if nothing were wrong, never panic.
func TestFlippedBitAtEveryByte(t *testing.T) {
	base, acked := filled(t)
	noticed := 0
	for _, path := range files(t, base) {
		whole := content(t, base, path)
		for at := range whole {
			m := base.KillClone()
			f, err := m.OpenFile(path, os.O_RDWR, 0)
			must(t, err)
			_, err = f.WriteAt([]byte{whole[at] ^ 1<<(at%8)}, int64(at))
			must(t, errors.Join(err, f.Close()))
			s, v, err := loneVoter(m, []string{"boot-1", "boot-2"}[at%2])
			switch {
			case errors.Is(err, ErrCorrupt):
				noticed++
				if _, _, err := s.readable(); err != nil && !errors.Is(err, ErrCorrupt) {
					t.Fatalf("%s, byte %d: damaged data cannot be read as far as they go: %v", path, at, err)
				}
			case err != nil:
				t.Fatalf("%s, byte %d: %v", path, at, err)
			default:
				if err := checkAcked(v, acked); err != nil {
					t.Fatalf("%s, byte %d: %v", path, at, err)
				}
			}
			must(t, s.Close())
		}
	}
	if noticed == 0 {
		t.Fatal("no flipped bit was reported as damage")
	}
}

// TestDamagedNodeServesReadOnly: a lone voter with a bad log shows what it can
// read, decides nothing and changes nothing.
func TestDamagedNodeServesReadOnly(t *testing.T) {
	m := vfs.NewCrashableMem()
	n, stop := running(t, loneOptions(m, crashDir))
	for i := range 5 {
		_, err := n.Submit(t.Context(), setConfig(key(i), "v"), controller.Requester{})
		must(t, err)
	}
	stop()
	path := newestSegment(t, m)
	b := content(t, m, path)
	at := bytes.LastIndex(b, []byte(key(3)))
	f, err := m.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt([]byte{'#'}, int64(at))
	must(t, errors.Join(err, f.Close()))
	before := map[string][]byte{}
	for _, p := range files(t, m) {
		before[p] = content(t, m, p)
	}

	n, stop = running(t, loneOptions(m, crashDir))
	if err := n.Err(); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "repair") {
		t.Errorf("Err() = %v, want damage and a way to repair it", err)
	}
	for i := range 5 {
		if got := configOf(n.Image(), key(i)); (got == "v") != (i < 3) {
			t.Errorf("key %d is %q in the read-only image", i, got)
		}
	}
	if _, err := n.Submit(t.Context(), setConfig("a", "b"), controller.Requester{}); err == nil {
		t.Error("a damaged voter has decided about a request")
	}
	stop()
	for _, p := range files(t, m) {
		if !bytes.Equal(before[p], content(t, m, p)) {
			t.Errorf("%s was changed", p)
		}
	}
}

// TestFailedSyncIsFinal: after a failed sync nothing more is acknowledged, and
// the image stays readable.
func TestFailedSyncIsFinal(t *testing.T) {
	fsys := vfs.NewFaulty(vfs.NewCrashableMem())
	s, v, err := loneVoter(fsys, "boot-1")
	must(t, err)
	fsys.Add(vfs.Rule{Op: vfs.OpSync, Err: syscall.EIO, Times: 1})
	var acked []int
	if err := put(v, 0, func(n int) { acked = append(acked, n) }); err == nil {
		t.Fatal("a request was answered well although its sync had failed")
	}
	for i := 1; i < 4; i++ {
		if err := put(v, i, func(n int) { acked = append(acked, n) }); err == nil {
			t.Fatal("the voter went on after a failed sync")
		}
	}
	if len(acked) != 0 || !errors.Is(v.Err(), ErrFailed) || !errors.Is(v.Err(), syscall.EIO) {
		t.Fatalf("acked %v, Err() = %v", acked, v.Err())
	}
	must(t, s.Close())
}

// TestFullDisk: while there is no space nothing is acknowledged and nothing
// breaks; with space the voter goes on by itself, and has lost nothing.
func TestFullDisk(t *testing.T) {
	for extra := range int64(400) {
		m := vfs.NewCrashableMem()
		s, v, err := loneVoter(m, "boot-1")
		must(t, err)
		var acked []int
		for i := range 5 {
			must(t, put(v, i, func(n int) { acked = append(acked, n) }))
		}
		m.SetQuota(m.Used() + extra)
		refused := 0
		for i := 5; i < 12; i++ {
			if err := put(v, i, func(n int) { acked = append(acked, n) }); err != nil {
				refused++
			}
		}
		must(t, v.Err())
		if refused == 0 {
			t.Fatalf("%d bytes of space were never used up", extra)
		}
		m.SetQuota(0)
		v.Flush(testTime)
		for i := 20; i < 25; i++ {
			must(t, put(v, i, func(n int) { acked = append(acked, n) }))
		}
		must(t, checkAcked(v, acked))
		must(t, s.Close())
		if err := reopen(m.CrashClone(vfs.CrashOptions{}), "boot-2", acked, seeded(1)); err != nil {
			t.Fatalf("%d bytes of space: %v", extra, err)
		}
	}
}
