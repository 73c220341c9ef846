package replica

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/log"
)

// inDir is a new topic's records with a replica in a directory.
func inDir(id metadata.TopicID, name string, dir metadata.UUID) []metadata.Record {
	records := newTopic(id, name)
	records[1].(*metadata.PartitionRecord).Directories = []metadata.UUID{dir}
	return records
}

// reopen closes the manager's directories and opens others, with the metadata
// as they are.
func (w *world) reopen(absent []AbsentDir, paths ...string) error {
	w.t.Helper()
	for _, d := range w.m.Dirs() {
		if err := d.Close(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.openOn(w.fs, paths...)
	w.m.opts.Absent = absent
	return w.m.Apply(metadata.Compare(metadata.Empty(), w.img))
}

var dirA, dirB = metadata.UUID{'a'}, metadata.UUID{'b'} // as openOn numbers them

func TestAPartitionIsMadeWhereTheMetadataWantIt(t *testing.T) {
	w := newWorld(t)
	w.openOn(w.fs, "/a", "/b")
	for i := range byte(3) {
		w.apply(inDir(metadata.TopicID{20 + i}, string('k'+rune(i)), dirB)...)
		if p := w.m.Partition(string('k'+rune(i)), 0); p.Log().Dir().Path() != "/b" {
			t.Errorf("it is in %s", p.Log().Dir().Path())
		}
	}
	w.apply(inDir(metadata.TopicID{30}, "free", metadata.DirUnassigned)...)
	if p := w.m.Partition("free", 0); p.Log().Dir().Path() != "/a" {
		t.Errorf("a partition that may be anywhere is in %s", p.Log().Dir().Path())
	}
	if where := w.located[metadata.TopicID{30}]; where != dirA || len(w.located) != 1 {
		t.Errorf("told of %v", w.located)
	}
}

func TestARemovedPartitionMakesRoom(t *testing.T) {
	w := newWorld(t)
	w.openOn(w.fs, "/a", "/b")
	w.apply(inDir(metadata.TopicID{20}, "k", dirA)...)
	w.apply(&metadata.RemoveTopicRecord{TopicID: metadata.TopicID{20}})
	w.apply(inDir(metadata.TopicID{21}, "l", dirB)...)
	w.apply(inDir(metadata.TopicID{22}, "m", metadata.DirUnassigned)...)
	if p := w.m.Partition("m", 0); p.Log().Dir().Path() != "/a" {
		t.Errorf("it is in %s", p.Log().Dir().Path())
	}
}

// A directory that was away while its topic was deleted and made again holds a
// partition of the right name and the wrong topic.
func TestADirectoryIsAskedByTopicID(t *testing.T) {
	w := newWorld(t)
	w.openOn(w.fs, "/a", "/b")
	w.apply(inDir(topicID, "t", dirA)...)
	w.commit(w.m.Partition("t", 0), "old")
	again := metadata.TopicID{8}
	if err := w.reopen(nil, "/b"); err == nil {
		t.Fatal("a partition without its directory was opened")
	}
	w.apply(&metadata.RemoveTopicRecord{TopicID: topicID})
	w.apply(inDir(again, "t", dirB)...)
	w.commit(w.m.Partition("t", 0), "new")
	if err := w.reopen(nil, "/b", "/a"); err != nil {
		t.Fatal(err)
	}
	p := w.m.Partition("t", 0)
	if p.Log().Dir().Path() != "/b" || p.Log().EndOffset() != 1 || p.TopicID != again {
		t.Errorf("the partition is in %s and ends at %d", p.Log().Dir().Path(), p.Log().EndOffset())
	}
	if err := w.m.Quarantine(w.img); err != nil {
		t.Fatal(err)
	}
	if _, err := w.fs.Stat("/a/t-0." + topicID.String() + "-stray"); err != nil {
		t.Errorf("the old one was not moved aside: %v", err)
	}
	if _, err := w.fs.Stat("/b/t-0"); err != nil {
		t.Errorf("the new one was: %v", err)
	}
}

func TestTwoCopiesOfAPartition(t *testing.T) {
	for name, c := range map[string]struct {
		known metadata.UUID // to the controller
		used  string
	}{
		"the controller knows one":  {dirA, "/a"},
		"the controller knows none": {metadata.DirUnassigned, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.openOn(w.fs, "/a", "/b")
			w.apply(inDir(topicID, "t", c.known)...)
			w.commit(w.m.Partition("t", 0), "x")
			if _, err := w.m.Dirs()[1].Open(log.Partition{Topic: "t"}, topicID, log.Config{}); err != nil {
				t.Fatal(err)
			}
			err := w.reopen(nil, "/a", "/b")
			p := w.m.Partition("t", 0)
			if c.used == "" {
				if p != nil || !errors.Is(err, kerr.KafkaStorageError) || !strings.Contains(err.Error(), "/a") || !strings.Contains(err.Error(), "/b") {
					t.Fatalf("opened, or without the right words: %v", err)
				}
				return
			}
			if err != nil || p.Log().Dir().Path() != c.used || p.Log().EndOffset() != 1 {
				t.Fatalf("%v", err)
			}
			if _, err := w.fs.Stat("/b/t-0"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the other copy is still in its place: %v", err)
			}
		})
	}
}

// What is not found is not made anew where it may be in a directory that is not
// there.
func TestNoEmptyLogInThePlaceOfALostOne(t *testing.T) {
	w := newWorld(t)
	w.openOn(w.fs, "/a", "/b")
	w.apply(inDir(topicID, "t", dirB)...)
	w.commit(w.m.Partition("t", 0), "x")
	for name, absent := range map[string][]AbsentDir{
		"off line":       {{Path: "/b", ID: dirB}},
		"not configured": nil,
	} {
		if err := w.reopen(absent, "/a"); !errors.Is(err, kerr.KafkaStorageError) || w.m.Pending() != 1 {
			t.Errorf("%s: %v", name, err)
		}
		w.m.Retry()
		if err := w.m.OpenError("t", 0); !errors.Is(err, kerr.KafkaStorageError) {
			t.Errorf("%s: who asks is told %v", name, err)
		}
		w.apply(inDir(metadata.TopicID{40 + byte(len(name))}, name, metadata.DirUnassigned)...)
		w.commit(w.m.Partition(name, 0), "new topics are welcome")
	}
	if err := w.reopen(nil, "/a", "/b"); err != nil || w.m.Partition("t", 0).Log().EndOffset() != 1 {
		t.Errorf("with the directory back: %v", err)
	}
}

// What a move has left behind does not count while the directory is away that it
// went to.
func TestACopyThatMayBeOld(t *testing.T) {
	w := newWorld(t)
	w.openOn(w.fs, "/a", "/b")
	w.apply(inDir(topicID, "t", dirA)...)
	w.commit(w.m.Partition("t", 0), "old")
	change := metadata.NewPartitionChange(topicID, 0)
	change.Directories = []metadata.UUID{dirB}
	w.apply(change)
	if err := w.reopen([]AbsentDir{{Path: "/b", ID: dirB}}, "/a"); !errors.Is(err, kerr.KafkaStorageError) || w.m.Partition("t", 0) != nil {
		t.Fatalf("opened: %v", err)
	}
	if err := w.m.MoveTo(t0, "/a"); !errors.Is(err, kerr.ReplicaNotAvailable) {
		t.Fatal(err)
	}
	w.m.Retry()
	if p := w.m.Partition("t", 0); p == nil || p.Log().EndOffset() != 1 {
		t.Errorf("an administrator has decided for it: %v", w.m.OpenError("t", 0))
	}
}

func TestAFollowerIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.openOn(w.fs, "/a")
	w.apply(&metadata.TopicRecord{Name: "t", TopicID: topicID}, &metadata.PartitionRecord{
		TopicID: topicID, Replicas: []int32{2, self}, ISR: []int32{2}, Leader: 2, Directories: []metadata.UUID{{77}, {78}},
	})
	if err := w.reopen(nil, "/elsewhere"); err != nil || w.m.Partition("t", 0) == nil {
		t.Errorf("out of the ISR: %v", err)
	}
}
