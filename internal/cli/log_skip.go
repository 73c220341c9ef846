package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/headrace/headrace/internal/log"
)

// skipView is what log skip tells.
type skipView struct {
	Directory string       `json:"directory"`
	Topic     string       `json:"topic"`
	Partition int32        `json:"partition"`
	Executed  bool         `json:"executed"`
	Ranges    []damageView `json:"ranges"`
}

// logSkip is headrace log skip.
func logSkip(ctx context.Context, t *tool, in *offlineArgs) int {
	fail := func(status int, err error) int {
		t.errorf("headrace log skip: %v\n", err)
		return status
	}
	only, err := in.partitions()
	switch {
	case err != nil:
		return fail(exitUnseen, err)
	case len(only) != 1:
		return fail(exitUnseen, errors.New("give one --partition"))
	case len(in.dirs) != 1:
		return fail(exitUnseen, errors.New("give one directory"))
	}
	offsets, err := in.offsets()
	if err != nil {
		return fail(exitUnseen, err)
	}
	want := func(d log.Damage) bool { return len(offsets) == 0 || slices.Contains(offsets, d.First) }
	o := t.inspectOptions(in.dirs[0], only)
	plan, err := planSkip(ctx, o, only[0], offsets, want)
	t.endProgress(o)
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	if err != nil {
		status := exitUnseen
		if errors.Is(err, errSkipNothing) {
			status = exitFailed
		}
		return fail(status, offlineError(in.dirs[0], err))
	}
	done := in.Has("execute") && len(plan) > 0
	if done {
		if _, plan, err = log.SkipDamage(ctx, o, only[0], want); err != nil {
			err = offlineError(in.dirs[0], err)
		}
		t.endProgress(o)
	}
	v := skipView{Directory: in.dirs[0], Topic: only[0].Topic, Partition: only[0].Partition, Executed: done, Ranges: []damageView{}}
	for _, d := range plan {
		v.Ranges = append(v.Ranges, viewOf(d))
	}
	if perr := t.printSkip(v, in.asJSON); perr != nil {
		err = errors.Join(err, perr)
	}
	if err != nil {
		return fail(exitFailed, err)
	}
	return exitOK
}

// errSkipNothing refuses an offset at which no damage begins.
var errSkipNothing = errors.New("no damage begins at offset")

// planSkip finds what there is to skip.
func planSkip(ctx context.Context, o log.InspectOptions, p log.Partition, offsets []int64, want func(log.Damage) bool) ([]log.Damage, error) {
	found, err := log.Inspect(ctx, o)
	if err != nil {
		return nil, err
	}
	if len(found.Partitions) == 0 {
		return nil, fmt.Errorf("%s is not in %s", p, o.Path)
	}
	one := found.Partitions[0]
	if one.Err != nil {
		return nil, one.Err
	}
	for _, offset := range offsets {
		if !slices.ContainsFunc(one.Damages, func(d log.Damage) bool { return d.First == offset }) {
			return nil, fmt.Errorf("%w %d of %s; headrace log verify lists the damage", errSkipNothing, offset, p)
		}
	}
	return slices.DeleteFunc(one.Damages, func(d log.Damage) bool { return !want(d) }), nil
}

// offsets are the values of --first-offset.
func (in *offlineArgs) offsets() (all []int64, err error) {
	for _, v := range in.Values("first-offset") {
		o, err := strconv.ParseInt(v, 10, 64)
		if err != nil || o < 0 {
			return nil, fmt.Errorf("--first-offset %s is no offset", v)
		}
		all = append(all, o)
	}
	return all, nil
}

func (t *tool) printSkip(v skipView, asJSON bool) error {
	if asJSON {
		return t.printJSON(v)
	}
	verb := "would be skipped"
	if v.Executed {
		verb = "skipped"
	}
	for _, d := range v.Ranges {
		t.printf("%s-%d: %s: %s\n", v.Topic, v.Partition, verb, d)
	}
	switch {
	case len(v.Ranges) == 0:
		t.printf("%s-%d: nothing is damaged\n", v.Topic, v.Partition)
	case !v.Executed:
		t.printf("Nothing was changed. --execute gives these records up for good.\n")
	}
	return nil
}
