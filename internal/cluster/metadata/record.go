package metadata

import (
	"fmt"
)

// A Record is one change of the metadata, in the schema that Apache Kafka 4.3.1
// gives it. The concrete types are pointers to the structs of this package:
// *TopicRecord, *PartitionRecord and so on. A Record must not be changed after
// it was given to [Image.Apply] or returned by [Decode].
type Record interface {
	// Type is the record's API key in the metadata log.
	Type() RecordType
	visit(c *coder)
}

// RecordType is the API key of a metadata record (MetadataRecordType).
type RecordType int16

// The record types of Apache Kafka 4.3.1. Numbers that are missing here were
// used by development versions only.
const (
	TypeRegisterBroker            RecordType = 0
	TypeUnregisterBroker          RecordType = 1
	TypeTopic                     RecordType = 2
	TypePartition                 RecordType = 3
	TypeConfig                    RecordType = 4
	TypePartitionChange           RecordType = 5
	TypeFenceBroker               RecordType = 7
	TypeUnfenceBroker             RecordType = 8
	TypeRemoveTopic               RecordType = 9
	TypeDelegationToken           RecordType = 10
	TypeUserScramCredential       RecordType = 11
	TypeFeatureLevel              RecordType = 12
	TypeClientQuota               RecordType = 14
	TypeProducerIDs               RecordType = 15
	TypeBrokerRegistrationChange  RecordType = 17
	TypeAccessControlEntry        RecordType = 18
	TypeRemoveAccessControlEntry  RecordType = 19
	TypeNoOp                      RecordType = 20
	TypeZkMigrationState          RecordType = 21
	TypeRemoveUserScramCredential RecordType = 22
	TypeBeginTransaction          RecordType = 23
	TypeEndTransaction            RecordType = 24
	TypeAbortTransaction          RecordType = 25
	TypeRemoveDelegationToken     RecordType = 26
	TypeRegisterController        RecordType = 27
	TypeClearElr                  RecordType = 28
)

// schema says what this package knows of one record type.
type schema struct {
	name       string
	maxVersion int16
	// zero makes a record in which every field has its schema's default.
	zero func() Record
}

// schemas has a row for each record type; the lowest version is 0 everywhere.
var schemas = map[RecordType]schema{
	TypeRegisterBroker:            {"RegisterBrokerRecord", 4, func() Record { return &RegisterBrokerRecord{Fenced: true} }},
	TypeUnregisterBroker:          {"UnregisterBrokerRecord", 0, func() Record { return &UnregisterBrokerRecord{} }},
	TypeTopic:                     {"TopicRecord", 0, func() Record { return &TopicRecord{} }},
	TypePartition:                 {"PartitionRecord", 2, func() Record { return newPartitionRecord() }},
	TypeConfig:                    {"ConfigRecord", 0, func() Record { return &ConfigRecord{} }},
	TypePartitionChange:           {"PartitionChangeRecord", 2, func() Record { return NewPartitionChange(TopicID{}, -1) }},
	TypeFenceBroker:               {"FenceBrokerRecord", 0, func() Record { return &FenceBrokerRecord{} }},
	TypeUnfenceBroker:             {"UnfenceBrokerRecord", 0, func() Record { return &UnfenceBrokerRecord{} }},
	TypeRemoveTopic:               {"RemoveTopicRecord", 0, func() Record { return &RemoveTopicRecord{} }},
	TypeDelegationToken:           {"DelegationTokenRecord", 0, func() Record { return &DelegationTokenRecord{} }},
	TypeUserScramCredential:       {"UserScramCredentialRecord", 0, func() Record { return &UserScramCredentialRecord{} }},
	TypeFeatureLevel:              {"FeatureLevelRecord", 0, func() Record { return &FeatureLevelRecord{} }},
	TypeClientQuota:               {"ClientQuotaRecord", 0, func() Record { return &ClientQuotaRecord{} }},
	TypeProducerIDs:               {"ProducerIdsRecord", 0, func() Record { return &ProducerIDsRecord{BrokerEpoch: -1} }},
	TypeBrokerRegistrationChange:  {"BrokerRegistrationChangeRecord", 3, func() Record { return &BrokerRegistrationChangeRecord{} }},
	TypeAccessControlEntry:        {"AccessControlEntryRecord", 0, func() Record { return &AccessControlEntryRecord{} }},
	TypeRemoveAccessControlEntry:  {"RemoveAccessControlEntryRecord", 0, func() Record { return &RemoveAccessControlEntryRecord{} }},
	TypeNoOp:                      {"NoOpRecord", 0, func() Record { return &NoOpRecord{} }},
	TypeZkMigrationState:          {"ZkMigrationStateRecord", 0, func() Record { return &ZkMigrationStateRecord{} }},
	TypeRemoveUserScramCredential: {"RemoveUserScramCredentialRecord", 0, func() Record { return &RemoveUserScramCredentialRecord{} }},
	TypeBeginTransaction:          {"BeginTransactionRecord", 0, func() Record { return &BeginTransactionRecord{} }},
	TypeEndTransaction:            {"EndTransactionRecord", 0, func() Record { return &EndTransactionRecord{} }},
	TypeAbortTransaction:          {"AbortTransactionRecord", 0, func() Record { return &AbortTransactionRecord{} }},
	TypeRemoveDelegationToken:     {"RemoveDelegationTokenRecord", 0, func() Record { return &RemoveDelegationTokenRecord{} }},
	TypeRegisterController:        {"RegisterControllerRecord", 0, func() Record { return &RegisterControllerRecord{} }},
	TypeClearElr:                  {"ClearElrRecord", 0, func() Record { return &ClearElrRecord{} }},
}

