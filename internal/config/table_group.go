package config

// groupKeys are the keys of groups.
var groupKeys = []Key{
	{
		Name: "consumer.assignment.interval.ms", Type: Int, Default: "1000", Check: atLeast(0), Importance: Medium,
		Doc: "Shortest time between two assignments of the consumer group.",
	},
	{
		Name: "consumer.heartbeat.interval.ms", Type: Int, Default: "5000", Check: atLeast(1), Importance: Medium,
		Doc: "How often members of the consumer group send heartbeats.",
	},
	{
		Name: "consumer.session.timeout.ms", Type: Int, Default: "45000", Check: atLeast(1), Importance: Medium,
		Doc: "How long a member of the consumer group may be silent before it is removed.",
	},
	{
		Name: "share.assignment.interval.ms", Type: Int, Default: "1000", Check: atLeast(0), Importance: Medium,
		Doc: "Shortest time between two assignments of the share group.",
	},
	{
		Name: "share.auto.offset.reset", Type: String, Default: "latest", Check: autoOffsetReset(), Importance: Medium,
		Doc: "Where the share group starts in a partition: earliest, latest, or by_duration: and an ISO 8601 duration ago.",
	},
	{
		Name: "share.delivery.count.limit", Type: Int, Default: "5", Check: atLeast(2), Importance: Medium,
		Doc: "How often a record is delivered before it is given up.",
	},
	{
		Name: "share.heartbeat.interval.ms", Type: Int, Default: "5000", Check: atLeast(1), Importance: Medium,
		Doc: "How often members of the share group send heartbeats.",
	},
	{
		Name: "share.isolation.level", Type: String, Default: "read_uncommitted", Check: oneOf("read_committed", "read_uncommitted"), Importance: Medium,
		Doc: "Whether the share group sees records of open and aborted transactions.",
	},
	{
		Name: "share.partition.max.record.locks", Type: Int, Default: "2000", Check: atLeast(100), Importance: Medium,
		Doc: "Most records of a partition that the share group may have locked.",
	},
	{
		Name: "share.record.lock.duration.ms", Type: Int, Default: "30000", Check: atLeast(1000), Importance: Medium,
		Doc: "How long a delivered record stays locked for its consumer.",
	},
	{
		Name: "share.renew.acknowledge.enable", Type: Boolean, Default: "true", Importance: Medium,
		Doc: "Whether a consumer may renew the lock of a record.",
	},
	{
		Name: "share.session.timeout.ms", Type: Int, Default: "45000", Check: atLeast(1), Importance: Medium,
		Doc: "How long a member of the share group may be silent before it is removed.",
	},
	{
		Name: "streams.assignment.interval.ms", Type: Int, Default: "1000", Check: atLeast(0), Importance: Medium,
		Doc: "Shortest time between two assignments of the streams group.",
	},
	{
		Name: "streams.heartbeat.interval.ms", Type: Int, Default: "5000", Check: atLeast(1), Importance: Medium,
		Doc: "How often members of the streams group send heartbeats.",
	},
	{
		Name: "streams.initial.rebalance.delay.ms", Type: Int, Default: "3000", Check: atLeast(0), Importance: Medium,
		Doc: "How long the new group waits for more members before it assigns tasks.",
	},
	{
		Name: "streams.num.standby.replicas", Type: Int, Default: "0", Check: atLeast(0), Importance: Medium,
		Doc: "Standby replicas of each task.",
	},
	{
		Name: "streams.session.timeout.ms", Type: Int, Default: "45000", Check: atLeast(1), Importance: Medium,
		Doc: "How long a member of the streams group may be silent before it is removed.",
	},
}
