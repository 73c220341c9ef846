package headrace

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/headrace/headrace/internal/broker/replica"
	"github.com/headrace/headrace/internal/broker/server"
	"github.com/headrace/headrace/internal/telemetry"
)

// maxPartitionMetrics bounds the metrics with a partition label: above it they
// are left out, for no dashboard can show them.
const maxPartitionMetrics = 10_000

// openMetrics registers the metrics and, if an address is set, their server.
func (n *Node) openMetrics() error {
	n.metrics = telemetry.NewMetrics()
	if n.admin == nil {
		return nil
	}
	if err := n.metrics.Register(n.metricTable()...); err != nil {
		return err
	}
	if err := n.metrics.RegisterClients(n.handler.Clients()); err != nil {
		return err
	}
	a := &telemetry.Admin{Metrics: n.metrics, Ready: n.readiness, Logger: n.opts.logger}
	n.parts.add(part{name: "metrics", run: func(ctx context.Context) error { return a.Serve(ctx, n.admin) }})
	return nil
}

// readiness says why clients are not served, nil if they are.
func (n *Node) readiness() error {
	select {
	case <-n.ready:
		return n.quorum.Err()
	default:
		if err := n.quorum.Err(); err != nil {
			return err
		}
		return errors.New("the controller has not let this broker in yet")
	}
}

// metricTable lists every metric of a node: Kafka's, one to one, and our own.
func (n *Node) metricTable() []telemetry.Metric {
	return slices.Concat(n.topicMetrics(), n.clusterMetrics(), n.logMetrics(), n.diskMetrics(), n.connectionMetrics())
}

// one is the reading of a metric without labels.
func one(f func() float64) func(func(float64, ...string)) {
	return func(emit func(float64, ...string)) { emit(f()) }
}

func (n *Node) topicMetrics() []telemetry.Metric {
	const topicMetrics = "kafka.server:type=BrokerTopicMetrics,name="
	return []telemetry.Metric{
		{
			Name: "kafka_server_brokertopicmetrics_messagesin_total", MBean: topicMetrics + "MessagesInPerSec,topic=*", Help: "Records appended.",
			Labels: []string{"topic"}, Read: n.perTopic(func(t *replica.Traffic) int64 { return t.MessagesIn.Load() }),
		},
		{
			Name: "kafka_server_brokertopicmetrics_bytesin_total", MBean: topicMetrics + "BytesInPerSec,topic=*", Help: "Bytes of batches appended.",
			Labels: []string{"topic"}, Read: n.perTopic(func(t *replica.Traffic) int64 { return t.BytesIn.Load() }),
		},
		{
			Name: "kafka_server_brokertopicmetrics_bytesout_total", MBean: topicMetrics + "BytesOutPerSec,topic=*", Help: "Bytes of batches sent to consumers.",
			Labels: []string{"topic"}, Read: n.perTopic(func(t *replica.Traffic) int64 { return t.BytesOut.Load() }),
		},
		{
			Name: "kafka_server_brokertopicmetrics_failedproducerequests_total", MBean: topicMetrics + "FailedProduceRequestsPerSec,topic=*", Help: "Partitions of Produce requests that failed.",
			Labels: []string{"topic"}, Read: n.perTopic(func(t *replica.Traffic) int64 { return t.FailedProduce.Load() }),
		},
		{
			Name: "kafka_server_brokertopicmetrics_failedfetchrequests_total", MBean: topicMetrics + "FailedFetchRequestsPerSec,topic=*", Help: "Partitions of Fetch requests that failed.",
			Labels: []string{"topic"}, Read: n.perTopic(func(t *replica.Traffic) int64 { return t.FailedFetch.Load() }),
		},
	}
}

func (n *Node) clusterMetrics() []telemetry.Metric {
	return []telemetry.Metric{
		{
			Name: "kafka_server_replicamanager_partitioncount", MBean: "kafka.server:type=ReplicaManager,name=PartitionCount", Help: "Partitions on this broker.",
			Kind: telemetry.Gauge, Read: one(func() float64 { return float64(n.replicas.Len()) }),
		},
		{
			Name: "kafka_server_replicamanager_leadercount", MBean: "kafka.server:type=ReplicaManager,name=LeaderCount", Help: "Partitions that this broker leads.",
			Kind: telemetry.Gauge, Read: one(n.leaderCount),
		},
		{
			Name: "kafka_controller_kafkacontroller_activecontrollercount", MBean: "kafka.controller:type=KafkaController,name=ActiveControllerCount", Help: "1 on the active controller, else 0.",
			Kind: telemetry.Gauge, Read: one(func() float64 { return truth(n.quorum.Active()) }),
		},
		{
			Name: "kafka_controller_kafkacontroller_globaltopiccount", MBean: "kafka.controller:type=KafkaController,name=GlobalTopicCount", Help: "Topics of the cluster.",
			Kind: telemetry.Gauge, Read: one(func() float64 { return float64(n.quorum.Image().NumTopics()) }),
		},
		{
			Name: "kafka_controller_kafkacontroller_globalpartitioncount", MBean: "kafka.controller:type=KafkaController,name=GlobalPartitionCount", Help: "Partitions of the cluster.",
			Kind: telemetry.Gauge, Read: one(func() float64 { return float64(n.quorum.Image().NumPartitions()) }),
		},
	}
}

