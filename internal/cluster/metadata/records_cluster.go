package metadata

// FeatureLevelRecord finalizes the level of a feature; level 0 removes it.
type FeatureLevelRecord struct {
	Name         string
	FeatureLevel int16
}

// Type implements [Record].
func (*FeatureLevelRecord) Type() RecordType { return TypeFeatureLevel }

func (r *FeatureLevelRecord) visit(c *coder) {
	c.string(&r.Name)
	c.int16(&r.FeatureLevel)
	c.noTags()
}

// ConfigRecord sets one config of one resource, or removes it if Value is nil.
type ConfigRecord struct {
	ResourceType ResourceType
	ResourceName string
	Name         string
	Value        *string
}

// Type implements [Record].
func (*ConfigRecord) Type() RecordType { return TypeConfig }

func (r *ConfigRecord) visit(c *coder) {
	c.int8((*int8)(&r.ResourceType))
	c.string(&r.ResourceName)
	c.string(&r.Name)
	c.nullableString(&r.Value)
	c.noTags()
}

// ProducerIDsRecord gives a block of producer ids away (KIP-730).
type ProducerIDsRecord struct {
	BrokerID       int32
	BrokerEpoch    int64
	NextProducerID int64 // the first id that is still free
}

// Type implements [Record].
func (*ProducerIDsRecord) Type() RecordType { return TypeProducerIDs }

func (r *ProducerIDsRecord) visit(c *coder) {
	c.int32(&r.BrokerID)
	c.int64(&r.BrokerEpoch)
	c.int64(&r.NextProducerID)
	c.noTags()
}

// NoOpRecord changes nothing (KIP-835).
type NoOpRecord struct{}

// Type implements [Record].
func (*NoOpRecord) Type() RecordType { return TypeNoOp }

func (*NoOpRecord) visit(c *coder) { c.noTags() }

// ZkMigrationStateRecord is read and ignored: there is no ZooKeeper.
type ZkMigrationStateRecord struct{ State int8 }

// Type implements [Record].
func (*ZkMigrationStateRecord) Type() RecordType { return TypeZkMigrationState }

func (r *ZkMigrationStateRecord) visit(c *coder) {
	c.int8(&r.State)
	c.noTags()
}

// BeginTransactionRecord opens a metadata transaction (KIP-868): what follows
// becomes visible with its EndTransactionRecord, or never.
type BeginTransactionRecord struct{ Name *string }

// Type implements [Record].
func (*BeginTransactionRecord) Type() RecordType { return TypeBeginTransaction }

func (r *BeginTransactionRecord) visit(c *coder) {
	c.beginTags()
	c.tag(0, 0, r.Name != nil, func(c *coder) { c.nullableString(&r.Name) })
	c.endTags()
}

// EndTransactionRecord makes the records of a metadata transaction visible.
type EndTransactionRecord struct{}

// Type implements [Record].
func (*EndTransactionRecord) Type() RecordType { return TypeEndTransaction }

func (*EndTransactionRecord) visit(c *coder) { c.noTags() }

// AbortTransactionRecord drops the records of a metadata transaction.
type AbortTransactionRecord struct{ Reason *string }

// Type implements [Record].
func (*AbortTransactionRecord) Type() RecordType { return TypeAbortTransaction }

func (r *AbortTransactionRecord) visit(c *coder) {
	c.beginTags()
	c.tag(0, 0, r.Reason != nil, func(c *coder) { c.nullableString(&r.Reason) })
	c.endTags()
}
