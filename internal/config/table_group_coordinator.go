package config

// groupCoordinatorKeys are the keys of the coordinators of groups and share groups.
var groupCoordinatorKeys = []Key{
	{
		Name: "group.consumer.assignment.interval.ms", Type: Int, Default: "1000", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "Shortest time between two assignments of a consumer group.",
	},
	{
		Name: "group.consumer.assignors", Type: List, Default: "uniform,range", Check: distinct(false, false), Importance: Medium,
		Doc: "Names or Java classes of the assignors of consumer groups; the first one is the default.",
	},
	{
		Name: "group.consumer.heartbeat.interval.ms", Type: Int, Default: "5000", Check: atLeast(1), Importance: Medium,
		Doc: "How often members of consumer groups send heartbeats.",
	},
	{
		Name: "group.consumer.max.assignment.interval.ms", Type: Int, Default: "15000", Check: atLeast(0), Importance: Medium,
		Doc: "Highest assignment interval that a group may set.",
	},
	{
		Name: "group.consumer.max.heartbeat.interval.ms", Type: Int, Default: "15000", Check: atLeast(1), Importance: Medium,
		Doc: "Highest heartbeat interval that a consumer group may set.",
	},
	{
		Name: "group.consumer.max.session.timeout.ms", Type: Int, Default: "60000", Check: atLeast(1), Importance: Medium,
		Doc: "Highest session timeout that a consumer group may set.",
	},
	{
		Name: "group.consumer.max.size", Type: Int, Default: "2147483647", Check: atLeast(1), Importance: Medium,
		Doc: "Most members of a consumer group.",
	},
	{
		Name: "group.consumer.migration.policy", Type: String, Default: "bidirectional", Check: oneOfFold("DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"), Importance: Medium,
		Doc: "Which groups may change between the classic and the consumer protocol.",
	},
	{
		Name: "group.consumer.min.assignment.interval.ms", Type: Int, Default: "0", Check: atLeast(0), Importance: Medium,
		Doc: "Lowest assignment interval that a group may set.",
	},
	{
		Name: "group.consumer.min.heartbeat.interval.ms", Type: Int, Default: "5000", Check: atLeast(1), Importance: Medium,
		Doc: "Lowest heartbeat interval that a consumer group may set.",
	},
	{
		Name: "group.consumer.min.session.timeout.ms", Type: Int, Default: "45000", Check: atLeast(1), Importance: Medium,
		Doc: "Lowest session timeout that a consumer group may set.",
	},
	{
		Name: "group.consumer.regex.refresh.interval.ms", Type: Int, Default: "600000", Check: atLeast(10000), Importance: Medium, Flags: Internal,
		Doc: "How often subscriptions by a regular expression are matched against the topics again.",
	},
	{
		Name: "group.consumer.session.timeout.ms", Type: Int, Default: "45000", Check: atLeast(1), Importance: Medium,
		Doc: "How long a member of a consumer group may be silent before it is removed.",
	},
	{
		Name: "group.coordinator.append.linger.ms", Type: Int, Default: "-1", Check: atLeast(-1), Importance: Medium,
		Doc: "How long the group coordinator gathers records before it writes them; -1: as long as other work is waiting.",
	},
	{
		Name: "group.coordinator.background.threads", Type: Int, Default: "2", Check: atLeast(1),
		Doc:      "Threads of the group coordinator for work in the background.",
		NoEffect: "partitions of the coordinator have goroutines of their own",
	},
	{
		Name: "group.coordinator.cached.buffer.max.bytes", Type: Int, Default: "1048588", Check: atLeast(524288), Importance: Medium, Update: ClusterWide,
		Doc: "Largest buffer that the group coordinator keeps for the next write.",
	},
	{
		Name: "group.coordinator.rebalance.protocols", Type: List, Default: "classic,consumer,streams", Check: distinct(false, false, "consumer", "classic", "share", "streams"), Importance: Medium,
		Doc: "Kinds of groups that are served.",
	},
	{
		Name: "group.coordinator.threads", Type: Int, Default: "4", Check: atLeast(1),
		Doc:      "Threads of the group coordinator.",
		NoEffect: "partitions of the coordinator have goroutines of their own",
	},
	{
		Name: "group.initial.rebalance.delay.ms", Type: Int, Default: "3000", Importance: Medium,
		Doc: "How long a new classic group waits for more members before it assigns partitions.",
	},
	{
		Name: "group.max.session.timeout.ms", Type: Int, Default: "1800000", Importance: Medium,
		Doc: "Highest session timeout that a member of a classic group may ask for.",
	},
	{
		Name: "group.max.size", Type: Int, Default: "2147483647", Check: atLeast(1), Importance: Medium,
		Doc: "Most members of a classic group.",
	},
	{
		Name: "group.min.session.timeout.ms", Type: Int, Default: "6000", Importance: Medium,
		Doc: "Lowest session timeout that a member of a classic group may ask for.",
	},
	{
		Name: "group.share.assignment.interval.ms", Type: Int, Default: "1000", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "Shortest time between two assignments of a share group.",
	},
	{
		Name: "group.share.assignors", Type: List, Default: "simple", Check: distinct(false, false), Importance: Medium,
		Doc: "Names or Java classes of the assignors of share groups.",
	},
	{
		Name: "group.share.delivery.count.limit", Type: Int, Default: "5", Check: between(2, 10), Importance: Medium,
		Doc: "How often a record is delivered to a share group before it is given up.",
	},
	{
		Name: "group.share.heartbeat.interval.ms", Type: Int, Default: "5000", Check: atLeast(1), Importance: Medium,
		Doc: "How often members of share groups send heartbeats.",
	},
	{
		Name: "group.share.initialize.retry.interval.ms", Type: Int, Default: "30000", Check: atLeast(1), Importance: Low, Flags: Internal,
		Doc: "Pause before the state of a share group's partition is initialized again.",
	},
	{
		Name: "group.share.max.assignment.interval.ms", Type: Int, Default: "15000", Check: atLeast(0), Importance: Medium,
		Doc: "Highest assignment interval that a share group may set.",
	},
	{
		Name: "group.share.max.delivery.count.limit", Type: Int, Default: "10", Check: between(5, 25), Importance: Medium,
		Doc: "Highest delivery limit that a share group may set.",
	},
	{
		Name: "group.share.max.heartbeat.interval.ms", Type: Int, Default: "15000", Check: atLeast(1), Importance: Medium,
		Doc: "Highest heartbeat interval that a share group may set.",
	},
	{
		Name: "group.share.max.partition.max.record.locks", Type: Int, Default: "4000", Check: between(2000, 10000), Importance: Medium,
		Doc: "Highest number of locked records in a partition that a share group may set.",
	},
	{
		Name: "group.share.max.record.lock.duration.ms", Type: Int, Default: "60000", Check: between(30000, 3600000), Importance: Medium,
		Doc: "Longest lock of a record that a share group may set.",
	},
	{
		Name: "group.share.max.session.timeout.ms", Type: Int, Default: "60000", Check: atLeast(1), Importance: Medium,
		Doc: "Highest session timeout that a share group may set.",
	},
	{
		Name: "group.share.max.share.sessions", Type: Int, Default: "2000", Check: atLeast(1), Importance: Medium,
		Doc: "Most share sessions on a broker.",
	},
	{
		Name: "group.share.max.size", Type: Int, Default: "200", Check: between(1, 1000), Importance: Medium,
		Doc: "Most members of a share group.",
	},
	{
		Name: "group.share.min.assignment.interval.ms", Type: Int, Default: "0", Check: atLeast(0), Importance: Medium,
		Doc: "Lowest assignment interval that a share group may set.",
	},
	{
		Name: "group.share.min.delivery.count.limit", Type: Int, Default: "2", Check: between(2, 5), Importance: Medium,
		Doc: "Lowest delivery limit that a share group may set.",
	},
	{
		Name: "group.share.min.heartbeat.interval.ms", Type: Int, Default: "5000", Check: atLeast(1), Importance: Medium,
		Doc: "Lowest heartbeat interval that a share group may set.",
	},
	{
		Name: "group.share.min.partition.max.record.locks", Type: Int, Default: "100", Check: between(100, 2000), Importance: Medium,
		Doc: "Lowest number of locked records in a partition that a share group may set.",
	},
	{
		Name: "group.share.min.record.lock.duration.ms", Type: Int, Default: "15000", Check: between(1000, 30000), Importance: Medium,
		Doc: "Shortest lock of a record that a share group may set.",
	},
	{
		Name: "group.share.min.session.timeout.ms", Type: Int, Default: "45000", Check: atLeast(1), Importance: Medium,
		Doc: "Lowest session timeout that a share group may set.",
	},
	{
		Name: "group.share.partition.max.record.locks", Type: Int, Default: "2000", Check: between(100, 10000), Importance: Medium,
		Doc: "Most records of a partition that a share group may have locked.",
	},
	{
		Name: "group.share.persister.class.name", Type: String, Default: "org.apache.kafka.server.share.persister.DefaultStatePersister", Importance: Medium, Flags: Internal,
		Doc:      "Java class that keeps the state of share groups.",
		NoEffect: "the state is always kept in __share_group_state",
	},
	{
		Name: "group.share.record.lock.duration.ms", Type: Int, Default: "30000", Check: between(1000, 3600000), Importance: Medium,
		Doc: "How long a delivered record stays locked for its consumer.",
	},
	{
		Name: "group.share.session.timeout.ms", Type: Int, Default: "45000", Check: atLeast(1), Importance: Medium,
		Doc: "How long a member of a share group may be silent before it is removed.",
	},
	{
		Name: "group.streams.assignment.interval.ms", Type: Int, Default: "1000", Check: atLeast(0), Importance: Medium, Update: ClusterWide,
		Doc: "Shortest time between two assignments of a streams group.",
	},
	{
		Name: "group.streams.heartbeat.interval.ms", Type: Int, Default: "5000", Check: atLeast(1), Importance: Medium,
		Doc: "How often members of streams groups send heartbeats.",
	},
	{
		Name: "group.streams.initial.rebalance.delay.ms", Type: Int, Default: "3000", Check: atLeast(0), Importance: Medium,
		Doc: "How long a new streams group waits for more members before it assigns tasks.",
	},
	{
		Name: "group.streams.max.assignment.interval.ms", Type: Int, Default: "15000", Check: atLeast(0), Importance: Medium,
		Doc: "Highest assignment interval that a streams group may set.",
	},
	{
		Name: "group.streams.max.heartbeat.interval.ms", Type: Int, Default: "15000", Check: atLeast(1), Importance: Medium,
		Doc: "Highest heartbeat interval that a streams group may set.",
	},
	{
		Name: "group.streams.max.session.timeout.ms", Type: Int, Default: "60000", Check: atLeast(1), Importance: Medium,
		Doc: "Highest session timeout that a streams group may set.",
	},
	{
		Name: "group.streams.max.size", Type: Int, Default: "2147483647", Check: atLeast(1), Importance: Medium,
		Doc: "Most members of a streams group.",
	},
	{
		Name: "group.streams.max.standby.replicas", Type: Int, Default: "2", Check: atLeast(0), Importance: Medium,
		Doc: "Most standby replicas that a streams group may set.",
	},
	{
		Name: "group.streams.min.assignment.interval.ms", Type: Int, Default: "0", Check: atLeast(0), Importance: Medium,
		Doc: "Lowest assignment interval that a streams group may set.",
	},
	{
		Name: "group.streams.min.heartbeat.interval.ms", Type: Int, Default: "5000", Check: atLeast(1), Importance: Medium,
		Doc: "Lowest heartbeat interval that a streams group may set.",
	},
	{
		Name: "group.streams.min.session.timeout.ms", Type: Int, Default: "45000", Check: atLeast(1), Importance: Medium,
		Doc: "Lowest session timeout that a streams group may set.",
	},
	{
		Name: "group.streams.num.standby.replicas", Type: Int, Default: "0", Check: atLeast(0), Importance: Medium,
		Doc: "Standby replicas of each task of a streams group.",
	},
	{
		Name: "group.streams.session.timeout.ms", Type: Int, Default: "45000", Check: atLeast(1), Importance: Medium,
		Doc: "How long a member of a streams group may be silent before it is removed.",
	},
	{
		Name: "offset.metadata.max.bytes", Type: Int, Default: "4096",
		Doc: "Largest text that a client may store with a committed offset.",
	},
	{
		Name: "offsets.commit.timeout.ms", Type: Int, Default: "5000", Check: atLeast(1),
		Doc: "How long a commit waits for the replicas of __consumer_offsets.",
	},
	{
		Name: "offsets.load.buffer.size", Type: Int, Default: "5242880", Check: atLeast(1),
		Doc: "Bytes read at once when a coordinator loads its partition.",
	},
	{
		Name: "offsets.retention.check.interval.ms", Type: Long, Default: "600000", Check: atLeast(1),
		Doc: "How often expired offsets are removed.",
	},
	{
		Name: "offsets.retention.minutes", Type: Int, Default: "10080", Check: atLeast(1),
		Doc: "How long the offsets of a group without members are kept.",
	},
	{
		Name: "offsets.topic.compression.codec", Type: Int, Default: "0",
		Doc: "Codec of __consumer_offsets, by its number; 0: none.",
	},
	{
		Name: "offsets.topic.num.partitions", Type: Int, Default: "50", Check: atLeast(1),
		Doc: "Partitions of __consumer_offsets; not to be changed later.",
	},
	{
		Name: "offsets.topic.replication.factor", Type: Short, Default: "3", Check: atLeast(1),
		Doc: "Copies of __consumer_offsets.",
	},
	{
		Name: "offsets.topic.segment.bytes", Type: Int, Default: "104857600", Check: atLeast(1),
		Doc: "Segment size of __consumer_offsets.",
	},
	{
		Name: "share.coordinator.append.linger.ms", Type: Int, Default: "-1", Check: atLeast(-1), Importance: Medium,
		Doc: "How long the share coordinator gathers records before it writes them; -1: as long as other work is waiting.",
	},
	{
		Name: "share.coordinator.cached.buffer.max.bytes", Type: Int, Default: "1048588", Check: atLeast(524288), Importance: Medium, Update: ClusterWide,
		Doc: "Largest buffer that the share coordinator keeps for the next write.",
	},
	{
		Name: "share.coordinator.cold.partition.snapshot.interval.ms", Type: Int, Default: "300000", Check: atLeast(1), Importance: Low, Flags: Internal,
		Doc: "How often snapshots of quiet share partitions are made.",
	},
	{
		Name: "share.coordinator.load.buffer.size", Type: Int, Default: "5242880", Check: atLeast(1),
		Doc: "Bytes read at once when the share coordinator loads its partition.",
	},
	{
		Name: "share.coordinator.snapshot.update.records.per.snapshot", Type: Int, Default: "500", Check: between(0, 500), Importance: Medium,
		Doc: "Changes of a share partition's state between two snapshots of it.",
	},
	{
		Name: "share.coordinator.state.topic.compression.codec", Type: Int, Default: "0",
		Doc: "Codec of __share_group_state, by its number; 0: none.",
	},
	{
		Name: "share.coordinator.state.topic.min.isr", Type: Short, Default: "2", Check: atLeast(1),
		Doc: "In-sync replicas that __share_group_state needs.",
	},
	{
		Name: "share.coordinator.state.topic.num.partitions", Type: Int, Default: "50", Check: atLeast(1),
		Doc: "Partitions of __share_group_state; not to be changed later.",
	},
	{
		Name: "share.coordinator.state.topic.prune.interval.ms", Type: Int, Default: "300000", Check: atLeast(1), Importance: Low, Flags: Internal,
		Doc: "How often old records of __share_group_state are deleted.",
	},
	{
		Name: "share.coordinator.state.topic.replication.factor", Type: Short, Default: "3", Check: atLeast(1),
		Doc: "Copies of __share_group_state.",
	},
	{
		Name: "share.coordinator.state.topic.segment.bytes", Type: Int, Default: "104857600", Check: atLeast(1),
		Doc: "Segment size of __share_group_state.",
	},
	{
		Name: "share.coordinator.threads", Type: Int, Default: "1", Check: atLeast(1), Importance: Medium,
		Doc:      "Threads of the share coordinator.",
		NoEffect: "partitions of the coordinator have goroutines of their own",
	},
	{
		Name: "share.coordinator.write.timeout.ms", Type: Int, Default: "5000", Check: atLeast(1),
		Doc: "How long a write of the share coordinator waits for the replicas.",
	},
	{
		Name: "share.fetch.purgatory.purge.interval.requests", Type: Int, Default: "1000", Importance: Medium,
		Doc:      "When waiting share fetches are cleaned up.",
		NoEffect: "requests that wait are removed the moment they end",
	},
}
