package headrace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/internal/broker/replica"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/log"
	"github.com/headrace/headrace/internal/vfs"
)

// memNode is a node on a disk in memory.
func memNode(disk vfs.FS) (*Node, error) {
	return New(Config{Properties: map[string]string{
		"listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0", "log.dirs": "/data", "offsets.topic.num.partitions": "1",
	}}, WithFS(disk), WithLogger(slog.New(slog.DiscardHandler)))
}

// filesIn lists the files below a directory with their sizes.
func filesIn(t *testing.T, disk vfs.FS, dir string) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	entries, err := disk.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			maps.Copy(all, filesIn(t, disk, path))
			continue
		}
		info, err := disk.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		all[path] = info.Size()
	}
	return all
}

const flippedRecords = 6

// flippedDisk is the disk of a node with two topics, stopped or killed.
func flippedDisk(t *testing.T, clean bool) *vfs.Mem {
	t.Helper()
	mem := vfs.NewCrashableMem()
	n, err := memNode(mem)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- n.Run(ctx) }()
	<-n.Ready()
	cl, err := kgo.NewClient(kgo.SeedBrokers(n.Addr("PLAINTEXT")), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 * flippedRecords {
		r := &kgo.Record{Topic: []string{"one", "two"}[i%2], Value: fmt.Appendf(nil, "value %d", i/2)}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	cl.Close()
	image := mem.KillClone()
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if clean {
		image = mem.KillClone()
	}
	return image
}

// TestFlippedBitInAnyFile flips bits in every file of a node, one at a time. The
// node starts and has everything but what the flip hit, or says what is damaged:
// it never ends, never serves anything else, and leaves the other topic alone.
func TestFlippedBitInAnyFile(t *testing.T) {
	places := int64(10)
	if os.Getenv("HEADRACE_LOG_SEEDS") != "" {
		places = 1 << 40 // every byte
	}
	for _, clean := range []bool{true, false} {
		disk := flippedDisk(t, clean)
		files := filesIn(t, disk, "/data")
		started, refused := 0, 0
		for _, name := range slices.Sorted(maps.Keys(files)) {
			size := min(files[name], 8<<10) // the ballast is large, and the same all over
			for at := range min(places, size) {
				pos := at * size / min(places, size)
				img := disk.KillClone()
				flipBit(t, img, name, pos)
				where := fmt.Sprintf("clean %v, %s, byte %d", clean, name, pos)
				if flippedStart(t, img, where, name) {
					started++
				} else {
					refused++
				}
				if t.Failed() {
					return
				}
			}
		}
		if started == 0 || refused == 0 {
			t.Errorf("%d started, %d refused: the test reaches too little", started, refused)
		}
	}
}

func flipBit(t *testing.T, disk vfs.FS, name string, pos int64) {
	t.Helper()
	f, err := disk.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	_, err = f.ReadAt(b, pos)
	b[0] ^= 1 << (pos % 8)
	_, werr := f.WriteAt(b, pos)
	if err := errors.Join(err, werr, f.Sync(), f.Close()); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

// flippedStart starts a node; false means that it has refused, or serves nobody,
// for a reason that it names.
func flippedStart(t *testing.T, disk *vfs.Mem, where, name string) bool {
	t.Helper()
	n, err := memNode(disk)
	if err != nil {
		if filepath.Base(name) != config.MetaFile || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", where, err)
		}
		return false
	}
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- n.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}()
	if err := n.quorum.Err(); err != nil {
		if !strings.Contains(name, "__cluster_metadata-0") || !strings.Contains(err.Error(), "repair") || n.readiness() == nil {
			t.Errorf("%s: %v", where, err)
		}
		return false
	}
	select {
	case <-n.Ready():
	case <-time.After(time.Minute):
		t.Errorf("%s: not ready: %v", where, n.readiness())
		return false
	}
	for _, topic := range []string{"one", "two"} {
		checkTopic(t, n, topic, where, strings.Contains(name, "/"+topic+"-0/") && strings.HasSuffix(name, ".log"))
	}
	return true
}

// checkTopic reads a topic, record by record: hit says that one may be damaged.
func checkTopic(t *testing.T, n *Node, topic, where string, hit bool) {
	t.Helper()
	var l *log.Log
	n.replicas.Each(func(p *replica.Partition) bool {
		if p.Topic == topic {
			l = p.Log()
		}
		return l == nil
	})
	if l == nil {
		t.Errorf("%s: %s is gone", where, topic)
		return
	}
	missing := 0
	for offset := range int64(flippedRecords) {
		r, err := l.Read(offset, 1, l.EndOffset(), true)
		if err != nil {
			missing++
			if !errors.Is(err, kerr.CorruptMessage) {
				t.Errorf("%s: %s at %d: %v", where, topic, offset, err)
			}
			continue
		}
		b := make(record.Batch, r.Len())
		if _, err := r.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		r.Release()
		if want := fmt.Sprintf("value %d", offset); b.BaseOffset() != offset || b.CheckCRC() != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %s at %d is %q", where, topic, offset, b)
		}
	}
	if missing > 1 || missing > 0 && !hit || l.EndOffset() < flippedRecords {
		t.Errorf("%s: %d records of %s are missing, its end is %d", where, missing, topic, l.EndOffset())
	}
}
