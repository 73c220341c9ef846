package metadata

import (
	"slices"
	"strconv"
	"strings"
)

// Quota is the quotas of one entity, such as a user and a client id.
type Quota struct {
	Entity []QuotaEntity // sorted by type
	Values []QuotaValue  // sorted by key
}

// QuotaValue is one quota, such as producer_byte_rate.
type QuotaValue struct {
	Key   string
	Value float64
}

// quotaKey gives equal entities equal keys, whatever the order of their parts.
func quotaKey(sorted []QuotaEntity) string {
	var b strings.Builder
	for _, e := range sorted {
		b.WriteString(strconv.Quote(e.Type))
		if e.Name == nil {
			b.WriteString("=<default>")
		} else {
			b.WriteByte('=')
			b.WriteString(strconv.Quote(*e.Name))
		}
		b.WriteByte(',')
	}
	return b.String()
}

func sortedEntity(in []QuotaEntity) []QuotaEntity {
	out := slices.Clone(in)
	slices.SortFunc(out, func(a, b QuotaEntity) int { return strings.Compare(a.Type, b.Type) })
	return out
}

// with gives the entity's quotas after the record. q may be nil.
func (q *Quota) with(r *ClientQuotaRecord) *Quota {
	n := &Quota{Entity: sortedEntity(r.Entity)}
	if q != nil {
		n.Values = slices.Clone(q.Values)
	}
	i, ok := slices.BinarySearchFunc(n.Values, r.Key, func(v QuotaValue, k string) int { return strings.Compare(v.Key, k) })
	switch {
	case r.Remove && ok:
		n.Values = slices.Delete(n.Values, i, i+1)
	case r.Remove:
	case ok:
		n.Values[i].Value = r.Value
	default:
		n.Values = slices.Insert(n.Values, i, QuotaValue{r.Key, r.Value})
	}
	return n
}
