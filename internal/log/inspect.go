package log

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/vfs"
)

// InspectOptions say what of a log directory to look at.
type InspectOptions struct {
	FS   vfs.FS
	Path string
	// BootID is DirOptions'.
	BootID string
	// Only chooses partitions; nil: all.
	Only func(Partition) bool
	// Progress, if it is not nil, is told before each read how many bytes have
	// been read of how many.
	Progress func(done, total int64)
	Logger   *slog.Logger // nil: discard
}

// Inspection is what Inspect has found.
type Inspection struct {
	CleanStop bool // the last owner closed the directory
	// LostRecords counts the damaged records of the state log. What they held is
	// made again from the segments at the next start.
	LostRecords int
	Partitions  []Inspected // by name
}

// Inspected is one partition.
type Inspected struct {
	Partition  Partition
	TopicID    TopicID
	Segments   int
	Bytes      int64
	Start, End int64 // offsets
	Damages    []Damage
	// Recovery is what the next start will do to the log's end.
	Recovery Recovery
	// Mended names files that are damaged and made again by themselves.
	Mended []string
	// Err says why the log cannot be opened or read to its end.
	Err error
}

// Sound reports that nothing is wrong, but for what a kill leaves.
func (p *Inspected) Sound() bool { return len(p.Damages) == 0 && len(p.Mended) == 0 && p.Err == nil }

// Sound reports that nothing is wrong, but for what a kill leaves.
func (i *Inspection) Sound() bool {
	return i.LostRecords == 0 && !slices.ContainsFunc(i.Partitions, func(p Inspected) bool { return !p.Sound() })
}

// Inspect reads a log directory that nobody uses, every byte of it, and changes
// nothing: it does what a start would do on an overlay, and then a whole sweep.
// It fails with vfs.ErrLocked while a broker has the directory.
func Inspect(ctx context.Context, o InspectOptions) (*Inspection, error) {
	if _, err := o.FS.Stat(o.Path); err != nil {
		return nil, err
	}
	under := o.FS
	o.FS = vfs.NewOverlay(under)
	s, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.dir.Abandon()
	out := &Inspection{CleanStop: s.dir.CleanStop(), LostRecords: s.dir.state.lost}
	for _, p := range s.partitions {
		one, _ := s.inspect(p, under)
		out.Partitions = append(out.Partitions, one)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// SkipDamage skips the damage in one partition of a directory that nobody uses
// that want chooses (see Log.Skip), and returns what was found with what was
// skipped. With an error, some of it may be.
func SkipDamage(ctx context.Context, o InspectOptions, p Partition, want func(Damage) bool) (found Inspected, skipped []Damage, err error) {
	o.Only = func(q Partition) bool { return q == p }
	s, err := o.open(ctx)
	if err != nil {
		return found, nil, err
	}
	if len(s.partitions) == 0 {
		return found, nil, errors.Join(fmt.Errorf("%s: %w", p, fs.ErrNotExist), s.dir.Close(ctx))
	}
	found, l := s.inspect(p, o.FS)
	err = errors.Join(found.Err, ctx.Err())
	for _, dmg := range found.Damages {
		if err != nil {
			break
		}
		// Skipping moves what is behind: find it by its offsets.
		i := slices.IndexFunc(l.Damages(), func(d Damage) bool { return d.First == dmg.First && d.Next == dmg.Next })
		if !want(dmg) || i < 0 {
			continue
		}
		if err = l.Skip(l.Damages()[i]); err == nil {
			skipped = append(skipped, dmg)
		}
	}
	return found, skipped, errors.Join(err, s.dir.Close(context.WithoutCancel(ctx)))
}

// inspector is one inspection at work.
type inspector struct {
	dir         *Dir
	partitions  []Partition
	pace        func(int) error
	done, total int64
}

func (o InspectOptions) open(ctx context.Context) (*inspector, error) {
	d, err := OpenDir(DirOptions{FS: o.FS, Path: o.Path, Logger: o.Logger, BootID: o.BootID, Manual: true, MaxOpenFiles: 64})
	if err != nil {
		return nil, err
	}
	s := &inspector{dir: d}
	for _, st := range d.Stored() {
		if o.Only == nil || o.Only(st.Partition) {
			s.partitions = append(s.partitions, st.Partition)
			s.total += bytesIn(o.FS, filepath.Join(o.Path, st.Partition.String()))
		}
	}
	slices.SortFunc(s.partitions, func(a, b Partition) int {
		if c := strings.Compare(a.Topic, b.Topic); c != 0 {
			return c
		}
		return int(a.Partition) - int(b.Partition)
	})
	s.pace = func(n int) error {
		if o.Progress != nil {
			o.Progress(min(s.done, s.total), s.total)
		}
		s.done += int64(n)
		return ctx.Err()
	}
	return s, nil
}

// bytesIn adds up the segments in a directory; what cannot be read counts 0.
func bytesIn(disk vfs.FS, dir string) (n int64) {
	entries, err := disk.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if _, ok := parseSegmentName(e.Name()); !ok {
			continue
		}
		if info, err := disk.Stat(filepath.Join(dir, e.Name())); err == nil {
			n += info.Size()
		}
	}
	return n
}

// inspect opens and reads one log. The log is nil where it cannot be opened.
func (s *inspector) inspect(p Partition, under vfs.FS) (Inspected, *Log) {
	out := Inspected{Partition: p}
	dir := filepath.Join(s.dir.path, p.String())
	if _, err := readMeta(under, dir); errors.Is(err, errBadMeta) {
		out.Mended = append(out.Mended, metaName)
	}
	l, err := s.dir.Open(p, TopicID{}, Config{})
	if err != nil {
		out.Err = err
		return out, nil
	}
	w := sweep{pace: s.pace}
	out.Err = w.log(l)
	out.TopicID, out.Recovery, out.Damages = l.TopicID(), l.Recovery(), l.Damages()
	out.Start, out.End, out.Bytes, out.Segments = l.StartOffset(), l.EndOffset(), l.Size(), len(l.Segments())
	for _, name := range w.mended {
		if !slices.Contains(out.Mended, name) {
			out.Mended = append(out.Mended, name)
		}
	}
	return out, l
}
