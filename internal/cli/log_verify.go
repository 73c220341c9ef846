package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/cluster/quorum"
	"github.com/headrace/headrace/internal/log"
	"github.com/headrace/headrace/internal/vfs"
)

// verifyView is what log verify tells of a directory.
type verifyView struct {
	Directory   string          `json:"directory"`
	Sound       bool            `json:"sound"`
	CleanStop   bool            `json:"cleanStop"`
	LostRecords int             `json:"stateLogRecordsLost"`
	Partitions  []partitionView `json:"partitions"`
	// Metadata is what is wrong with the metadata log, if the directory has one.
	Metadata string `json:"metadataDamage,omitempty"`
}

type partitionView struct {
	Topic       string       `json:"topic"`
	Partition   int32        `json:"partition"`
	TopicID     string       `json:"topicId"`
	Segments    int          `json:"segments"`
	Bytes       int64        `json:"bytes"`
	StartOffset int64        `json:"logStartOffset"`
	EndOffset   int64        `json:"logEndOffset"`
	Damages     []damageView `json:"damages"`
	TornBytes   int64        `json:"tornBytes"`
	MadeAgain   []string     `json:"madeAgain"`
	Error       string       `json:"error,omitempty"`
}

func viewOfPartition(p log.Inspected) partitionView {
	v := partitionView{
		Topic: p.Partition.Topic, Partition: p.Partition.Partition, TopicID: p.TopicID.String(), Segments: p.Segments, Bytes: p.Bytes,
		StartOffset: p.Start, EndOffset: p.End, Damages: []damageView{}, TornBytes: p.Recovery.CutBytes, MadeAgain: append([]string{}, p.Mended...),
	}
	for _, d := range p.Damages {
		v.Damages = append(v.Damages, viewOf(d))
	}
	if p.Err != nil {
		v.Error = p.Err.Error()
	}
	return v
}

// logVerify is headrace log verify.
func logVerify(ctx context.Context, t *tool, in *offlineArgs) int {
	only, err := in.partitions()
	if err != nil {
		t.errorf("headrace log verify: %v\n", err)
		return exitUnseen
	}
	status := exitOK
	views := []verifyView{}
	for _, dir := range in.dirs {
		o := t.inspectOptions(dir, only)
		found, err := log.Inspect(ctx, o)
		t.endProgress(o)
		switch {
		case errors.Is(err, context.Canceled):
			return exitInterrupted
		case err != nil:
			t.errorf("headrace log verify: %v\n", offlineError(dir, err))
			status = exitUnseen
			continue
		}
		v := verifyView{Directory: dir, Sound: found.Sound(), CleanStop: found.CleanStop, LostRecords: found.LostRecords, Partitions: []partitionView{}}
		for _, p := range found.Partitions {
			v.Partitions = append(v.Partitions, viewOfPartition(p))
		}
		if err := inspectMetadata(dir); err != nil {
			v.Metadata, v.Sound = err.Error(), false
		}
		if !v.Sound {
			status = max(status, exitFailed)
		}
		views = append(views, v)
		if !in.asJSON {
			t.printVerify(v)
		}
	}
	if in.asJSON {
		if err := t.printJSON(views); err != nil {
			t.errorf("headrace log verify: %v\n", err)
			return exitUnseen
		}
	}
	return status
}

// inspectMetadata looks at the metadata log, if there is one.
func inspectMetadata(dir string) error {
	path := filepath.Join(dir, metadata.ClusterMetadataTopic+"-0")
	disk := vfs.New()
	if _, err := disk.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return quorum.Inspect(disk, path, vfs.BootID())
}

// printVerify tells what is wrong, a line each, and then how much was read.
func (t *tool) printVerify(v verifyView) {
	line := func(where, what, detail string) { t.printf("%-24s  %-10s  %s\n", where, what, detail) }
	var bytes, damaged int64
	for _, p := range v.Partitions {
		name := fmt.Sprintf("%s-%d", p.Topic, p.Partition)
		bytes += p.Bytes
		if p.Error != "" {
			line(name, "unreadable", p.Error)
		}
		for _, d := range p.Damages {
			line(name, "damaged", d.String())
		}
		if len(p.Damages) > 0 || p.Error != "" {
			damaged++
		}
		if p.TornBytes > 0 {
			line(name, "torn end", fmt.Sprintf("%d bytes behind offset %d: the next start cuts them", p.TornBytes, p.EndOffset-1))
		}
		for _, f := range p.MadeAgain {
			line(name, "made again", f)
		}
	}
	if v.LostRecords > 0 {
		line("state.log", "made again", fmt.Sprintf("%d damaged records", v.LostRecords))
	}
	if v.Metadata != "" {
		line(metadata.ClusterMetadataTopic+"-0", "damaged", v.Metadata)
		damaged++
	}
	summary := "all sound"
	switch {
	case damaged > 0:
		summary = fmt.Sprintf("%d damaged", damaged)
	case !v.Sound:
		summary = "no record is damaged"
	}
	t.printf("%s: %d partitions, %d bytes read, %s\n", v.Directory, len(v.Partitions), bytes, summary)
}
