package config

// remoteLogKeys are the keys of tiered storage.
var remoteLogKeys = []Key{
	{
		Name: "follower.fetch.last.tiered.offset.enable", Type: Boolean, Default: "false", Importance: Medium, Update: ClusterWide,
		Doc:      "Whether a new replica starts behind what tiered storage holds.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.fetch.max.wait.ms", Type: Int, Default: "500", Check: atLeast(1), Importance: Medium, Update: ClusterWide,
		Doc:      "How long a fetch from remote storage may hold a request.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.list.offsets.request.timeout.ms", Type: Long, Default: "30000", Check: atLeast(1), Importance: Medium, Update: ClusterWide,
		Doc:      "How long looking up an offset in remote storage may take.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.index.file.cache.total.size.bytes", Type: Long, Default: "1073741824", Check: atLeast(1), Importance: Low, Update: ClusterWide,
		Doc:      "Disk space for index files of remote segments.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.index.file.cache.ttl.ms", Type: Long, Default: "900000", Check: atLeast(-1), Importance: Low, Flags: Internal,
		Doc:      "How long such index files are kept unused.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.copier.thread.pool.size", Type: Int, Default: "10", Check: atLeast(1), Importance: Medium, Update: ClusterWide,
		Doc:      "Segments that are sent to remote storage at the same time.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.copy.max.bytes.per.second", Type: Long, Default: "9223372036854775807", Check: atLeast(1), Importance: Medium, Update: ClusterWide,
		Doc:      "Most bytes a second that are sent to remote storage.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.copy.quota.window.num", Type: Int, Default: "11", Check: atLeast(1), Importance: Medium,
		Doc:      "Samples that the quota of sending remembers.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.copy.quota.window.size.seconds", Type: Int, Default: "1", Check: atLeast(1), Importance: Medium,
		Doc:      "Span of each sample of that quota.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.expiration.thread.pool.size", Type: Int, Default: "10", Check: atLeast(1), Importance: Medium, Update: ClusterWide,
		Doc:      "Remote segments that are deleted at the same time.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.fetch.max.bytes.per.second", Type: Long, Default: "9223372036854775807", Check: atLeast(1), Importance: Medium, Update: ClusterWide,
		Doc:      "Most bytes a second that are read from remote storage.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.fetch.quota.window.num", Type: Int, Default: "11", Check: atLeast(1), Importance: Medium,
		Doc:      "Samples that the quota of reading remembers.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.fetch.quota.window.size.seconds", Type: Int, Default: "1", Check: atLeast(1), Importance: Medium,
		Doc:      "Span of each sample of that quota.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.follower.thread.pool.size", Type: Int, Default: "2", Check: atLeast(1), Importance: Medium, Update: ClusterWide,
		Doc:      "Followers' partitions that read remote metadata at the same time.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.task.interval.ms", Type: Long, Default: "30000", Check: atLeast(1), Importance: Low,
		Doc:      "How often partitions are looked at for segments to send.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.task.retry.backoff.max.ms", Type: Long, Default: "30000", Check: atLeast(1), Importance: Low, Flags: Internal,
		Doc:      "Longest pause before remote storage is tried again.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.task.retry.backoff.ms", Type: Long, Default: "500", Check: atLeast(1), Importance: Low, Flags: Internal,
		Doc:      "First pause before remote storage is tried again.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.task.retry.jitter", Type: Double, Default: "0.2", Check: between(0, 0.5), Importance: Low, Flags: Internal,
		Doc:      "Random share of that pause.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.manager.thread.pool.size", Type: Int, Default: "2", Check: atLeast(1), Importance: Medium,
		Doc:      "Older name for the pools of the remote log manager.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.metadata.custom.metadata.max.bytes", Type: Int, Default: "128", Check: atLeast(0), Importance: Low,
		Doc:      "Most bytes of a storage plug-in's own metadata for a segment.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.metadata.manager.class.name", Type: String, Default: "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", Check: nonEmpty(), Importance: Medium,
		Doc:      "Java class that keeps the metadata of remote segments.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.metadata.manager.class.path", Type: String, Default: null, Importance: Medium,
		Doc:      "Where that class is.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.metadata.manager.impl.prefix", Type: String, Default: "rlmm.config.", Check: nonEmpty(), Importance: Medium,
		Doc:      "Beginning of the names of that class's own keys.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.metadata.manager.listener.name", Type: String, Default: null, Check: nonEmpty(), Importance: Medium,
		Doc:      "Listener by which that class reaches the brokers.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.reader.max.pending.tasks", Type: Int, Default: "100", Check: atLeast(1), Importance: Medium,
		Doc:      "Most reads of remote storage that wait.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.reader.threads", Type: Int, Default: "10", Check: atLeast(1), Importance: Medium, Update: ClusterWide,
		Doc:      "Reads of remote storage at the same time.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.storage.manager.class.name", Type: String, Default: null, Check: nonEmpty(), Importance: Medium,
		Doc:      "Java class that stores remote segments.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.storage.manager.class.path", Type: String, Default: null, Importance: Medium,
		Doc:      "Where that class is.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.storage.manager.impl.prefix", Type: String, Default: "rsm.config.", Check: nonEmpty(), Importance: Medium,
		Doc:      "Beginning of the names of that class's own keys.",
		NoEffect: "tiered storage is not built yet",
	},
	{
		Name: "remote.log.storage.system.enable", Type: Boolean, Default: "false", Importance: Medium,
		Doc:      "Whether this node can tier topics at all.",
		NoEffect: "tiered storage is not built yet",
	},
}