func (n *Node) logMetrics() []telemetry.Metric {
	return []telemetry.Metric{
		{
			Name: "kafka_log_log_size", MBean: "kafka.log:type=Log,name=Size", Help: "Bytes of a partition's segments.",
			Kind: telemetry.Gauge, Labels: []string{"topic", "partition"}, Read: n.perPartition(func(p *replica.Partition) int64 { return p.Log().Size() }),
		},
		{
			Name: "kafka_log_log_logstartoffset", MBean: "kafka.log:type=Log,name=LogStartOffset", Help: "First offset of a partition.",
			Kind: telemetry.Gauge, Labels: []string{"topic", "partition"}, Read: n.perPartition(func(p *replica.Partition) int64 { return p.Log().StartOffset() }),
		},
		{
			Name: "kafka_log_log_logendoffset", MBean: "kafka.log:type=Log,name=LogEndOffset", Help: "Offset of a partition's next record.",
			Kind: telemetry.Gauge, Labels: []string{"topic", "partition"}, Read: n.perPartition(func(p *replica.Partition) int64 { return p.Log().EndOffset() }),
		},
		{
			Name: "kafka_log_logmanager_offlinelogdirectorycount", MBean: "kafka.log:type=LogManager,name=OfflineLogDirectoryCount", Help: "Log directories that have failed.",
			Kind: telemetry.Gauge, Read: one(func() float64 { return float64(len(n.offlineDirs()) + len(n.absentDirs())) }),
		},
		{
			Name: "kafka_server_assignmentsmanager_queuedreplicatodirassignments", MBean: "kafka.server:type=AssignmentsManager,name=QueuedReplicaToDirAssignments",
			Help: "Replicas whose log directory the controller has not recorded yet.",
			Kind: telemetry.Gauge, Read: one(func() float64 { return float64(n.assignments.Pending()) }),
		},
	}
}

func (n *Node) connectionMetrics() []telemetry.Metric {
	return []telemetry.Metric{
		{
			Name: "kafka_network_requestmetrics_requests_total", MBean: "kafka.network:type=RequestMetrics,name=RequestsPerSec,request=*", Help: "Requests served.",
			Labels: []string{"request"}, Read: n.requestCounts,
		},
		{Name: "headrace_connections", Help: "Open connections.", Kind: telemetry.Gauge, Read: n.fromServer(func(s *server.Server) int64 { return int64(s.Conns()) })},
		{Name: "headrace_connections_accepted_total", Help: "Connections accepted.", Read: n.fromServer(func(s *server.Server) int64 { return s.Stats.Accepted.Load() })},
		{Name: "headrace_connections_refused_total", Help: "Connections over a limit on their number.", Read: n.fromServer(func(s *server.Server) int64 { return s.Stats.Refused.Load() })},
		{Name: "headrace_connections_stale_total", Help: "Connections closed because they were idle, or because a request or a response did not get further.", Read: n.fromServer(func(s *server.Server) int64 { return s.Stats.Stale.Load() })},
		{Name: "headrace_connections_evicted_total", Help: "Connections closed because the memory of requests or responses was used up.", Read: n.fromServer(func(s *server.Server) int64 { return s.Stats.Evicted.Load() })},
		{Name: "headrace_malformed_total", Help: "Connections closed for what they sent.", Read: n.fromServer(func(s *server.Server) int64 { return s.Stats.Malformed.Load() })},
		{Name: "headrace_requests_trailing_total", Help: "Requests with bytes after their last field, which were ignored.", Read: n.fromServer(func(s *server.Server) int64 { return s.Stats.Trailing.Load() })},
		{Name: "headrace_requests_memory_bytes", Help: "Memory of requests that are being received (headrace.request.memory.bytes).", Kind: telemetry.Gauge, Read: n.fromServer(func(s *server.Server) int64 { return s.RequestMemory() })},
		{Name: "headrace_responses_memory_bytes", Help: "Memory of responses that wait to be taken.", Kind: telemetry.Gauge, Read: n.fromServer(func(s *server.Server) int64 { return s.ResponseMemory() })},
		{Name: "headrace_bytes_received_total", Help: "Bytes read from clients.", Read: n.fromServer(func(s *server.Server) int64 { return s.Stats.BytesIn.Load() })},
		{Name: "headrace_bytes_sent_total", Help: "Bytes written to clients.", Read: n.fromServer(func(s *server.Server) int64 { return s.Stats.BytesOut.Load() })},
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// perTopic adds up a count over the partitions of each topic.
func (n *Node) perTopic(read func(*replica.Traffic) int64) func(func(float64, ...string)) {
	return func(emit func(float64, ...string)) {
		sums := map[string]int64{}
		n.replicas.Each(func(p *replica.Partition) bool {
			sums[p.Topic] += read(&p.Traffic)
			return true
		})
		for topic, v := range sums {
			emit(float64(v), topic)
		}
	}
}

func (n *Node) perPartition(read func(*replica.Partition) int64) func(func(float64, ...string)) {
	return func(emit func(float64, ...string)) {
		if n.replicas.Len() > maxPartitionMetrics {
			return
		}
		n.replicas.Each(func(p *replica.Partition) bool {
			emit(float64(read(p)), p.Topic, strconv.Itoa(int(p.Index)))
			return true
		})
	}
}

func (n *Node) leaderCount() float64 {
	count := 0
	n.replicas.Each(func(p *replica.Partition) bool {
		if p.Leads() {
			count++
		}
		return true
	})
	return float64(count)
}

func (n *Node) requestCounts(emit func(float64, ...string)) {
	n.handler.Requests(func(name string, count int64) { emit(float64(count), name) })
}

// fromServer is the reading of a count of the connections.
func (n *Node) fromServer(read func(*server.Server) int64) func(func(float64, ...string)) {
	return one(func() float64 { return float64(read(n.server)) })
}
