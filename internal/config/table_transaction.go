package config

// transactionKeys are the keys of transactions and producer ids.
var transactionKeys = []Key{
	{
		Name: "add.partitions.to.txn.retry.backoff.max.ms", Type: Int, Default: "100", Check: atLeast(0),
		Doc: "Longest time that a broker retries to add a partition to a transaction on behalf of a producer.",
	},
	{
		Name: "add.partitions.to.txn.retry.backoff.ms", Type: Int, Default: "20", Check: atLeast(1),
		Doc: "Pause between such retries.",
	},
	{
		Name: "producer.id.expiration.check.interval.ms", Type: Int, Default: "600000", Check: atLeast(1), Importance: Low, Flags: Internal,
		Doc: "How often expired producers are forgotten.",
	},
	{
		Name: "producer.id.expiration.ms", Type: Int, Default: "86400000", Check: atLeast(1), Importance: Low, Update: ClusterWide,
		Doc: "How long a partition remembers an idempotent producer that writes nothing.",
	},
	{
		Name: "transaction.abort.timed.out.transaction.cleanup.interval.ms", Type: Int, Default: "10000", Check: atLeast(1), Importance: Low,
		Doc: "How often transactions over their time are aborted.",
	},
	{
		Name: "transaction.max.timeout.ms", Type: Int, Default: "900000", Check: atLeast(1),
		Doc: "Longest transaction timeout that a producer may ask for.",
	},
	{
		Name: "transaction.partition.verification.enable", Type: Boolean, Default: "true", Importance: Low, Update: ClusterWide,
		Doc: "Whether a partition asks the coordinator about a transaction before it takes its first record (KIP-890).",
	},
	{
		Name: "transaction.remove.expired.transaction.cleanup.interval.ms", Type: Int, Default: "3600000", Check: atLeast(1), Importance: Low,
		Doc: "How often expired transactional ids are removed.",
	},
	{
		Name: "transaction.state.log.load.buffer.size", Type: Int, Default: "5242880", Check: atLeast(1),
		Doc: "Bytes read at once when a transaction coordinator loads its partition.",
	},
	{
		Name: "transaction.state.log.min.isr", Type: Int, Default: "2", Check: atLeast(1),
		Doc: "In-sync replicas that __transaction_state needs.",
	},
	{
		Name: "transaction.state.log.num.partitions", Type: Int, Default: "50", Check: atLeast(1),
		Doc: "Partitions of __transaction_state; not to be changed later.",
	},
	{
		Name: "transaction.state.log.replication.factor", Type: Short, Default: "3", Check: atLeast(1),
		Doc: "Copies of __transaction_state.",
	},
	{
		Name: "transaction.state.log.segment.bytes", Type: Int, Default: "104857600", Check: atLeast(1),
		Doc: "Segment size of __transaction_state.",
	},
	{
		Name: "transaction.two.phase.commit.enable", Type: Boolean, Default: "false", Importance: Low,
		Doc: "Whether transactions may take part in a two-phase commit, without a timeout (KIP-939).",
	},
	{
		Name: "transactional.id.expiration.ms", Type: Int, Default: "604800000", Check: atLeast(1),
		Doc: "How long an unused transactional id is remembered.",
	},
}
