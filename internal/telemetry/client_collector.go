package telemetry

import "github.com/prometheus/client_golang/prometheus"

// RegisterClients adds what clients push to the metrics, and figures about it.
func (m *Metrics) RegisterClients(c *Clients) error {
	if err := m.registry.Register(clientCollector{c}); err != nil {
		return err
	}
	read := func(f func(*Clients) float64) func(func(float64, ...string)) {
		return func(emit func(float64, ...string)) {
			c.mu.Lock()
			v := f(c)
			c.mu.Unlock()
			emit(v)
		}
	}
	return m.Register(
		Metric{
			Name: "kafka_server_client_metrics_instance_count", MBean: "kafka.server:type=client-metrics,name=instance-count", Kind: Gauge,
			Help: "Clients that are known by their metrics.", Read: read(func(c *Clients) float64 { return float64(c.mu.byUse.Len()) }),
		},
		Metric{
			Name: "kafka_server_client_metrics_plugin_export_count", MBean: "kafka.server:type=client-metrics,name=plugin-export-count",
			Help: "Pushes of client metrics that were taken.", Read: read(func(c *Clients) float64 { return float64(c.mu.pushes) }),
		},
		Metric{
			Name: "kafka_server_client_metrics_plugin_error_count", MBean: "kafka.server:type=client-metrics,name=plugin-error-count",
			Help: "Pushes of client metrics that could not be read.", Read: read(func(c *Clients) float64 { return float64(c.mu.refused) }),
		},
		Metric{
			Name: "headrace_client_metrics_series", Kind: Gauge, Help: "Series that clients have pushed.",
			Read: read(func(c *Clients) float64 { return float64(c.mu.series) }),
		},
		Metric{
			Name: "headrace_client_metrics_dropped_total", Help: "Data points that clients have pushed beyond a limit.",
			Read: read(func(c *Clients) float64 { return float64(c.mu.dropped) }),
		},
	)
}

// clientCollector gives Prometheus what clients have pushed. Which metrics that are is not known beforehand.
type clientCollector struct{ clients *Clients }

// Describe implements prometheus.Collector: nothing is promised.
func (clientCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c clientCollector) Collect(ch chan<- prometheus.Metric) {
	for _, m := range c.clients.collect() {
		ch <- m
	}
}

func (c *Clients) collect() []prometheus.Metric {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep(c.now())
	out := make([]prometheus.Metric, 0, c.mu.series)
	for e := c.mu.byUse.Front(); e != nil; e = e.Next() {
		for _, s := range e.Value.(*instance).series {
			out = append(out, s.metric())
		}
	}
	return out
}

func (s *series) metric() prometheus.Metric {
	var names, values []string
	for i := 0; i < len(s.labels); i += 2 {
		names, values = append(names, s.labels[i]), append(values, s.labels[i+1])
	}
	desc := prometheus.NewDesc(s.family.name, "Pushed by a client (KIP-714).", names, nil)
	switch s.family.kind {
	case histogramPoint:
		buckets, total := map[float64]uint64{}, uint64(0)
		for i, bound := range s.point.bounds {
			total += s.point.buckets[i]
			buckets[bound] = total
		}
		return prometheus.MustNewConstHistogram(desc, s.point.count, s.point.value, buckets, values...)
	case counterPoint:
		return prometheus.MustNewConstMetric(desc, prometheus.CounterValue, s.point.value, values...)
	}
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, s.point.value, values...)
}
