package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/edge/groups"
)

// offsetPlan says where each partition of a group is to go on.
type offsetPlan = map[groups.Partition]int64

// planRow is one line of plans.
type planRow struct {
	Group     string `json:"group"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"newOffset"`
}

// planRows lists plans by group, topic and partition.
func planRows(plans map[string]offsetPlan) []planRow {
	rows := []planRow{}
	for _, g := range slices.Sorted(maps.Keys(plans)) {
		for _, p := range slices.SortedFunc(maps.Keys(plans[g]), groups.Partition.Compare) {
			rows = append(rows, planRow{g, p.Topic, p.ID, plans[g][p]})
		}
	}
	return rows
}

func constantPlan(of []groups.Partition, offset int64) offsetPlan {
	plan := offsetPlan{}
	for _, p := range of {
		plan[p] = offset
	}
	return plan
}

// clamp moves offset into [start, end]. Side says which end it was beyond, in the words of the warning; "" if none.
func clamp(offset, start, end int64) (clamped int64, side string) {
	switch {
	case offset > end:
		return end, "higher than latest"
	case offset < start:
		return start, "lower than earliest"
	}
	return offset, ""
}

// exportPlans writes plans as CSV, without the group when only one was asked for.
func exportPlans(plans map[string]offsetPlan, one bool) string {
	var b strings.Builder
	for _, r := range planRows(plans) {
		if !one {
			b.WriteString(csvField(r.Group) + ",")
		}
		fmt.Fprintf(&b, "%s,%d,%d\n", csvField(r.Topic), r.Partition, r.Offset)
	}
	return b.String()
}

// csvField quotes as the original's library: what is long, and what has a character before '-'.
func csvField(s string) string {
	const unquotedMax = 24
	if len(s) <= unquotedMax && s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '-' }) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// parsePlans reads CSV of either form: group,topic,partition,offset, or without the group when asked is one group.
// The first line decides which.
func parsePlans(text string, asked []string) (map[string]offsetPlan, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	plans := map[string]offsetPlan{}
	short := false
	for first := true; ; first = false {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return plans, nil
		}
		if err != nil {
			return nil, err
		}
		if first {
			short = len(asked) == 1 && len(fields) == 3
		}
		if short {
			fields = append([]string{asked[0]}, fields...)
		}
		line, _ := r.FieldPos(0)
		if len(fields) != 4 {
			return nil, fmt.Errorf("line %d: want group,topic,partition,offset, or the last three for one group", line)
		}
		id, errID := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 32)
		offset, errOffset := strconv.ParseInt(strings.TrimSpace(fields[3]), 10, 64)
		if err := errors.Join(errID, errOffset); err != nil {
			return nil, fmt.Errorf("line %d: partition and offset must be numbers: %w", line, err)
		}
		if plans[fields[0]] == nil {
			plans[fields[0]] = offsetPlan{}
		}
		plans[fields[0]][groups.Partition{Topic: fields[1], ID: int32(id)}] = offset
	}
}
