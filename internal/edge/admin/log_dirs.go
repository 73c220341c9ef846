package admin

import (
	"cmp"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// LogDir is a log directory of a broker.
type LogDir struct {
	Path     string
	Err      error        // why it is off line; nil: it is not
	Replicas []DirReplica // by topic and partition
}

// DirReplica is a partition in a log directory.
type DirReplica struct {
	TopicPartition
	Size      int64 // bytes
	OffsetLag int64 // how far it is behind the high watermark, or behind the present replica if it is a future one
	IsFuture  bool  // it will replace the one in another directory
}

// LogDirs describes all log directories of one broker, by path.
func (a *Admin) LogDirs(ctx context.Context, broker int32) ([]LogDir, error) {
	req := kmsg.NewPtrDescribeLogDirsRequest()
	req.Topics = nil
	resp, err := call[*kmsg.DescribeLogDirsResponse](ctx, a, "describeLogDirs", a.broker(broker), req)
	if err != nil {
		return nil, err
	}
	if err := javaerr.Coded(resp.ErrorCode, ""); err != nil {
		return nil, err
	}
	var dirs []LogDir
	for _, d := range resp.Dirs {
		dir := LogDir{Path: d.Dir, Err: javaerr.Coded(d.ErrorCode, "")}
		for _, t := range d.Topics {
			for _, p := range t.Partitions {
				dir.Replicas = append(dir.Replicas, DirReplica{TopicPartition{t.Topic, p.Partition}, p.Size, p.OffsetLag, p.IsFuture})
			}
		}
		slices.SortFunc(dir.Replicas, func(a, b DirReplica) int { return a.Compare(b.TopicPartition) })
		dirs = append(dirs, dir)
	}
	slices.SortFunc(dirs, func(a, b LogDir) int { return cmp.Compare(a.Path, b.Path) })
	return dirs, nil
}
