package telemetry

import (
	"slices"
	"strings"
)

// Limits on what is kept of pushed metrics. What is beyond them is left out and counted.
const (
	maxSeries          = 20_000 // of all clients
	maxSeriesOfAClient = 1_000
	maxNameBytes       = 200 // of a metric's name; of a label's
	maxLabelBytes      = 256 // of a label's value
)

// clientPrefix begins the name of every pushed metric: no name that a client chooses can be one of the broker's.
const clientPrefix = "kafka_client_"

// series is one pushed metric with its labels.
type series struct {
	family *family
	labels []string // names and values in turns, by name
	point  point    // what it stands at; name and attributes are not used
}

// family is the metrics of one name: they have one kind, and are known while there is one of them.
type family struct {
	name string
	kind pointKind
	uses int
}

// histogramSuffixes are what Prometheus adds to a histogram's name.
var histogramSuffixes = []string{"_bucket", "_count", "_sum"}

// apply takes the points of one push.
func (c *Clients) apply(in *instance, points []point) {
	for i := range points {
		p := &points[i]
		name := familyName(p.name)
		labels := in.labels(p.attributes)
		key := name + "\x00" + strings.Join(labels, "\x00")
		s := in.series[key]
		if s == nil {
			if s = c.newSeries(in, name, p.kind, labels); s == nil {
				c.mu.dropped++
				continue
			}
			in.series[key] = s
		}
		if s.family.kind != p.kind {
			c.mu.dropped++
			continue
		}
		s.update(p)
	}
}

// newSeries makes room for a series; nil if there is none, or if its name means something else already.
func (c *Clients) newSeries(in *instance, name string, kind pointKind, labels []string) *series {
	if c.mu.series >= maxSeries || len(in.series) >= maxSeriesOfAClient {
		return nil
	}
	f := c.mu.families[name]
	if f == nil {
		if c.clashes(name, kind) {
			return nil
		}
		f = &family{name: name, kind: kind}
		c.mu.families[name] = f
	}
	if f.kind != kind {
		return nil
	}
	f.uses++
	c.mu.series++
	return &series{family: f, labels: labels}
}

// clashes says whether a name would read as a part of a histogram, or the other way round.
func (c *Clients) clashes(name string, kind pointKind) bool {
	for _, suffix := range histogramSuffixes {
		if base, ok := strings.CutSuffix(name, suffix); ok && c.mu.families[base] != nil && c.mu.families[base].kind == histogramPoint {
			return true
		}
		if kind == histogramPoint && c.mu.families[name+suffix] != nil {
			return true
		}
	}
	return false
}

func (c *Clients) dropSeries(s *series) {
	c.mu.series--
	if s.family.uses--; s.family.uses == 0 {
		delete(c.mu.families, s.family.name)
	}
}

// update adds a point to what the series stands at, or replaces it.
func (s *series) update(p *point) {
	old := s.point
	s.point = point{kind: p.kind, value: p.value, count: p.count, bounds: p.bounds, buckets: p.buckets}
	if !p.delta || s.family.kind == histogramPoint && !slices.Equal(old.bounds, p.bounds) {
		return
	}
	s.point.value += old.value
	s.point.count += old.count
	if len(old.buckets) == len(p.buckets) {
		for i, n := range old.buckets {
			s.point.buckets[i] += n
		}
	}
}

// familyName is a metric's name as Prometheus takes it: org.apache.kafka.producer.record.send.total is
// kafka_client_producer_record_send_total.
func familyName(name []byte) string {
	text := strings.TrimPrefix(string(name[:min(len(name), maxNameBytes)]), "org.apache.kafka.")
	return clientPrefix + plain(text)
}

// plain replaces what is neither a letter nor a digit by an underscore.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, text)
}

// labels are a point's labels: who pushed it, and its attributes.
func (in *instance) labels(attributes []attribute) []string {
	type label struct{ name, value string }
	all := []label{{"client_id", labelValue([]byte(in.client.ClientID))}, {"client_instance_id", in.ID.String()}}
	for _, a := range attributes {
		name := plain(string(a.key[:min(len(a.key), maxNameBytes)]))
		if name[0] >= '0' && name[0] <= '9' || name[0] == '_' || name == "le" || name == "quantile" {
			name = "attribute_" + strings.TrimLeft(name, "_")
		}
		if !slices.ContainsFunc(all, func(l label) bool { return l.name == name }) {
			all = append(all, label{name, labelValue(a.value)})
		}
	}
	slices.SortFunc(all, func(a, b label) int { return strings.Compare(a.name, b.name) })
	var out []string
	for _, l := range all {
		out = append(out, l.name, l.value)
	}
	return out
}

func labelValue(b []byte) string {
	return strings.ToValidUTF8(string(b[:min(len(b), maxLabelBytes)]), "\uFFFD")
}
