package config

// kraftKeys are the keys of roles, the metadata quorum and the metadata log.
var kraftKeys = []Key{
	{
		Name: "broker.heartbeat.interval.ms", Type: Int, Default: "2000", Importance: Medium,
		Doc: "How often a broker tells the controller that it is alive.",
	},
	{
		Name: "broker.id", Type: Int, Default: "-1",
		Doc: "Older name of node.id; a file may have both if they agree.",
	},
	{
		Name: "broker.rack", Type: String, Default: null, Importance: Medium,
		Doc: "Where the broker stands; replicas are spread over racks, and clients can fetch from their own.",
	},
	{
		Name: "broker.session.timeout.ms", Type: Int, Default: "9000", Importance: Medium,
		Doc: "How long a broker may be silent before the controller fences it.",
	},
	{
		Name: "controller.listener.names", Type: List, Default: required, Check: distinct(false, false),
		Doc: "Names of the listeners for controllers, separated by commas; a broker uses the first one to reach them.",
	},
	{
		Name: "controller.performance.always.log.threshold.ms", Type: Long, Default: "2000", Check: atLeast(0), Importance: Medium, Flags: Internal,
		Doc:      "Controller events that take longer are logged.",
		NoEffect: "the controller's events are counted in the metrics",
	},
	{
		Name: "controller.performance.sample.period.ms", Type: Long, Default: "60000", Check: atLeast(100), Importance: Medium, Flags: Internal,
		Doc:      "How often the controller logs its performance.",
		NoEffect: "the controller's events are counted in the metrics",
	},
	{
		Name: "controller.quorum.append.linger.ms", Type: Int, Default: "25", Check: atLeast(0), Importance: Medium,
		Doc:      "How long the leader of the metadata quorum gathers records before it writes them.",
		NoEffect: "records are written at once, and together with those that arrive meanwhile",
	},
	{
		Name: "controller.quorum.auto.join.enable", Type: Boolean, Default: "false", Importance: Low,
		Doc: "Whether a controller that is no voter adds itself to the quorum.",
	},
	{
		Name: "controller.quorum.bootstrap.servers", Type: List, Default: "", Check: serverList(),
		Doc: "Addresses of controllers, as host:port, by which a node finds the metadata quorum.",
	},
	{
		Name: "controller.quorum.election.backoff.max.ms", Type: Int, Default: "1000", Check: atLeast(0),
		Doc:      "Longest pause of a candidate before it stands again.",
		NoEffect: "Raft's randomized election timeout spreads candidates",
	},
	{
		Name: "controller.quorum.election.timeout.ms", Type: Int, Default: "1000", Check: atLeast(0),
		Doc: "How long a candidate waits for votes.",
	},
	{
		Name: "controller.quorum.fetch.max.bytes", Type: Int, Default: "1048576", Check: atLeast(1), Importance: Low,
		Doc: "Most bytes of metadata records in one answer to a follower of the quorum.",
	},
	{
		Name: "controller.quorum.fetch.snapshot.max.bytes", Type: Int, Default: "1048576", Check: atLeast(1), Importance: Low,
		Doc: "Most bytes of a metadata snapshot in one answer.",
	},
	{
		Name: "controller.quorum.fetch.timeout.ms", Type: Int, Default: "2000", Check: atLeast(0),
		Doc: "How long a voter goes without its leader before it stands for election.",
	},
	{
		Name: "controller.quorum.request.timeout.ms", Type: Int, Default: "2000", Check: atLeast(0), Importance: Medium,
		Doc: "How long a request to another controller may take.",
	},
	{
		Name: "controller.quorum.retry.backoff.ms", Type: Int, Default: "20", Check: atLeast(0), Importance: Low,
		Doc: "Pause before a request to a controller is sent again.",
	},
	{
		Name: "controller.quorum.voters", Type: List, Default: "", Check: voterList(),
		Doc: "The voters of a static metadata quorum, as id@host:port.",
	},
	{
		Name: "controller.quota.window.num", Type: Int, Default: "11", Check: atLeast(1), Importance: Low,
		Doc: "Samples that the quota of topic changes remembers.",
	},
	{
		Name: "controller.quota.window.size.seconds", Type: Int, Default: "1", Check: atLeast(1), Importance: Low,
		Doc: "Span of each sample of that quota.",
	},
	{
		Name: "controller.socket.timeout.ms", Type: Int, Default: "30000", Importance: Medium,
		Doc: "How long a request to the controller may take.",
	},
	{
		Name: "initial.broker.registration.timeout.ms", Type: Int, Default: "60000", Importance: Medium,
		Doc: "How long a starting broker tries to register before it gives up.",
	},
	{
		Name: "internal.metadata.delete.delay.millis", Type: Long, Default: "60000", Importance: Low, Flags: Internal,
		Doc: "How long deleted files of the metadata log stay on disk.",
	},
	{
		Name: "internal.metadata.log.segment.bytes", Type: Int, Default: null, Importance: Low, Flags: Internal,
		Doc: "Size of the metadata log's segments in tests.",
	},
	{
		Name: "internal.metadata.max.batch.size.in.bytes", Type: Int, Default: "8388608", Importance: Low, Flags: Internal,
		Doc: "Largest batch of the metadata log in tests.",
	},
	{
		Name: "metadata.log.dir", Type: String, Default: null,
		Doc: "Directory of the metadata log; if it is not set, the first log directory.",
	},
	{
		Name: "metadata.log.max.record.bytes.between.snapshots", Type: Long, Default: "20971520", Check: atLeast(1),
		Doc: "Bytes of metadata records after which a snapshot is made.",
	},
	{
		Name: "metadata.log.max.snapshot.interval.ms", Type: Long, Default: "3600000", Check: atLeast(0),
		Doc: "Longest time without a new metadata snapshot if there are new records; 0: no limit.",
	},
	{
		Name: "metadata.log.segment.bytes", Type: Int, Default: "1073741824", Check: atLeast(8388608),
		Doc: "Size at which a segment of the metadata log is closed.",
	},
	{
		Name: "metadata.log.segment.ms", Type: Long, Default: "604800000",
		Doc:      "Age at which a segment of the metadata log is closed.",
		NoEffect: "segments of the metadata log are closed by size",
	},
	{
		Name: "metadata.max.idle.interval.ms", Type: Int, Default: "500", Check: atLeast(0), Importance: Low,
		Doc:      "How often the active controller writes an empty record when there is nothing else.",
		NoEffect: "the quorum's heartbeats show that the controller is alive",
	},
	{
		Name: "metadata.max.retention.bytes", Type: Long, Default: "104857600",
		Doc:      "Largest size of metadata log and snapshots before old ones are deleted.",
		NoEffect: "two snapshots and the log since the older one are kept",
	},
	{
		Name: "metadata.max.retention.ms", Type: Long, Default: "604800000",
		Doc:      "Age at which metadata log segments and snapshots are deleted.",
		NoEffect: "two snapshots and the log since the older one are kept",
	},
	{
		Name: "node.id", Type: Int, Default: required, Check: atLeast(0),
		Doc: "Number of this node, unique in its cluster.",
	},
	{
		Name: "process.roles", Type: List, Default: required, Check: distinct(false, false, "broker", "controller"),
		Doc: "What this node is: broker, controller, or both.",
	},
	{
		Name: "server.max.startup.time.ms", Type: Long, Default: "9223372036854775807", Check: atLeast(0), Importance: Medium, Flags: Internal,
		Doc: "How long a start may take before the node gives up.",
	},
	{
		Name: "unstable.api.versions.enable", Type: Boolean, Default: "false", Flags: Internal,
		Doc: "Whether versions of requests that may still change are offered.",
	},
	{
		Name: "unstable.feature.versions.enable", Type: Boolean, Default: "false", Flags: Internal,
		Doc: "Whether features that may still change can be turned on.",
	},
}
