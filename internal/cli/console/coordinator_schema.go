package console

// kind is a field's type in Kafka's message schemas.
type kind int

const (
	kInt8 kind = iota
	kInt16
	kInt32
	kInt64
	kString
	kBytes
	kUUID
	kInt32s
	kStrings
	kStructs
)

const never = 127 // a version that no schema reaches

// field is one field of a message. From and to bound the versions that have it; nullable is the first one that
// allows null. A tagged field is in the tagged section from version from, and shown unless it has its default.
type field struct {
	name     string
	kind     kind
	from, to int16
	nullable int16
	tagged   bool
	tag      uint64
	missing  int64 // default of a tagged number
	fields   []field
}

// message is a key's or a value's schema. Versions from flexible on have compact lengths and tagged fields.
type message struct {
	latest   int16
	flexible int16
	fields   []field
}

// recordType is one type of record of an internal topic.
type recordType struct{ key, value message }

func f(name string, k kind) field { return field{name: name, kind: k, to: never, nullable: never} }

func (x field) since(v int16) field { x.from = v; return x }
func (x field) only(v int16) field  { x.from, x.to = v, v; return x }
func (x field) orNull(v int16) field {
	x.nullable = v
	return x
}

func (x field) at(tag uint64, missing int64) field {
	x.tagged, x.tag, x.missing = true, tag, missing
	return x
}

func list(name string, fields ...field) field {
	x := f(name, kStructs)
	x.fields = fields
	return x
}

func keyOf(fields ...field) message { return message{flexible: never, fields: fields} }

func flexible(fields ...field) message { return message{fields: fields} }

var (
	groupKey       = keyOf(f("groupId", kString))
	groupMemberKey = keyOf(f("groupId", kString), f("memberId", kString))
	offsetKey      = keyOf(f("group", kString), f("topic", kString), f("partition", kInt32))
	sharePartKey   = keyOf(f("groupId", kString), f("topicId", kUUID), f("partition", kInt32))
	topicAndParts  = []field{f("topicId", kUUID), f("partitions", kInt32s)}
	namedTopic     = []field{f("topicId", kUUID), f("topicName", kString), f("partitions", kInt32s)}
	stateBatch     = []field{f("firstOffset", kInt64), f("lastOffset", kInt64), f("deliveryState", kInt8), f("deliveryCount", kInt16)}
	deliveredCount = f("deliveryCompleteCount", kInt32).at(0, -1)
)

// groupRecords are the record types of __consumer_offsets that a formatter shows, as CoordinatorRecordType.
var groupRecords = map[int16]recordType{
	0: {offsetKey, message{flexible: never, fields: []field{
		f("offset", kInt64), f("metadata", kString), f("commitTimestamp", kInt64),
	}}},
	1: {offsetKey, message{latest: 4, flexible: 4, fields: []field{
		f("offset", kInt64), f("leaderEpoch", kInt32).since(3), f("metadata", kString), f("commitTimestamp", kInt64),
		f("expireTimestamp", kInt64).only(1), f("topicId", kUUID).since(4).at(0, 0),
	}}},
	2: {keyOf(f("group", kString)), message{latest: 4, flexible: 4, fields: []field{
		f("protocolType", kString), f("generation", kInt32), f("protocol", kString).orNull(0), f("leader", kString).orNull(0),
		f("currentStateTimestamp", kInt64).since(2),
		list("members", f("memberId", kString), f("groupInstanceId", kString).since(3).orNull(3), f("clientId", kString),
			f("clientHost", kString), f("rebalanceTimeout", kInt32).since(1), f("sessionTimeout", kInt32),
			f("subscription", kBytes), f("assignment", kBytes)),
	}}},
	10: {groupMemberKey, flexible(f("rackId", kString).orNull(0), f("clientId", kString), f("clientHost", kString),
		f("subscribedTopicNames", kStrings))},
	11: {groupKey, flexible(f("epoch", kInt32), f("metadataHash", kInt64))},
	12: {groupKey, flexible(f("assignmentEpoch", kInt32), f("assignmentTimestamp", kInt64).at(0, 0))},
	13: {groupMemberKey, flexible(list("topicPartitions", topicAndParts...))},
	14: {groupMemberKey, flexible(f("memberEpoch", kInt32), f("previousMemberEpoch", kInt32), f("state", kInt8),
		list("assignedPartitions", topicAndParts...))},
	15: {groupKey, flexible(list("initializingTopics", namedTopic...), list("initializedTopics", namedTopic...),
		list("deletingTopics", namedTopic[:2]...))},
}

// transactionRecords are the record types of __transaction_state.
var transactionRecords = map[int16]recordType{
	0: {keyOf(f("transactionalId", kString)), message{latest: 1, flexible: 1, fields: []field{
		f("producerId", kInt64), f("previousProducerId", kInt64).since(1).at(0, -1), f("nextProducerId", kInt64).since(1).at(1, -1),
		f("producerEpoch", kInt16), f("nextProducerEpoch", kInt16).since(1).at(3, -1), f("transactionTimeoutMs", kInt32),
		f("transactionStatus", kInt8), list("transactionPartitions", f("topic", kString), f("partitionIds", kInt32s)).orNull(0),
		f("transactionLastUpdateTimestampMs", kInt64), f("transactionStartTimestampMs", kInt64),
		f("clientTransactionVersion", kInt16).since(1).at(2, 0),
	}}},
}

// shareStateRecords are the record types of __share_group_state.
var shareStateRecords = map[int16]recordType{
	0: {sharePartKey, flexible(f("snapshotEpoch", kInt32), f("stateEpoch", kInt32), f("leaderEpoch", kInt32), f("startOffset", kInt64),
		deliveredCount, f("createTimestamp", kInt64), f("writeTimestamp", kInt64), list("stateBatches", stateBatch...))},
	1: {sharePartKey, flexible(f("snapshotEpoch", kInt32), f("leaderEpoch", kInt32), f("startOffset", kInt64), deliveredCount,
		list("stateBatches", stateBatch...))},
}
