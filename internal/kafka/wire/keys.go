package wire

import "math"

// The API keys of Apache Kafka 4.3.1.
const (
	Produce                      int16 = 0
	Fetch                        int16 = 1
	ListOffsets                  int16 = 2
	Metadata                     int16 = 3
	OffsetCommit                 int16 = 8
	OffsetFetch                  int16 = 9
	FindCoordinator              int16 = 10
	JoinGroup                    int16 = 11
	Heartbeat                    int16 = 12
	LeaveGroup                   int16 = 13
	SyncGroup                    int16 = 14
	DescribeGroups               int16 = 15
	ListGroups                   int16 = 16
	SaslHandshake                int16 = 17
	APIVersions                  int16 = 18
	CreateTopics                 int16 = 19
	DeleteTopics                 int16 = 20
	DeleteRecords                int16 = 21
	InitProducerID               int16 = 22
	OffsetForLeaderEpoch         int16 = 23
	AddPartitionsToTxn           int16 = 24
	AddOffsetsToTxn              int16 = 25
	EndTxn                       int16 = 26
	WriteTxnMarkers              int16 = 27
	TxnOffsetCommit              int16 = 28
	DescribeACLs                 int16 = 29
	CreateACLs                   int16 = 30
	DeleteACLs                   int16 = 31
	DescribeConfigs              int16 = 32
	AlterConfigs                 int16 = 33
	AlterReplicaLogDirs          int16 = 34
	DescribeLogDirs              int16 = 35
	SaslAuthenticate             int16 = 36
	CreatePartitions             int16 = 37
	CreateDelegationToken        int16 = 38
	RenewDelegationToken         int16 = 39
	ExpireDelegationToken        int16 = 40
	DescribeDelegationToken      int16 = 41
	DeleteGroups                 int16 = 42
	ElectLeaders                 int16 = 43
	IncrementalAlterConfigs      int16 = 44
	AlterPartitionReassignments  int16 = 45
	ListPartitionReassignments   int16 = 46
	OffsetDelete                 int16 = 47
	DescribeClientQuotas         int16 = 48
	AlterClientQuotas            int16 = 49
	DescribeUserScramCredentials int16 = 50
	AlterUserScramCredentials    int16 = 51
	Vote                         int16 = 52
	BeginQuorumEpoch             int16 = 53
	EndQuorumEpoch               int16 = 54
	DescribeQuorum               int16 = 55
	AlterPartition               int16 = 56
	UpdateFeatures               int16 = 57
	Envelope                     int16 = 58
	FetchSnapshot                int16 = 59
	DescribeCluster              int16 = 60
	DescribeProducers            int16 = 61
	BrokerRegistration           int16 = 62
	BrokerHeartbeat              int16 = 63
	UnregisterBroker             int16 = 64
	DescribeTransactions         int16 = 65
	ListTransactions             int16 = 66
	AllocateProducerIDs          int16 = 67
	ConsumerGroupHeartbeat       int16 = 68
	ConsumerGroupDescribe        int16 = 69
	ControllerRegistration       int16 = 70
	GetTelemetrySubscriptions    int16 = 71
	PushTelemetry                int16 = 72
	AssignReplicasToDirs         int16 = 73
	ListConfigResources          int16 = 74
	DescribeTopicPartitions      int16 = 75
	ShareGroupHeartbeat          int16 = 76
	ShareGroupDescribe           int16 = 77
	ShareFetch                   int16 = 78
	ShareAcknowledge             int16 = 79
	AddRaftVoter                 int16 = 80
	RemoveRaftVoter              int16 = 81
	UpdateRaftVoter              int16 = 82
	InitializeShareGroupState    int16 = 83
	ReadShareGroupState          int16 = 84
	WriteShareGroupState         int16 = 85
	DeleteShareGroupState        int16 = 86
	ReadShareGroupStateSummary   int16 = 87
	StreamsGroupHeartbeat        int16 = 88
	StreamsGroupDescribe         int16 = 89
	DescribeShareGroupOffsets    int16 = 90
	AlterShareGroupOffsets       int16 = 91
	DeleteShareGroupOffsets      int16 = 92
)

