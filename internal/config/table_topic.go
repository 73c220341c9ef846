package config

// topicKeys are the keys of topics.
var topicKeys = []Key{
	{
		Name: "cleanup.policy", Type: List, Default: "delete", Check: distinct(true, false, "compact", "delete"), Importance: Medium,
		Doc: "What happens to old segments: delete, compact, both or neither.",
	},
	{
		Name: "compression.gzip.level", Type: Int, Default: "-1", Check: gzipLevel(), Importance: Medium,
		Doc: "Level of gzip if compression.type is gzip; -1 is the codec's own default.",
	},
	{
		Name: "compression.lz4.level", Type: Int, Default: "9", Check: between(1, 17), Importance: Medium,
		Doc: "Level of lz4 if compression.type is lz4.",
	},
	{
		Name: "compression.type", Type: String, Default: "producer", Check: oneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"), Importance: Medium,
		Doc: "Codec in which the topic is kept; producer keeps what the producer sent, uncompressed removes compression.",
	},
	{
		Name: "compression.zstd.level", Type: Int, Default: "3", Check: between(-131072, 22), Importance: Medium,
		Doc: "Level of zstd if compression.type is zstd.",
	},
	{
		Name: "delete.retention.ms", Type: Long, Default: "86400000", Check: atLeast(0), Importance: Medium,
		Doc: "How long tombstones stay after compaction.",
	},
	{
		Name: "file.delete.delay.ms", Type: Long, Default: "60000", Check: atLeast(0), Importance: Medium,
		Doc: "How long the files of a deleted segment stay on disk.",
	},
	{
		Name: "flush.messages", Type: Long, Default: "9223372036854775807", Check: atLeast(1), Importance: Medium,
		Doc: "Records after which the log is flushed, where log.flush.before.ack is off.",
	},
	{
		Name: "flush.ms", Type: Long, Default: "9223372036854775807", Check: atLeast(0), Importance: Medium,
		Doc: "Time after which the log is flushed, where log.flush.before.ack is off.",
	},
	{
		Name: "follower.replication.throttled.replicas", Type: List, Default: "", Check: throttledReplicas(), Importance: Medium,
		Doc: "Replicas, as partition:broker, whose replication is throttled on the follower; * means all.",
	},
	{
		Name: "index.interval.bytes", Type: Int, Default: "4096", Check: atLeast(0), Importance: Medium,
		Doc: "Bytes of records between two entries of the offset index.",
	},
	{
		Name: "internal.segment.bytes", Type: Int, Default: null, Importance: Medium, Flags: Internal,
		Doc: "Segment size of tests, without the lower bound of segment.bytes.",
	},
	{
		Name: "leader.replication.throttled.replicas", Type: List, Default: "", Check: throttledReplicas(), Importance: Medium,
		Doc: "Replicas, as partition:broker, whose replication is throttled on the leader; * means all.",
	},
	{
		Name: "local.retention.bytes", Type: Long, Default: "-2", Check: atLeast(-2), Importance: Medium,
		Doc:      "Bytes of a partition that stay local when it is tiered; -2: as retention.bytes.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "local.retention.ms", Type: Long, Default: "-2", Check: atLeast(-2), Importance: Medium,
		Doc:      "How long segments stay local when they are tiered; -2: as retention.ms.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "max.compaction.lag.ms", Type: Long, Default: "9223372036854775807", Check: atLeast(1), Importance: Medium,
		Doc: "Longest time that a record may stay uncompacted.",
	},
	{
		Name: "max.message.bytes", Type: Int, Default: "1048588", Check: atLeast(0), Importance: Medium,
		Doc: "Largest batch that the topic takes, as it comes over the wire.",
	},
	{
		Name: "message.timestamp.after.max.ms", Type: Long, Default: "3600000", Check: atLeast(0), Importance: Medium,
		Doc: "How far the timestamp of a record may lie in the future.",
	},
	{
		Name: "message.timestamp.before.max.ms", Type: Long, Default: "9223372036854775807", Check: atLeast(0), Importance: Medium,
		Doc: "How far the timestamp of a record may lie in the past.",
	},
	{
		Name: "message.timestamp.type", Type: String, Default: "CreateTime", Check: oneOf("CreateTime", "LogAppendTime"), Importance: Medium,
		Doc: "Whose clock stamps records: the producer's (CreateTime) or the broker's (LogAppendTime).",
	},
	{
		Name: "min.cleanable.dirty.ratio", Type: Double, Default: "0.5", Check: between(0, 1), Importance: Medium,
		Doc: "Share of a log that must be uncompacted before it is compacted.",
	},
	{
		Name: "min.compaction.lag.ms", Type: Long, Default: "0", Check: atLeast(0), Importance: Medium,
		Doc: "Shortest time that a record stays uncompacted.",
	},
	{
		Name: "min.insync.replicas", Type: Int, Default: "1", Check: atLeast(1), Importance: Medium,
		Doc: "Replicas that must be in sync for a produce with acks=all.",
	},
	{
		Name: "preallocate", Type: Boolean, Default: "false", Importance: Medium,
		Doc: "Whether new segments get their full size on disk at once.",
	},
	{
		Name: "remote.log.copy.disable", Type: Boolean, Default: "false", Importance: Medium,
		Doc:      "Whether a tiered topic stops sending segments to remote storage.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.delete.on.disable", Type: Boolean, Default: "false", Importance: Medium,
		Doc:      "Whether the remote segments go when tiering is turned off.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.storage.enable", Type: Boolean, Default: "false", Importance: Medium,
		Doc:      "Whether the topic is tiered.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "retention.bytes", Type: Long, Default: "-1", Importance: Medium,
		Doc: "Largest size of a partition before old segments are deleted; -1: no limit.",
	},
	{
		Name: "retention.ms", Type: Long, Default: "604800000", Check: atLeast(-1), Importance: Medium,
		Doc: "Age at which segments are deleted; -1: never.",
	},
	{
		Name: "segment.bytes", Type: Int, Default: "1073741824", Check: atLeast(1048576), Importance: Medium,
		Doc: "Size at which a segment is closed.",
	},
	{
		Name: "segment.index.bytes", Type: Int, Default: "10485760", Check: atLeast(4), Importance: Medium,
		Doc: "Largest offset index; a full one closes the segment.",
	},
	{
		Name: "segment.jitter.ms", Type: Long, Default: "0", Check: atLeast(0), Importance: Medium,
		Doc: "Most time taken off segment.ms at random, so that segments do not close all at once.",
	},
	{
		Name: "segment.ms", Type: Long, Default: "604800000", Check: atLeast(1), Importance: Medium,
		Doc: "Age at which a segment is closed.",
	},
	{
		Name: "unclean.leader.election.enable", Type: Boolean, Default: "false", Importance: Medium,
		Doc: "Whether a replica that was not in sync may lead when no other is left, which loses records.",
	},
}
