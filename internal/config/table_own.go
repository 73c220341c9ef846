package config

// ownKeys are the brokers' keys that Kafka does not have.
var ownKeys = []Key{
	{
		Name: "log.flush.before.ack", Type: Boolean, Default: "true", Update: ClusterWide, Flags: Own,
		Doc: "Whether a produce with acks=all is acknowledged only when it is on stable storage; false gives Kafka's promise, which is the page cache of every in-sync replica.",
	},
	{
		Name: "max.decompressed.message.bytes", Type: Int, Default: "268435456", Check: atLeast(1), Importance: Medium, Update: ClusterWide, Flags: Own,
		Doc: "Most bytes that one compressed batch may expand to; a batch that may expand to more is measured, and refused if it does.",
	},
	{
		Name: "log.scrub.max.bytes.per.second", Type: Long, Default: "8388608", Check: atLeast(0), Importance: Medium, Flags: Own,
		Doc: "How fast each log directory is re-read in the background, past the page cache, to find what has rotted on the disk; 0: it is not.",
	},
	{
		Name: "log.scrub.interval.ms", Type: Long, Default: "604800000", Check: atLeast(1), Importance: Low, Flags: Own,
		Doc: "How long after the start of one such reading the next one starts; one that takes longer is followed by the next at once, and one that a stop interrupts goes on after the start.",
	},
	{
		Name: "headrace.metrics.listener", Type: String, Default: "", Importance: Medium, Flags: Own,
		Doc: "host:port where /metrics, /healthz, /readyz and pprof are served over HTTP; empty: nowhere, port 0: any free port. It has no authentication: keep it on loopback.",
	},
	{
		Name: "headrace.request.memory.bytes", Type: Long, Default: "121634816", Check: atLeast(1), Importance: Medium, Flags: Own,
		Doc: "Most memory of the requests that are being received, over all connections; when it is used up, the frames that would take longest lose their connections, first those of addresses with more than their share. It is raised to 8/7 of socket.request.max.bytes where it is smaller; queued.max.request.bytes wins over it.",
	},
	{
		Name: "headrace.request.timeout.ms", Type: Long, Default: "30000", Check: atLeast(1), Importance: Low, Flags: Own,
		Doc: "How long a request that has begun, or a response, may not get further, before its connection is closed; after that time a request must also have brought 1 KiB a second on average.",
	},
	{
		Name: "headrace.log.format", Type: String, Default: "text", Check: oneOf("text", "json"), Importance: Low, Flags: Own,
		Doc: "Format of the broker's own log on stderr.",
	},
	{
		Name: "headrace.log.level", Type: String, Default: "info", Check: oneOf("debug", "info", "warn", "error"), Importance: Low, Flags: Own,
		Doc: "Least severe entries that the broker's own log shows.",
	},
}

// ownTopicKeys are the topics' keys that Kafka does not have.
var ownTopicKeys = []Key{
	{
		Name: "log.flush.before.ack", Type: Boolean, Default: "true", Flags: Own,
		Doc: "Whether a produce with acks=all to this topic is acknowledged only when it is on stable storage; false gives Kafka's promise, which is the page cache of every in-sync replica.",
	},
	{
		Name: "max.decompressed.message.bytes", Type: Int, Default: "268435456", Check: atLeast(1), Importance: Medium, Flags: Own,
		Doc: "Most bytes that one compressed batch of this topic may expand to.",
	},
}
