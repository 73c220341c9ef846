package txn

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Describe describes one transactional id (KIP-664). While a transaction
// completes, only the partitions without a marker are told. The response belongs
// to the caller.
func (s *Shard) Describe(transactionalID string) kmsg.DescribeTransactionsResponseTransactionState {
	resp := kmsg.NewDescribeTransactionsResponseTransactionState()
	resp.TransactionalID = transactionalID
	t := s.ids[transactionalID]
	switch {
	case transactionalID == "":
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	case t == nil || t.is == nil:
		resp.ErrorCode = kerr.TransactionalIDNotFound.Code
		return resp
	}
	m := t.is
	resp.State, resp.TimeoutMillis, resp.StartTimestamp = m.state.String(), m.timeoutMs, m.startMs
	resp.ProducerID, resp.ProducerEpoch = m.producerID, m.epoch
	partitions := m.partitions
	if m.state.preparing() {
		partitions = t.open.left
	}
	for _, p := range partitions.clone() {
		rt := kmsg.NewDescribeTransactionsResponseTransactionStateTopic()
		rt.Topic, rt.Partitions = p.Name, p.Partitions
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// Filter says which transactional ids ListTransactions wants. The zero Filter
// wants none; make one with NewFilter.
type Filter struct {
	// UnknownStates are names in the request that are no states.
	UnknownStates []string

	states     map[State]bool
	anyState   bool
	ids        map[int64]bool
	durationMs int64 // older than this; any if negative
	pattern    *regexp.Regexp
}

// NewFilter reads the filters of a request. A pattern that is no regular
// expression is INVALID_REGULAR_EXPRESSION (KIP-994, KIP-1152).
//
// Deviation: the expressions are RE2's, not Java's: a client cannot keep the
// coordinator busy with one.
func NewFilter(req *kmsg.ListTransactionsRequest) (*Filter, error) {
	f := &Filter{
		states: map[State]bool{}, anyState: len(req.StateFilters) == 0,
		ids: map[int64]bool{}, durationMs: req.DurationFilterMillis,
	}
	for _, name := range req.StateFilters {
		state, ok := stateNamed(name)
		if !ok {
			f.UnknownStates = append(f.UnknownStates, name)
			continue
		}
		f.states[state] = true
	}
	for _, id := range req.ProducerIDFilters {
		f.ids[id] = true
	}
	if p := req.TransactionalIDPattern; p != nil && *p != "" {
		re, err := regexp.Compile("^(?:" + *p + ")$")
		if err != nil {
			return nil, fmt.Errorf("transactional id pattern %q: %w: %w", *p, err, kerr.InvalidRegularExpression)
		}
		f.pattern = re
	}
	return f, nil
}

func (f *Filter) wants(t *transaction, nowMs int64) bool {
	m := t.is
	switch {
	case m == nil:
		return false
	case len(f.ids) > 0 && !f.ids[m.producerID]:
		return false
	case !f.anyState && !f.states[m.state]:
		return false
	case f.durationMs >= 0 && nowMs-m.startMs <= f.durationMs:
		return false
	}
	return f.pattern == nil || f.pattern.MatchString(t.id)
}

// List lists the transactional ids that the filter wants, sorted.
func (s *Shard) List(now time.Time, f *Filter) []kmsg.ListTransactionsResponseTransactionState {
	var out []kmsg.ListTransactionsResponseTransactionState
	for _, t := range s.sorted() {
		if !f.wants(t, now.UnixMilli()) {
			continue
		}
		r := kmsg.NewListTransactionsResponseTransactionState()
		r.TransactionalID, r.ProducerID, r.TransactionState = t.id, t.is.producerID, t.is.state.String()
		out = append(out, r)
	}
	return out
}

// sorted are all ids, by name.
func (s *Shard) sorted() []*transaction {
	out := make([]*transaction, 0, len(s.ids))
	for _, id := range slices.Sorted(maps.Keys(s.ids)) {
		out = append(out, s.ids[id])
	}
	return out
}