// Listener is a kind of listener, or several or-ed together.
type Listener uint8

// The kinds of listener.
const (
	OnBroker     Listener = 1 << iota // client and inter-broker listeners
	OnController                      // controller listeners
)

// Key is what the protocol says about one API.
type Key struct {
	Num  int16
	Name string // as Kafka prints it
	// Min and Max are the versions that are spoken. Produce is advertised from
	// ProduceAdvertisedMin all the same.
	Min, Max int16
	// Flexible is the first version with tagged fields (KIP-482); it is above
	// Max if there is none.
	Flexible  int16
	Listeners Listener
	// ClusterAction marks the APIs that only nodes use among themselves.
	ClusterAction bool
	// Forwardable marks those that a broker passes on to the controller.
	Forwardable bool
}

// IsFlexible reports whether requests of that version have tagged fields.
func (k *Key) IsFlexible(version int16) bool { return version >= k.Flexible }

// ProduceAdvertisedMin is the lowest version of Produce in an ApiVersions
// response. Versions below Keys' Min are refused with an error; librdkafka
// would turn compression off if they were not listed (KAFKA-18659).
const ProduceAdvertisedMin = 0

// notFlexible is above every version.
const notFlexible = math.MaxInt16

// Keys lists every API of Apache Kafka 4.3.1 in the order of the numbers, those
// of the controller included. Max is the highest stable version.
var Keys = [...]Key{
	{Produce, "Produce", 3, 13, 9, OnBroker, false, false},
	{Fetch, "Fetch", 4, 18, 12, OnBroker | OnController, false, false},
	{ListOffsets, "ListOffsets", 1, 11, 6, OnBroker, false, false},
	{Metadata, "Metadata", 0, 13, 9, OnBroker, false, false},
	{OffsetCommit, "OffsetCommit", 2, 10, 8, OnBroker, false, false},
	{OffsetFetch, "OffsetFetch", 1, 10, 6, OnBroker, false, false},
	{FindCoordinator, "FindCoordinator", 0, 6, 3, OnBroker, false, false},
	{JoinGroup, "JoinGroup", 0, 9, 6, OnBroker, false, false},
	{Heartbeat, "Heartbeat", 0, 4, 4, OnBroker, false, false},
	{LeaveGroup, "LeaveGroup", 0, 5, 4, OnBroker, false, false},
	{SyncGroup, "SyncGroup", 0, 5, 4, OnBroker, false, false},
	{DescribeGroups, "DescribeGroups", 0, 6, 5, OnBroker, false, false},
	{ListGroups, "ListGroups", 0, 5, 3, OnBroker, false, false},
	{SaslHandshake, "SaslHandshake", 0, 1, notFlexible, OnBroker | OnController, false, false},
	{APIVersions, "ApiVersions", 0, 4, 3, OnBroker | OnController, false, false},
	{CreateTopics, "CreateTopics", 2, 7, 5, OnBroker | OnController, false, true},
	{DeleteTopics, "DeleteTopics", 1, 6, 4, OnBroker | OnController, false, true},
	{DeleteRecords, "DeleteRecords", 0, 2, 2, OnBroker, false, false},
	{InitProducerID, "InitProducerId", 0, 5, 2, OnBroker, false, false},
	{OffsetForLeaderEpoch, "OffsetForLeaderEpoch", 2, 4, 4, OnBroker, false, false},
	{AddPartitionsToTxn, "AddPartitionsToTxn", 0, 5, 3, OnBroker, false, false},
	{AddOffsetsToTxn, "AddOffsetsToTxn", 0, 4, 3, OnBroker, false, false},
	{EndTxn, "EndTxn", 0, 5, 3, OnBroker, false, false},
	{WriteTxnMarkers, "WriteTxnMarkers", 1, 2, 1, OnBroker, true, false},
	{TxnOffsetCommit, "TxnOffsetCommit", 0, 5, 3, OnBroker, false, false},
	{DescribeACLs, "DescribeAcls", 1, 3, 2, OnBroker | OnController, false, false},
	{CreateACLs, "CreateAcls", 1, 3, 2, OnBroker | OnController, false, true},
	{DeleteACLs, "DeleteAcls", 1, 3, 2, OnBroker | OnController, false, true},
	{DescribeConfigs, "DescribeConfigs", 1, 4, 4, OnBroker | OnController, false, false},
	{AlterConfigs, "AlterConfigs", 0, 2, 2, OnBroker | OnController, false, true},
	{AlterReplicaLogDirs, "AlterReplicaLogDirs", 1, 2, 2, OnBroker, false, false},
	{DescribeLogDirs, "DescribeLogDirs", 1, 5, 2, OnBroker, false, false},
	{SaslAuthenticate, "SaslAuthenticate", 0, 2, 2, OnBroker | OnController, false, false},
	{CreatePartitions, "CreatePartitions", 0, 3, 2, OnBroker | OnController, false, true},
	{CreateDelegationToken, "CreateDelegationToken", 1, 3, 2, OnBroker | OnController, false, true},
	{RenewDelegationToken, "RenewDelegationToken", 1, 2, 2, OnBroker | OnController, false, true},
	{ExpireDelegationToken, "ExpireDelegationToken", 1, 2, 2, OnBroker | OnController, false, true},
	{DescribeDelegationToken, "DescribeDelegationToken", 1, 3, 2, OnBroker | OnController, false, false},
	{DeleteGroups, "DeleteGroups", 0, 2, 2, OnBroker, false, false},
	{ElectLeaders, "ElectLeaders", 0, 2, 2, OnBroker | OnController, false, true},
	{IncrementalAlterConfigs, "IncrementalAlterConfigs", 0, 1, 1, OnBroker | OnController, false, true},
	{AlterPartitionReassignments, "AlterPartitionReassignments", 0, 1, 0, OnBroker | OnController, false, true},
	{ListPartitionReassignments, "ListPartitionReassignments", 0, 0, 0, OnBroker | OnController, false, true},
	{OffsetDelete, "OffsetDelete", 0, 0, notFlexible, OnBroker, false, false},
	{DescribeClientQuotas, "DescribeClientQuotas", 0, 1, 1, OnBroker, false, false},
	{AlterClientQuotas, "AlterClientQuotas", 0, 1, 1, OnBroker | OnController, false, true},
	{DescribeUserScramCredentials, "DescribeUserScramCredentials", 0, 0, 0, OnBroker | OnController, false, false},
	{AlterUserScramCredentials, "AlterUserScramCredentials", 0, 0, 0, OnBroker | OnController, false, true},
	{Vote, "Vote", 0, 2, 0, OnController, true, false},
	{BeginQuorumEpoch, "BeginQuorumEpoch", 0, 1, 1, OnController, true, false},
	{EndQuorumEpoch, "EndQuorumEpoch", 0, 1, 1, OnController, true, false},
	{DescribeQuorum, "DescribeQuorum", 0, 2, 0, OnBroker | OnController, true, true},
	{AlterPartition, "AlterPartition", 2, 3, 0, OnController, true, false},
	{UpdateFeatures, "UpdateFeatures", 0, 2, 0, OnBroker | OnController, true, true},
	{Envelope, "Envelope", 0, 0, 0, OnController, true, false},
	{FetchSnapshot, "FetchSnapshot", 0, 1, 0, OnController, false, false},
	{DescribeCluster, "DescribeCluster", 0, 2, 0, OnBroker | OnController, false, false},
	{DescribeProducers, "DescribeProducers", 0, 0, 0, OnBroker, false, false},
	{BrokerRegistration, "BrokerRegistration", 0, 4, 0, OnController, true, false},
	{BrokerHeartbeat, "BrokerHeartbeat", 0, 2, 0, OnController, true, false},
	{UnregisterBroker, "UnregisterBroker", 0, 0, 0, OnBroker | OnController, false, true},
	{DescribeTransactions, "DescribeTransactions", 0, 0, 0, OnBroker, false, false},
	{ListTransactions, "ListTransactions", 0, 2, 0, OnBroker, false, false},
	{AllocateProducerIDs, "AllocateProducerIds", 0, 0, 0, OnController, true, true},
	{ConsumerGroupHeartbeat, "ConsumerGroupHeartbeat", 0, 1, 0, OnBroker, false, false},
	{ConsumerGroupDescribe, "ConsumerGroupDescribe", 0, 1, 0, OnBroker, false, false},
	{ControllerRegistration, "ControllerRegistration", 0, 0, 0, OnController, false, false},
	{GetTelemetrySubscriptions, "GetTelemetrySubscriptions", 0, 0, 0, OnBroker, false, false},
	{PushTelemetry, "PushTelemetry", 0, 0, 0, OnBroker, false, false},
	{AssignReplicasToDirs, "AssignReplicasToDirs", 0, 0, 0, OnController, false, false},
	{ListConfigResources, "ListConfigResources", 0, 1, 0, OnBroker, false, false},
	{DescribeTopicPartitions, "DescribeTopicPartitions", 0, 0, 0, OnBroker, false, false},
	{ShareGroupHeartbeat, "ShareGroupHeartbeat", 1, 1, 0, OnBroker, false, false},
	{ShareGroupDescribe, "ShareGroupDescribe", 1, 1, 0, OnBroker, false, false},
	{ShareFetch, "ShareFetch", 1, 2, 0, OnBroker, false, false},
	{ShareAcknowledge, "ShareAcknowledge", 1, 2, 0, OnBroker, false, false},
	{AddRaftVoter, "AddRaftVoter", 0, 1, 0, OnBroker | OnController, false, true},
	{RemoveRaftVoter, "RemoveRaftVoter", 0, 0, 0, OnBroker | OnController, false, true},
	{UpdateRaftVoter, "UpdateRaftVoter", 0, 0, 0, OnController, false, false},
	{InitializeShareGroupState, "InitializeShareGroupState", 0, 0, 0, OnBroker, true, false},
	{ReadShareGroupState, "ReadShareGroupState", 0, 0, 0, OnBroker, true, false},
	{WriteShareGroupState, "WriteShareGroupState", 0, 1, 0, OnBroker, true, false},
	{DeleteShareGroupState, "DeleteShareGroupState", 0, 0, 0, OnBroker, true, false},
	{ReadShareGroupStateSummary, "ReadShareGroupStateSummary", 0, 1, 0, OnBroker, true, false},
	{StreamsGroupHeartbeat, "StreamsGroupHeartbeat", 0, 0, 0, OnBroker, false, false},
	{StreamsGroupDescribe, "StreamsGroupDescribe", 0, 0, 0, OnBroker, false, false},
	{DescribeShareGroupOffsets, "DescribeShareGroupOffsets", 0, 1, 0, OnBroker, false, false},
	{AlterShareGroupOffsets, "AlterShareGroupOffsets", 0, 0, 0, OnBroker, false, false},
	{DeleteShareGroupOffsets, "DeleteShareGroupOffsets", 0, 0, 0, OnBroker, false, false},
}

// maxKey bounds the index by number.
const maxKey = DeleteShareGroupOffsets

var byNum = func() (t [maxKey + 1]*Key) {
	for i := range Keys {
		t[Keys[i].Num] = &Keys[i]
	}
	return t
}()

// KeyOf returns the row of an API key, or nil if there is no such API.
func KeyOf(num int16) *Key {
	if num < 0 || num > maxKey {
		return nil
	}
	return byNum[num]
}
