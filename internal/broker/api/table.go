package api

import (
	"github.com/headrace/headrace/internal/kafka/wire"
)

// row is one API that is served: where, and by whom.
type row struct {
	key    int16
	on     wire.Listener
	handle handler
}

const (
	brokers = wire.OnBroker
	voters  = wire.OnController
	both    = wire.OnBroker | wire.OnController
)

// table is every API that Headrace serves. What is not here is not advertised
// and ends the connection, as in Kafka. Versions are those of wire.Keys.
var table = [...]row{
	{wire.Produce, brokers, (*Broker).produce},
	{wire.Fetch, brokers, (*Broker).fetch},
	{wire.ListOffsets, brokers, on((*Broker).listOffsets)},
	{wire.Metadata, brokers, on((*Broker).describeMetadata)},
	{wire.OffsetCommit, brokers, on((*Broker).offsetCommit)},
	{wire.OffsetFetch, brokers, on((*Broker).offsetFetch)},
	{wire.FindCoordinator, brokers, on((*Broker).findCoordinator)},
	{wire.JoinGroup, brokers, on((*Broker).joinGroup)},
	{wire.Heartbeat, brokers, on((*Broker).heartbeat)},
	{wire.LeaveGroup, brokers, on((*Broker).leaveGroup)},
	{wire.SyncGroup, brokers, on((*Broker).syncGroup)},
	{wire.DescribeGroups, brokers, on((*Broker).describeGroups)},
	{wire.ListGroups, brokers, on((*Broker).listGroups)},
	{wire.APIVersions, both, on((*Broker).apiVersions)},
	{wire.CreateTopics, both, (*Broker).forward},
	{wire.DeleteTopics, both, (*Broker).forward},
	{wire.DeleteRecords, brokers, on((*Broker).deleteRecords)},
	{wire.InitProducerID, brokers, on((*Broker).initProducerID)},
	{wire.OffsetForLeaderEpoch, brokers, on((*Broker).offsetForLeaderEpoch)},
	{wire.DescribeConfigs, both, on((*Broker).describeConfigs)},
	{wire.AlterConfigs, both, (*Broker).forward},
	{wire.DescribeLogDirs, brokers, on((*Broker).describeLogDirs)},
	{wire.CreatePartitions, both, (*Broker).forward},
	{wire.DeleteGroups, brokers, on((*Broker).deleteGroups)},
	{wire.IncrementalAlterConfigs, both, (*Broker).forward},
	{wire.OffsetDelete, brokers, on((*Broker).offsetDelete)},
	{wire.DescribeQuorum, both, on((*Broker).describeQuorum)},
	{wire.UpdateFeatures, both, (*Broker).forward},
	{wire.DescribeCluster, both, on((*Broker).describeCluster)},
	{wire.DescribeProducers, brokers, on((*Broker).describeProducers)},
	{wire.BrokerRegistration, voters, (*Broker).forward},
	{wire.BrokerHeartbeat, voters, (*Broker).forward},
	{wire.AllocateProducerIDs, voters, (*Broker).forward},
	{wire.ListConfigResources, brokers, on((*Broker).listConfigResources)},
	{wire.DescribeTopicPartitions, brokers, on((*Broker).describeTopicPartitions)},
}

// rows finds a row by its API key.
var rows = indexRows()

func indexRows() map[int16]*row {
	m := make(map[int16]*row, len(table))
	for i := range table {
		m[table[i].key] = &table[i]
	}
	return m
}

func rowOf(key int16) *row { return rows[key] }
