package config

// serverKeys are the keys of sockets, threads, replication, quotas and metrics.
var serverKeys = []Key{
	{
		Name: "advertised.listeners", Type: List, Default: null, Check: distinct(false, true),
		Doc: "Addresses that clients are told, as NAME://host:port; if it is not set, those of listeners.",
	},
	{
		Name: "alter.log.dirs.replication.quota.window.num", Type: Int, Default: "11", Check: atLeast(1), Importance: Low,
		Doc:      "Samples that the quota of moves between log directories remembers.",
		NoEffect: "moves between log directories are not throttled",
	},
	{
		Name: "alter.log.dirs.replication.quota.window.size.seconds", Type: Int, Default: "1", Check: atLeast(1), Importance: Low,
		Doc:      "Span of each sample of that quota.",
		NoEffect: "moves between log directories are not throttled",
	},
	{
		Name: "auto.leader.rebalance.enable", Type: Boolean, Default: "true",
		Doc: "Whether leadership returns by itself to the preferred replicas.",
	},
	{
		Name: "background.threads", Type: Int, Default: "10", Check: atLeast(1), Update: ClusterWide,
		Doc:      "Threads for work in the background.",
		NoEffect: "work in the background has goroutines of its own",
	},
	{
		Name: "client.quota.callback.class", Type: Class, Default: null, Importance: Low,
		Doc:      "Java class that decides about quotas.",
		NoEffect: "Java classes cannot be loaded",
	},
	{
		Name: "config.providers", Type: List, Default: "", Check: distinct(true, false), Importance: Low, Update: ClusterWide,
		Doc:      "Providers that replace ${provider:path:key} in values.",
		NoEffect: "values are taken as they stand",
	},
	{
		Name: "connection.failed.authentication.delay.ms", Type: Int, Default: "100", Check: atLeast(0), Importance: Low,
		Doc: "Pause before a connection that failed to authenticate is closed.",
	},
	{
		Name: "connections.max.idle.ms", Type: Long, Default: "600000", Importance: Medium,
		Doc: "Connections without traffic for this long are closed; negative: never.",
	},
	{
		Name: "controlled.shutdown.enable", Type: Boolean, Default: "true", Importance: Medium,
		Doc: "Whether a broker that stops gives its leaderships away first.",
	},
	{
		Name: "default.replication.factor", Type: Int, Default: "1", Importance: Medium,
		Doc: "Copies of a topic that is created without a number, or by a client's first use.",
	},
	{
		Name: "delete.records.purgatory.purge.interval.requests", Type: Int, Default: "1", Importance: Medium,
		Doc:      "When waiting DeleteRecords requests are cleaned up.",
		NoEffect: "requests that wait are removed the moment they end",
	},
	{
		Name: "early.start.listeners", Type: List, Default: null, Check: distinct(true, true),
		Doc: "Listeners that open before the authorizer has loaded its ACLs.",
	},
	{
		Name: "fetch.max.bytes", Type: Int, Default: "57671680", Check: atLeast(1024), Importance: Medium,
		Doc: "Most bytes in one answer to a fetch.",
	},
	{
		Name: "fetch.purgatory.purge.interval.requests", Type: Int, Default: "1000", Importance: Medium,
		Doc:      "When waiting fetches are cleaned up.",
		NoEffect: "requests that wait are removed the moment they end",
	},
	{
		Name: "inter.broker.listener.name", Type: String, Default: null, Importance: Medium,
		Doc: "Listener that brokers use among themselves; if it is not set, security.inter.broker.protocol names it.",
	},
	{
		Name: "kafka.metrics.polling.interval.secs", Type: Int, Default: "10", Check: atLeast(1), Importance: Low,
		Doc:      "How often the older metrics reporters are called.",
		NoEffect: "metrics are read over HTTP, see headrace.metrics.listener",
	},
	{
		Name: "kafka.metrics.reporters", Type: List, Default: "", Check: distinct(true, false), Importance: Low,
		Doc:      "Java classes that report the older metrics.",
		NoEffect: "Java classes cannot be loaded; metrics are read over HTTP, see headrace.metrics.listener",
	},
	{
		Name: "leader.imbalance.check.interval.seconds", Type: Long, Default: "300", Check: atLeast(1),
		Doc: "How often the controller looks for leaderships that should return to preferred replicas.",
	},
	{
		Name: "listener.security.protocol.map", Type: String, Default: "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", Importance: Low, Update: PerBroker,
		Doc: "Security protocol of each listener name, as NAME:PROTOCOL separated by commas.",
	},
	{
		Name: "listeners", Type: List, Default: "PLAINTEXT://localhost:9092", Check: distinct(false, false), Update: PerBroker, Flags: Deviates,
		Doc: "Addresses to listen on, as NAME://host:port separated by commas; without a host, all addresses of the machine.",
	},
	{
		Name: "max.connection.creation.rate", Type: Int, Default: "2147483647", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "Most new connections a second on this broker; a listener may have its own rate.",
	},
	{
		Name: "max.connections", Type: Int, Default: "2147483647", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "Most connections on this broker; a listener may have its own limit.",
	},
	{
		Name: "max.connections.per.ip", Type: Int, Default: "2147483647", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "Most connections of one address.",
	},
	{
		Name: "max.connections.per.ip.overrides", Type: String, Default: "", Importance: Medium, Update: ClusterWide,
		Doc: "Limits of single addresses, as address:limit separated by commas.",
	},
	{
		Name: "max.incremental.fetch.session.cache.slots", Type: Int, Default: "1000", Check: atLeast(0), Importance: Medium,
		Doc: "Most fetch sessions that a broker remembers.",
	},
	{
		Name: "max.request.partition.size.limit", Type: Int, Default: "2000", Check: atLeast(1), Importance: Medium,
		Doc: "Most partitions in one answer to DescribeTopicPartitions.",
	},
	{
		Name: "message.max.bytes", Type: Int, Default: "1048588", Check: atLeast(0), Update: ClusterWide,
		Doc: "Largest batch that topics take that say nothing else, as it comes over the wire.",
	},
	{
		Name: "metric.reporters", Type: List, Default: "org.apache.kafka.common.metrics.JmxReporter", Check: distinct(true, false), Importance: Low, Update: ClusterWide,
		Doc:      "Java classes that report metrics.",
		NoEffect: "Java classes cannot be loaded; metrics are read over HTTP, see headrace.metrics.listener",
	},
	{
		Name: "metrics.num.samples", Type: Int, Default: "2", Check: atLeast(1), Importance: Low,
		Doc:      "Samples that rates are computed from.",
		NoEffect: "rates are computed by who reads the counters",
	},
	{
		Name: "metrics.recording.level", Type: String, Default: "INFO", Importance: Low,
		Doc:      "Detail of the metrics.",
		NoEffect: "all metrics are kept, they cost next to nothing",
	},
	{
		Name: "metrics.sample.window.ms", Type: Long, Default: "30000", Check: atLeast(1), Importance: Low,
		Doc:      "Span of a sample.",
		NoEffect: "rates are computed by who reads the counters",
	},
	{
		Name: "num.io.threads", Type: Int, Default: "8", Check: atLeast(1), Update: ClusterWide,
		Doc:      "Threads that process requests.",
		NoEffect: "each connection has a goroutine of its own",
	},
	{
		Name: "num.network.threads", Type: Int, Default: "3", Check: atLeast(1), Update: ClusterWide,
		Doc:      "Threads that read requests and write answers.",
		NoEffect: "each connection has a goroutine of its own",
	},
	{
		Name: "num.replica.alter.log.dirs.threads", Type: Int, Default: null,
		Doc:      "Partitions that move between log directories at the same time.",
		NoEffect: "all moves go on at the same time, in turns of 16 MiB",
	},
	{
		Name: "num.replica.fetchers", Type: Int, Default: "1", Check: atLeast(1), Update: ClusterWide,
		Doc:      "Connections to each other broker for replication.",
		NoEffect: "one connection to each broker carries all partitions",
	},
	{
		Name: "producer.purgatory.purge.interval.requests", Type: Int, Default: "1000", Importance: Medium,
		Doc:      "When waiting produces are cleaned up.",
		NoEffect: "requests that wait are removed the moment they end",
	},
	{
		Name: "queued.max.request.bytes", Type: Long, Default: "-1", Importance: Medium,
		Doc: "Most bytes of requests that are being received or wait for their turn; -1: headrace.request.memory.bytes.",
	},
	{
		Name: "queued.max.requests", Type: Int, Default: "500", Check: atLeast(1),
		Doc:      "Most requests that wait for their turn.",
		NoEffect: "a connection is read as fast as its requests are done",
	},
	{
		Name: "quota.window.num", Type: Int, Default: "11", Check: atLeast(1), Importance: Low,
		Doc: "Samples that client quotas remember.",
	},
	{
		Name: "quota.window.size.seconds", Type: Int, Default: "1", Check: atLeast(1), Importance: Low,
		Doc: "Span of each sample of client quotas.",
	},
	{
		Name: "replica.fetch.backoff.ms", Type: Int, Default: "1000", Check: atLeast(0), Importance: Medium,
		Doc: "Pause of replication from a broker after an error.",
	},
	{
		Name: "replica.fetch.max.bytes", Type: Int, Default: "1048576", Check: atLeast(0), Importance: Medium,
		Doc: "Bytes of one partition that a follower asks for at once; a larger batch still comes whole.",
	},
	{
		Name: "replica.fetch.min.bytes", Type: Int, Default: "1",
		Doc: "Least bytes for which a follower's fetch is answered before its time.",
	},
	{
		Name: "replica.fetch.response.max.bytes", Type: Int, Default: "10485760", Check: atLeast(0), Importance: Medium,
		Doc: "Bytes that a follower asks for at once, over all partitions.",
	},
	{
		Name: "replica.fetch.wait.max.ms", Type: Int, Default: "500",
		Doc: "How long a leader may hold a follower's fetch.",
	},
	{
		Name: "replica.high.watermark.checkpoint.interval.ms", Type: Long, Default: "5000",
		Doc:      "How often high watermarks are written.",
		NoEffect: "the state log has them about once a second",
	},
	{
		Name: "replica.lag.time.max.ms", Type: Long, Default: "30000",
		Doc: "How long a follower may be behind before it leaves the in-sync replicas.",
	},
	{
		Name: "replica.selector.class", Type: String, Default: null, Importance: Medium,
		Doc: "Java class that picks the replica for a consumer; RackAwareReplicaSelector prefers its rack.",
	},
	{
		Name: "replica.socket.receive.buffer.bytes", Type: Int, Default: "65536",
		Doc: "Receive buffer of replication connections.",
	},
	{
		Name: "replica.socket.timeout.ms", Type: Int, Default: "30000",
		Doc: "How long a request of replication may take.",
	},
	{
		Name: "replication.quota.window.num", Type: Int, Default: "11", Check: atLeast(1), Importance: Low,
		Doc: "Samples that replication quotas remember.",
	},
	{
		Name: "replication.quota.window.size.seconds", Type: Int, Default: "1", Check: atLeast(1), Importance: Low,
		Doc: "Span of each sample of replication quotas.",
	},
	{
		Name: "request.timeout.ms", Type: Int, Default: "30000",
		Doc: "How long this node waits for the answer to a request of its own.",
	},
	{
		Name: "socket.connection.setup.timeout.max.ms", Type: Long, Default: "30000", Importance: Medium,
		Doc: "Longest time that opening a connection to another node may take.",
	},
	{
		Name: "socket.connection.setup.timeout.ms", Type: Long, Default: "10000", Importance: Medium,
		Doc: "First time that opening a connection to another node may take; it doubles with each failure.",
	},
	{
		Name: "socket.listen.backlog.size", Type: Int, Default: "50", Check: atLeast(1), Importance: Medium,
		Doc:      "Connections that may wait to be accepted.",
		NoEffect: "the operating system's own limit holds",
	},
	{
		Name: "socket.receive.buffer.bytes", Type: Int, Default: "102400",
		Doc: "Receive buffer of client connections; -1: the operating system decides.",
	},
	{
		Name: "socket.request.max.bytes", Type: Int, Default: "104857600", Check: atLeast(1),
		Doc: "Largest request that is read.",
	},
	{
		Name: "socket.send.buffer.bytes", Type: Int, Default: "102400",
		Doc: "Send buffer of client connections; -1: the operating system decides.",
	},
	{
		Name: "telemetry.max.bytes", Type: Int, Default: "1048576", Check: atLeast(1), Importance: Low,
		Doc: "Most bytes of metrics that a client may push at once (KIP-714).",
	},
	{
		Name: "unclean.leader.election.enable", Type: Boolean, Default: "false", Update: ClusterWide,
		Doc: "Whether a replica that was not in sync may lead when no other is left, which loses records, for topics that say nothing else.",
	},
	{
		Name: "unclean.leader.election.interval.ms", Type: Long, Default: "300000", Check: atLeast(1), Importance: Medium, Flags: Internal,
		Doc: "How often the controller looks for partitions that need such an election.",
	},
}
