package config

// logKeys are the brokers' keys about logs and topics.
var logKeys = []Key{
	{
		Name: "alter.config.policy.class.name", Type: Class, Default: null, Importance: Low,
		Doc:      "Java class that may refuse changes of configs.",
		NoEffect: "Java classes cannot be loaded",
	},
	{
		Name: "auto.create.topics.enable", Type: Boolean, Default: "true",
		Doc: "Whether a topic is created when a client first asks for it.",
	},
	{
		Name: "compression.gzip.level", Type: Int, Default: "-1", Check: gzipLevel(), Importance: Medium, Update: ClusterWide,
		Doc: "Level of gzip where the broker compresses; -1 is the codec's own default.",
	},
	{
		Name: "compression.lz4.level", Type: Int, Default: "9", Check: between(1, 17), Importance: Medium, Update: ClusterWide,
		Doc: "Level of lz4 where the broker compresses.",
	},
	{
		Name: "compression.type", Type: String, Default: "producer", Check: oneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"), Update: ClusterWide,
		Doc: "Codec in which topics are kept; producer keeps what the producer sent, uncompressed removes compression.",
	},
	{
		Name: "compression.zstd.level", Type: Int, Default: "3", Check: between(-131072, 22), Importance: Medium, Update: ClusterWide,
		Doc: "Level of zstd where the broker compresses.",
	},
	{
		Name: "cordoned.log.dirs", Type: List, Default: "", Check: distinct(true, true), Importance: Medium, Update: PerBroker,
		Doc:      "Log directories that take no new partitions; * names all of them.",
		NoEffect: "not there yet",
	},
	{
		Name: "create.topic.policy.class.name", Type: Class, Default: null, Importance: Low,
		Doc:      "Java class that may refuse new topics.",
		NoEffect: "Java classes cannot be loaded",
	},
	{
		Name: "delete.topic.enable", Type: Boolean, Default: "true",
		Doc: "Whether topics can be deleted.",
	},
	{
		Name: "log.cleaner.backoff.ms", Type: Long, Default: "15000", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "Pause of the log cleaner when there is nothing to compact.",
	},
	{
		Name: "log.cleaner.dedupe.buffer.size", Type: Long, Default: "134217728", Importance: Medium, Update: ClusterWide,
		Doc: "Memory for the key tables of all cleaner threads together.",
	},
	{
		Name: "log.cleaner.delete.retention.ms", Type: Long, Default: "86400000", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "How long tombstones stay after compaction, for topics that say nothing else.",
	},
	{
		Name: "log.cleaner.enable", Type: Boolean, Default: "true", Importance: Medium,
		Doc: "Whether compacted topics are compacted.",
	},
	{
		Name: "log.cleaner.io.buffer.load.factor", Type: Double, Default: "0.9", Importance: Medium, Update: ClusterWide,
		Doc: "How full the key table may get.",
	},
	{
		Name: "log.cleaner.io.buffer.size", Type: Int, Default: "524288", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "Memory for reading and writing of all cleaner threads together.",
	},
	{
		Name: "log.cleaner.io.max.bytes.per.second", Type: Double, Default: "1.7976931348623157E308", Importance: Medium, Update: ClusterWide,
		Doc: "Most bytes a second that the cleaner reads and writes.",
	},
	{
		Name: "log.cleaner.max.compaction.lag.ms", Type: Long, Default: "9223372036854775807", Check: atLeast(1), Importance: Medium, Update: ClusterWide,
		Doc: "Longest time that a record may stay uncompacted, for topics that say nothing else.",
	},
	{
		Name: "log.cleaner.min.cleanable.ratio", Type: Double, Default: "0.5", Check: between(0, 1), Importance: Medium, Update: ClusterWide,
		Doc: "Share of a log that must be uncompacted before it is compacted, for topics that say nothing else.",
	},
	{
		Name: "log.cleaner.min.compaction.lag.ms", Type: Long, Default: "0", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "Shortest time that a record stays uncompacted, for topics that say nothing else.",
	},
	{
		Name: "log.cleaner.threads", Type: Int, Default: "1", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "Logs that are compacted at the same time.",
	},
	{
		Name: "log.cleanup.policy", Type: List, Default: "delete", Check: distinct(true, false, "compact", "delete"), Importance: Medium, Update: ClusterWide,
		Doc: "What happens to old segments of topics that say nothing else: delete, compact, both or neither.",
	},
	{
		Name: "log.dir", Type: List, Default: "/tmp/kafka-logs", Check: distinct(false, false),
		Doc: "Directory for partitions if log.dirs is not set.",
	},
	{
		Name: "log.dir.failure.timeout.ms", Type: Long, Default: "30000", Check: atLeast(1), Importance: Low,
		Doc:      "How long a broker that cannot tell the controller of a failed log directory goes on before it stops.",
		NoEffect: "a broker outlives its log directories, and tells the controller when it can",
	},
	{
		Name: "log.dirs", Type: List, Default: null, Check: distinct(false, true),
		Doc: "Directories for partitions, separated by commas.",
	},
	{
		Name: "log.flush.interval.messages", Type: Long, Default: "9223372036854775807", Check: atLeast(1), Update: ClusterWide,
		Doc: "Records after which a log is flushed, where log.flush.before.ack is off.",
	},
	{
		Name: "log.flush.interval.ms", Type: Long, Default: null, Update: ClusterWide,
		Doc: "Time after which a log is flushed, where log.flush.before.ack is off; if it is not set, log.flush.scheduler.interval.ms.",
	},
	{
		Name: "log.flush.offset.checkpoint.interval.ms", Type: Int, Default: "60000", Check: atLeast(0),
		Doc:      "How often recovery points are written.",
		NoEffect: "the state log has them about once a second",
	},
	{
		Name: "log.flush.scheduler.interval.ms", Type: Long, Default: "9223372036854775807",
		Doc: "How often logs are looked at for log.flush.interval.ms.",
	},
	{
		Name: "log.flush.start.offset.checkpoint.interval.ms", Type: Int, Default: "60000", Check: atLeast(0),
		Doc:      "How often log start offsets are written.",
		NoEffect: "a log start offset is durable before the answer that tells it",
	},
	{
		Name: "log.index.interval.bytes", Type: Int, Default: "4096", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "Bytes of records between two entries of the offset index, for topics that say nothing else.",
	},
	{
		Name: "log.index.size.max.bytes", Type: Int, Default: "10485760", Check: atLeast(4), Importance: Medium, Update: ClusterWide,
		Doc: "Largest offset index, for topics that say nothing else; a full one closes the segment.",
	},
	{
		Name: "log.initial.task.delay.ms", Type: Long, Default: "30000", Check: atLeast(0), Importance: Low, Flags: Internal,
		Doc: "Pause after the start before retention and cleaning begin.",
	},
	{
		Name: "log.local.retention.bytes", Type: Long, Default: "-2", Check: atLeast(-2), Importance: Medium, Update: ClusterWide,
		Doc:      "Bytes of a partition that stay local when it is tiered, for topics that say nothing else; -2: as log.retention.bytes.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "log.local.retention.ms", Type: Long, Default: "-2", Check: atLeast(-2), Importance: Medium, Update: ClusterWide,
		Doc:      "How long segments stay local when they are tiered, for topics that say nothing else; -2: as log.retention.ms.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "log.message.timestamp.after.max.ms", Type: Long, Default: "3600000", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "How far the timestamp of a record may lie in the future, for topics that say nothing else.",
	},
	{
		Name: "log.message.timestamp.before.max.ms", Type: Long, Default: "9223372036854775807", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "How far the timestamp of a record may lie in the past, for topics that say nothing else.",
	},
	{
		Name: "log.message.timestamp.type", Type: String, Default: "CreateTime", Check: oneOf("CreateTime", "LogAppendTime"), Importance: Medium, Update: ClusterWide,
		Doc: "Whose clock stamps records, for topics that say nothing else: the producer's (CreateTime) or the broker's (LogAppendTime).",
	},
	{
		Name: "log.preallocate", Type: Boolean, Default: "false", Importance: Medium, Update: ClusterWide,
		Doc: "Whether new segments get their full size on disk at once, for topics that say nothing else.",
	},
	{
		Name: "log.retention.bytes", Type: Long, Default: "-1", Update: ClusterWide,
		Doc: "Largest size of a partition before old segments are deleted, for topics that say nothing else; -1: no limit.",
	},
	{
		Name: "log.retention.check.interval.ms", Type: Long, Default: "300000", Check: atLeast(1), Importance: Medium,
		Doc: "How often logs are looked at for segments to delete.",
	},
	{
		Name: "log.retention.hours", Type: Int, Default: "168",
		Doc: "Age in hours at which segments are deleted, if neither log.retention.minutes nor log.retention.ms is set.",
	},
	{
		Name: "log.retention.minutes", Type: Int, Default: null,
		Doc: "Age in minutes at which segments are deleted, if log.retention.ms is not set.",
	},
	{
		Name: "log.retention.ms", Type: Long, Default: null, Update: ClusterWide,
		Doc: "Age at which segments are deleted, for topics that say nothing else; -1: never.",
	},
	{
		Name: "log.roll.hours", Type: Int, Default: "168", Check: atLeast(1),
		Doc: "Age in hours at which a segment is closed, if log.roll.ms is not set.",
	},
	{
		Name: "log.roll.jitter.hours", Type: Int, Default: "0", Check: atLeast(0),
		Doc: "Most hours taken off log.roll.hours at random, if log.roll.jitter.ms is not set.",
	},
	{
		Name: "log.roll.jitter.ms", Type: Long, Default: null, Update: ClusterWide,
		Doc: "Most time taken off the age at which a segment is closed, at random, for topics that say nothing else.",
	},
	{
		Name: "log.roll.ms", Type: Long, Default: null, Update: ClusterWide,
		Doc: "Age at which a segment is closed, for topics that say nothing else.",
	},
	{
		Name: "log.segment.bytes", Type: Int, Default: "1073741824", Check: atLeast(1048576), Update: ClusterWide,
		Doc: "Size at which a segment is closed, for topics that say nothing else.",
	},
	{
		Name: "log.segment.delete.delay.ms", Type: Long, Default: "60000", Check: atLeast(0), Update: ClusterWide,
		Doc: "How long the files of a deleted segment stay on disk, for topics that say nothing else.",
	},
	{
		Name: "min.insync.replicas", Type: Int, Default: "1", Check: atLeast(1), Update: ClusterWide,
		Doc: "Replicas that must be in sync for a produce with acks=all, for topics that say nothing else.",
	},
	{
		Name: "num.partitions", Type: Int, Default: "1", Check: atLeast(1), Importance: Medium,
		Doc: "Partitions of a topic that is created without a number, or by a client's first use.",
	},
	{
		Name: "num.recovery.threads.per.data.dir", Type: Int, Default: "2", Check: atLeast(1), Update: ClusterWide,
		Doc: "Logs of a directory that are recovered at the same time after an unclean stop.",
	},
}
