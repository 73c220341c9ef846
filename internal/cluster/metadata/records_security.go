package metadata

// AccessControlEntryRecord adds an ACL. The numbers are those of Kafka's
// ResourceType, PatternType, AclOperation and AclPermissionType.
type AccessControlEntryRecord struct {
	ID             UUID
	ResourceType   int8
	ResourceName   string
	PatternType    int8
	Principal      string
	Host           string
	Operation      int8
	PermissionType int8
}

// Type implements [Record].
func (*AccessControlEntryRecord) Type() RecordType { return TypeAccessControlEntry }

func (r *AccessControlEntryRecord) visit(c *coder) {
	c.uuid(&r.ID)
	c.int8(&r.ResourceType)
	c.string(&r.ResourceName)
	c.int8(&r.PatternType)
	c.string(&r.Principal)
	c.string(&r.Host)
	c.int8(&r.Operation)
	c.int8(&r.PermissionType)
	c.noTags()
}

// RemoveAccessControlEntryRecord removes the ACL with this id.
type RemoveAccessControlEntryRecord struct{ ID UUID }

// Type implements [Record].
func (*RemoveAccessControlEntryRecord) Type() RecordType { return TypeRemoveAccessControlEntry }

func (r *RemoveAccessControlEntryRecord) visit(c *coder) {
	c.uuid(&r.ID)
	c.noTags()
}

// QuotaEntity is one part of what a quota is for: a type such as "user",
// "client-id" or "ip", and a name. A nil name is the type's default.
type QuotaEntity struct {
	Type string
	Name *string
}

// ClientQuotaRecord sets or removes one quota of an entity (KIP-546).
type ClientQuotaRecord struct {
	Entity []QuotaEntity
	Key    string
	Value  float64
	Remove bool
}

// Type implements [Record].
func (*ClientQuotaRecord) Type() RecordType { return TypeClientQuota }

func (r *ClientQuotaRecord) visit(c *coder) {
	list(c, &r.Entity, 3, func(e *QuotaEntity) {
		c.string(&e.Type)
		c.nullableString(&e.Name)
		c.noTags()
	})
	c.string(&r.Key)
	c.float64(&r.Value)
	c.bool(&r.Remove)
	c.noTags()
}

// UserScramCredentialRecord sets a user's SCRAM credential (KIP-900).
type UserScramCredentialRecord struct {
	Name       string
	Mechanism  int8 // 1 SCRAM-SHA-256, 2 SCRAM-SHA-512
	Salt       []byte
	StoredKey  []byte
	ServerKey  []byte
	Iterations int32
}

// Type implements [Record].
func (*UserScramCredentialRecord) Type() RecordType { return TypeUserScramCredential }

func (r *UserScramCredentialRecord) visit(c *coder) {
	c.string(&r.Name)
	c.int8(&r.Mechanism)
	c.bytes(&r.Salt)
	c.bytes(&r.StoredKey)
	c.bytes(&r.ServerKey)
	c.int32(&r.Iterations)
	c.noTags()
}

// RemoveUserScramCredentialRecord removes a user's SCRAM credential.
type RemoveUserScramCredentialRecord struct {
	Name      string
	Mechanism int8
}

// Type implements [Record].
func (*RemoveUserScramCredentialRecord) Type() RecordType { return TypeRemoveUserScramCredential }

func (r *RemoveUserScramCredentialRecord) visit(c *coder) {
	c.string(&r.Name)
	c.int8(&r.Mechanism)
	c.noTags()
}

// DelegationTokenRecord sets a delegation token, without its secret (KIP-48).
type DelegationTokenRecord struct {
	Owner                 string
	Requester             string
	Renewers              []string
	IssueTimestampMs      int64
	MaxTimestampMs        int64
	ExpirationTimestampMs int64
	TokenID               string
}

// Type implements [Record].
func (*DelegationTokenRecord) Type() RecordType { return TypeDelegationToken }

func (r *DelegationTokenRecord) visit(c *coder) {
	c.string(&r.Owner)
	c.string(&r.Requester)
	c.strings(&r.Renewers)
	c.int64(&r.IssueTimestampMs)
	c.int64(&r.MaxTimestampMs)
	c.int64(&r.ExpirationTimestampMs)
	c.string(&r.TokenID)
	c.noTags()
}

// RemoveDelegationTokenRecord removes a delegation token.
type RemoveDelegationTokenRecord struct{ TokenID string }

// Type implements [Record].
func (*RemoveDelegationTokenRecord) Type() RecordType { return TypeRemoveDelegationToken }

func (r *RemoveDelegationTokenRecord) visit(c *coder) {
	c.string(&r.TokenID)
	c.noTags()
}
