package metadata

// Endpoint is an address that a node can be reached at.
type Endpoint struct {
	Name             string // of the listener
	Host             string
	Port             uint16
	SecurityProtocol int16 // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
}

func visitEndpoints(c *coder, v *[]Endpoint) {
	list(c, v, 7, func(e *Endpoint) {
		c.string(&e.Name)
		c.string(&e.Host)
		c.uint16(&e.Port)
		c.int16(&e.SecurityProtocol)
		c.noTags()
	})
}

// FeatureRange is a range of levels of a feature that a node supports.
type FeatureRange struct {
	Name     string
	Min, Max int16
}

func visitFeatureRanges(c *coder, v *[]FeatureRange) {
	list(c, v, 6, func(f *FeatureRange) {
		c.string(&f.Name)
		c.int16(&f.Min)
		c.int16(&f.Max)
		c.noTags()
	})
}

// RegisterBrokerRecord registers a broker, or a new incarnation of it.
type RegisterBrokerRecord struct {
	BrokerID             int32
	IsMigratingZkBroker  bool // version 2 and later
	IncarnationID        UUID
	BrokerEpoch          int64
	Endpoints            []Endpoint
	Features             []FeatureRange
	Rack                 *string
	Fenced               bool
	InControlledShutdown bool   // version 1 and later
	LogDirs              []UUID // online directories, version 3 and later
	CordonedLogDirs      []UUID // nil if unknown, version 4 and later
}

// Type implements [Record].
func (*RegisterBrokerRecord) Type() RecordType { return TypeRegisterBroker }

func (r *RegisterBrokerRecord) visit(c *coder) {
	c.int32(&r.BrokerID)
	if c.since(2, r.IsMigratingZkBroker) {
		c.bool(&r.IsMigratingZkBroker)
	}
	c.uuid(&r.IncarnationID)
	c.int64(&r.BrokerEpoch)
	visitEndpoints(c, &r.Endpoints)
	visitFeatureRanges(c, &r.Features)
	c.nullableString(&r.Rack)
	c.bool(&r.Fenced)
	if c.since(1, r.InControlledShutdown) {
		c.bool(&r.InControlledShutdown)
	}
	c.beginTags()
	c.tag(0, 3, len(r.LogDirs) > 0, func(c *coder) { c.uuids(&r.LogDirs) })
	c.tag(1, 4, r.CordonedLogDirs != nil, func(c *coder) { nullableList(c, &r.CordonedLogDirs, 16, c.uuid) })
	c.endTags()
}

// UnregisterBrokerRecord removes a broker's registration.
type UnregisterBrokerRecord struct {
	BrokerID    int32
	BrokerEpoch int64
}

// Type implements [Record].
func (*UnregisterBrokerRecord) Type() RecordType { return TypeUnregisterBroker }

func (r *UnregisterBrokerRecord) visit(c *coder) {
	c.int32(&r.BrokerID)
	c.int64(&r.BrokerEpoch)
	c.noTags()
}

// FenceBrokerRecord fences a broker. Newer controllers write a
// BrokerRegistrationChangeRecord instead.
type FenceBrokerRecord struct {
	ID    int32
	Epoch int64
}

// Type implements [Record].
func (*FenceBrokerRecord) Type() RecordType { return TypeFenceBroker }

func (r *FenceBrokerRecord) visit(c *coder) {
	c.int32(&r.ID)
	c.int64(&r.Epoch)
	c.noTags()
}

// UnfenceBrokerRecord unfences a broker. Newer controllers write a
// BrokerRegistrationChangeRecord instead.
type UnfenceBrokerRecord struct {
	ID    int32
	Epoch int64
}

// Type implements [Record].
func (*UnfenceBrokerRecord) Type() RecordType { return TypeUnfenceBroker }

func (r *UnfenceBrokerRecord) visit(c *coder) {
	c.int32(&r.ID)
	c.int64(&r.Epoch)
	c.noTags()
}

// FencingChange is what a BrokerRegistrationChangeRecord does to the fencing
// (BrokerRegistrationFencingChange).
type FencingChange int8

// The fencing changes.
const (
	Unfence    FencingChange = -1
	KeepFenced FencingChange = 0 // no change
	Fence      FencingChange = 1
)

func (f *FencingChange) visit(c *coder) { c.int8((*int8)(f)) }

// BrokerRegistrationChangeRecord changes some fields of a broker's registration.
type BrokerRegistrationChangeRecord struct {
	BrokerID             int32
	BrokerEpoch          int64
	Fenced               FencingChange
	InControlledShutdown int8   // 0 no change, 1 controlled shutdown begins; version 1 and later
	LogDirs              []UUID // empty: no change; else the online directories; version 2 and later
	CordonedLogDirs      []UUID // nil: no change; version 3
}

// Type implements [Record].
func (*BrokerRegistrationChangeRecord) Type() RecordType { return TypeBrokerRegistrationChange }

func (r *BrokerRegistrationChangeRecord) visit(c *coder) {
	c.int32(&r.BrokerID)
	c.int64(&r.BrokerEpoch)
	c.beginTags()
	c.tag(0, 0, r.Fenced != KeepFenced, r.Fenced.visit)
	c.tag(1, 1, r.InControlledShutdown != 0, func(c *coder) { c.int8(&r.InControlledShutdown) })
	c.tag(2, 2, len(r.LogDirs) > 0, func(c *coder) { c.uuids(&r.LogDirs) })
	c.tag(3, 3, r.CordonedLogDirs != nil, func(c *coder) { nullableList(c, &r.CordonedLogDirs, 16, c.uuid) })
	c.endTags()
}

// RegisterControllerRecord registers a controller (KIP-919).
type RegisterControllerRecord struct {
	ControllerID     int32
	IncarnationID    UUID
	ZkMigrationReady bool
	Endpoints        []Endpoint
	Features         []FeatureRange
}

// Type implements [Record].
func (*RegisterControllerRecord) Type() RecordType { return TypeRegisterController }

func (r *RegisterControllerRecord) visit(c *coder) {
	c.int32(&r.ControllerID)
	c.uuid(&r.IncarnationID)
	c.bool(&r.ZkMigrationReady)
	visitEndpoints(c, &r.Endpoints)
	visitFeatureRanges(c, &r.Features)
	c.noTags()
}