// String gives the schema's name, such as "TopicRecord".
func (t RecordType) String() string {
	if s, ok := schemas[t]; ok {
		return s.name
	}
	return fmt.Sprintf("RecordType(%d)", int16(t))
}

// frameVersion is the only version of the frame around a record
// (AbstractApiMessageSerde); 0 was written by the preview in Kafka 2.8.
const frameVersion = 1

// Append appends r to dst as MetadataRecordSerde writes it: frame version, API
// key and schema version as unsigned varints, then the message. The schema
// version is the lowest that loses nothing, so that a reader of an older release
// can follow for as long as no newer feature is in use.
func Append(dst []byte, r Record) ([]byte, error) {
	c := coder{mode: measuring}
	r.visit(&c)
	return AppendVersion(dst, r, c.version)
}

// AppendVersion is [Append] in a given schema version. It fails, with dst
// unchanged, if the version is unknown or cannot carry a field that is set.
func AppendVersion(dst []byte, r Record, version int16) ([]byte, error) {
	s, ok := schemas[r.Type()]
	if !ok || version < 0 || version > s.maxVersion {
		return dst, fmt.Errorf("%w: %v has no version %d", ErrMalformed, r.Type(), version)
	}
	c := coder{mode: encoding, version: version, buf: dst}
	for _, u := range [...]uint64{frameVersion, uint64(r.Type()), uint64(version)} {
		c.uvarint(&u)
	}
	if r.visit(&c); c.err != nil {
		return dst, fmt.Errorf("encode %v: %w", r.Type(), c.err)
	}
	return c.buf, nil
}

// Decode reads one record as [Append] writes it. The record owns all of its
// memory: b may be used again. Errors wrap [ErrMalformed].
func Decode(b []byte) (Record, error) {
	r, _, err := DecodeVersion(b)
	return r, err
}

// DecodeVersion is [Decode] that also tells the schema version.
func DecodeVersion(b []byte) (Record, int16, error) {
	c := coder{mode: decoding, buf: b}
	var frame, key, version uint64
	c.uvarint(&frame)
	c.uvarint(&key)
	c.uvarint(&version)
	if c.err != nil {
		return nil, 0, fmt.Errorf("decode frame: %w", c.err)
	}
	if frame != frameVersion {
		return nil, 0, fmt.Errorf("%w: frame version %d, only %d is supported", ErrMalformed, frame, frameVersion)
	}
	s, ok := schemas[RecordType(key)]
	if !ok || key > 1<<15-1 {
		return nil, 0, fmt.Errorf("%w: unknown record type %d", ErrMalformed, key)
	}
	if version > uint64(s.maxVersion) {
		return nil, 0, fmt.Errorf("%w: %s version %d, the highest known is %d", ErrMalformed, s.name, version, s.maxVersion)
	}
	c.version = int16(version)
	r := s.zero()
	if r.visit(&c); c.err == nil && len(c.buf) > 0 {
		c.fail("%d bytes after the record", len(c.buf))
	}
	if c.err != nil {
		return nil, 0, fmt.Errorf("decode %s version %d: %w", s.name, version, c.err)
	}
	return r, c.version, nil
}
