package telemetry

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Kind says how a metric moves.
type Kind int8

// The kinds of metrics.
const (
	Counter Kind = iota // only grows
	Gauge               // goes up and down
)

// Metric is one row of the table of metrics. It is read when somebody asks, so
// that nothing is spent on it otherwise.
type Metric struct {
	// Name is the Prometheus name: Kafka's MBean in the spelling of the JMX
	// exporter's usual rules, or headrace_… for what Kafka has not.
	Name string
	// MBean is Kafka's name, "" for our own.
	MBean string
	// Help says what is counted, and in which unit.
	Help string
	Kind Kind
	// Labels are the names of the labels.
	Labels []string
	// Read calls emit with each value and its labels' values. It may be called
	// concurrently with itself.
	Read func(emit func(value float64, labels ...string))
	// ReadHistogram is Read of a histogram: Kind and Read count for nothing then.
	ReadHistogram func(emit func(h Histogram, labels ...string))
}

// Histogram is one reading of a distribution.
type Histogram struct {
	Count   uint64
	Sum     float64
	Buckets map[float64]uint64 // how many were at most that large, without +Inf
}

// Metrics holds the metrics of one process.
type Metrics struct {
	registry *prometheus.Registry
}

// NewMetrics returns a registry with the metrics of the Go runtime and of the
// process.
func NewMetrics() *Metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &Metrics{registry: r}
}

// Register adds metrics. The error says which name is taken or malformed.
func (m *Metrics) Register(rows ...Metric) error {
	for _, row := range rows {
		if err := m.registry.Register(newCollector(row)); err != nil {
			return err
		}
	}
	return nil
}

// Handler serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// collector adapts a row to Prometheus.
type collector struct {
	row  Metric
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func newCollector(row Metric) *collector {
	kind := prometheus.CounterValue
	if row.Kind == Gauge {
		kind = prometheus.GaugeValue
	}
	help := row.Help
	if row.MBean != "" {
		help += " (" + row.MBean + ")"
	}
	return &collector{row: row, desc: prometheus.NewDesc(row.Name, help, row.Labels, nil), kind: kind}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	if c.row.ReadHistogram != nil {
		c.row.ReadHistogram(func(h Histogram, labels ...string) {
			ch <- prometheus.MustNewConstHistogram(c.desc, h.Count, h.Sum, h.Buckets, labels...)
		})
		return
	}
	c.row.Read(func(v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(c.desc, c.kind, v, labels...)
	})
}
