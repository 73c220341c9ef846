package api

//go:generate go test -run Protocol -update

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// row is one API that is served: where, and by whom.
type row struct {
	key    int16
	on     wire.Listener
	acl    acl
	handle handler
}

// acl is the permission that a request needs, on each resource that it names.
// DescribeConfigs and AlterConfigs need it of the cluster for brokers.
type acl struct {
	op       kmsg.ACLOperation
	resource kmsg.ACLResourceType
}

// open marks an API that anybody may use.
var open = acl{}

const (
	brokers = wire.OnBroker
	voters  = wire.OnController
	both    = wire.OnBroker | wire.OnController
)

// table is every API that Headrace serves. What is not here is not advertised
// and ends the connection, as in Kafka. Versions are those of wire.Keys.
var table = [...]row{
	{wire.Produce, brokers, acl{kmsg.ACLOperationWrite, kmsg.ACLResourceTypeTopic}, (*Broker).produce},
	{wire.Fetch, brokers, acl{kmsg.ACLOperationRead, kmsg.ACLResourceTypeTopic}, (*Broker).fetch},
	{wire.ListOffsets, brokers, acl{kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeTopic}, on((*Broker).listOffsets)},
	{wire.Metadata, brokers, acl{kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeTopic}, on((*Broker).describeMetadata)},
	{wire.OffsetCommit, brokers, acl{kmsg.ACLOperationRead, kmsg.ACLResourceTypeGroup}, onChange((*Broker).offsetCommit)},
	{wire.OffsetFetch, brokers, acl{kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeGroup}, on((*Broker).offsetFetch)},
	{wire.FindCoordinator, brokers, acl{kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeGroup}, on((*Broker).findCoordinator)},
	{wire.JoinGroup, brokers, acl{kmsg.ACLOperationRead, kmsg.ACLResourceTypeGroup}, onChange((*Broker).joinGroup)},
	{wire.Heartbeat, brokers, acl{kmsg.ACLOperationRead, kmsg.ACLResourceTypeGroup}, onChange((*Broker).heartbeat)},
	{wire.LeaveGroup, brokers, acl{kmsg.ACLOperationRead, kmsg.ACLResourceTypeGroup}, onChange((*Broker).leaveGroup)},
	{wire.SyncGroup, brokers, acl{kmsg.ACLOperationRead, kmsg.ACLResourceTypeGroup}, onChange((*Broker).syncGroup)},
	{wire.DescribeGroups, brokers, acl{kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeGroup}, on((*Broker).describeGroups)},
	{wire.ListGroups, brokers, acl{kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeGroup}, on((*Broker).listGroups)},
	{wire.APIVersions, both, open, (*Broker).apiVersions},
	{wire.CreateTopics, both, acl{kmsg.ACLOperationCreate, kmsg.ACLResourceTypeTopic}, onChange((*Broker).createTopicsFor)},
	{wire.DeleteTopics, both, acl{kmsg.ACLOperationDelete, kmsg.ACLResourceTypeTopic}, (*Broker).forward},
	{wire.DeleteRecords, brokers, acl{kmsg.ACLOperationDelete, kmsg.ACLResourceTypeTopic}, on((*Broker).deleteRecords)},
	{wire.InitProducerID, brokers, acl{kmsg.ACLOperationIdempotentWrite, kmsg.ACLResourceTypeCluster}, onChange((*Broker).initProducerID)},
	{wire.OffsetForLeaderEpoch, brokers, acl{kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeTopic}, on((*Broker).offsetForLeaderEpoch)},
	{wire.DescribeConfigs, both, acl{kmsg.ACLOperationDescribeConfigs, kmsg.ACLResourceTypeTopic}, on((*Broker).describeConfigs)},
	{wire.AlterConfigs, both, acl{kmsg.ACLOperationAlterConfigs, kmsg.ACLResourceTypeTopic}, (*Broker).forward},
	{wire.AlterReplicaLogDirs, brokers, acl{kmsg.ACLOperationAlter, kmsg.ACLResourceTypeCluster}, onChange((*Broker).alterReplicaLogDirs)},
	{wire.DescribeLogDirs, brokers, acl{kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeCluster}, on((*Broker).describeLogDirs)},
	{wire.CreatePartitions, both, acl{kmsg.ACLOperationAlter, kmsg.ACLResourceTypeTopic}, (*Broker).forward},
	{wire.DeleteGroups, brokers, acl{kmsg.ACLOperationDelete, kmsg.ACLResourceTypeGroup}, onChange((*Broker).deleteGroups)},
	{wire.ElectLeaders, both, acl{kmsg.ACLOperationAlter, kmsg.ACLResourceTypeCluster}, (*Broker).forward},
	{wire.IncrementalAlterConfigs, both, acl{kmsg.ACLOperationAlterConfigs, kmsg.ACLResourceTypeTopic}, (*Broker).forward},
	{wire.AlterPartitionReassignments, both, acl{kmsg.ACLOperationAlter, kmsg.ACLResourceTypeCluster}, (*Broker).forward},
	{wire.ListPartitionReassignments, both, acl{kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeCluster}, (*Broker).forward},
	{wire.OffsetDelete, brokers, acl{kmsg.ACLOperationDelete, kmsg.ACLResourceTypeGroup}, onChange((*Broker).offsetDelete)},
	{wire.DescribeQuorum, both, acl{kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeCluster}, on((*Broker).describeQuorum)},
	{wire.AlterPartition, voters, acl{kmsg.ACLOperationClusterAction, kmsg.ACLResourceTypeCluster}, (*Broker).forward},
	{wire.UpdateFeatures, both, acl{kmsg.ACLOperationAlter, kmsg.ACLResourceTypeCluster}, (*Broker).forward},
	{wire.DescribeCluster, both, open, on((*Broker).describeCluster)},
	{wire.DescribeProducers, brokers, acl{kmsg.ACLOperationRead, kmsg.ACLResourceTypeTopic}, on((*Broker).describeProducers)},
	{wire.BrokerRegistration, voters, acl{kmsg.ACLOperationClusterAction, kmsg.ACLResourceTypeCluster}, (*Broker).forward},
	{wire.BrokerHeartbeat, voters, acl{kmsg.ACLOperationClusterAction, kmsg.ACLResourceTypeCluster}, (*Broker).forward},
	{wire.UnregisterBroker, both, acl{kmsg.ACLOperationAlter, kmsg.ACLResourceTypeCluster}, (*Broker).forward},
	{wire.AllocateProducerIDs, voters, acl{kmsg.ACLOperationClusterAction, kmsg.ACLResourceTypeCluster}, (*Broker).forward},
	{wire.ControllerRegistration, voters, acl{kmsg.ACLOperationClusterAction, kmsg.ACLResourceTypeCluster}, (*Broker).forward},
	{wire.GetTelemetrySubscriptions, brokers, open, on((*Broker).getTelemetrySubscriptions)},
	{wire.PushTelemetry, brokers, open, on((*Broker).pushTelemetry)},
	{wire.AssignReplicasToDirs, voters, acl{kmsg.ACLOperationClusterAction, kmsg.ACLResourceTypeCluster}, (*Broker).forward},
	{wire.ListConfigResources, brokers, acl{kmsg.ACLOperationDescribeConfigs, kmsg.ACLResourceTypeCluster}, on((*Broker).listConfigResources)},
	{wire.DescribeTopicPartitions, brokers, acl{kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeTopic}, on((*Broker).describeTopicPartitions)},
}

// indexRows finds rows by their API key.
func indexRows(table []row) map[int16]*row {
	m := make(map[int16]*row, len(table))
	for i := range table {
		m[table[i].key] = &table[i]
	}
	return m
}
