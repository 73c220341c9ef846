// Package cli is the headrace command line: Kafka's own commands, word for word, and what Headrace adds. One file holds
// one command; this file lists them.
package cli

import (
	"context"

	"github.com/headrace/headrace/internal/cli/jopt"
)

// command is one row of the table that drives dispatch, help, completion and the tests.
type command struct {
	name    string // as typed; Kafka's commands have the name of their script
	summary string
	run     func(ctx context.Context, t *tool, args []string) int
	options []*jopt.Option // for completion; nil: the command reads its own
	hidden  bool           // not listed by --help
}

// commands returns the table, in the order of --help.
func commands() []command {
	return []command{
		{name: "server", summary: "start a node: headrace server [FILE] [--override key=value]... [-daemon]", run: serverCommand, options: serverOptions},
		{name: "log", summary: "look at and mend the log directories of a stopped broker: verify, skip", run: logCommand},
		{name: "version", summary: "print the version", run: versionCommand},
		{name: "completion", summary: "print a script that completes command lines in bash", run: completionCommand},
		{name: "docs", summary: "print reference pages: config", run: docsCommand, hidden: true},
		{name: "kafka-server-start", summary: "start a node from a file", run: kafkaServerStart},
		{name: "kafka-server-stop", summary: "stop nodes of this machine", run: kafkaServerStop},
		{name: "kafka-storage", summary: "format and inspect storage directories", run: kafkaStorage},
		{name: "kafka-topics", summary: "create, list, describe, alter and delete topics", run: kafkaTopics, options: topicsOptions},
		{name: "kafka-configs", summary: "show and change configs of topics, brokers, groups, users", run: kafkaConfigs, options: configsOptions},
		{name: "kafka-cluster", summary: "show the cluster's id and addresses, unregister brokers", run: kafkaCluster},
		{name: "kafka-metadata-quorum", summary: "show and change the voters of the metadata log", run: kafkaMetadataQuorum},
		{name: "kafka-features", summary: "show and change the levels of features", run: kafkaFeatures},
		{name: "kafka-broker-api-versions", summary: "show which requests the brokers know", run: kafkaBrokerAPIVersions, options: brokerAPIVersionsOptions},
		{name: "kafka-console-producer", summary: "send lines of standard input", run: kafkaConsoleProducer, options: consoleProducerOptions},
		{name: "kafka-console-consumer", summary: "print records", run: kafkaConsoleConsumer, options: consoleConsumerOptions},
		{name: "kafka-consumer-groups", summary: "list, describe, reset and delete consumer groups", run: kafkaConsumerGroups, options: consumerGroupsOptions},
		{name: "kafka-groups", summary: "list groups of all kinds", run: kafkaGroups, options: groupsOptions},
		{name: "kafka-get-offsets", summary: "print offsets of partitions", run: kafkaGetOffsets, options: getOffsetsOptions},
		{name: "kafka-delete-records", summary: "delete records up to an offset", run: kafkaDeleteRecords, options: deleteRecordsOptions},
		{name: "kafka-log-dirs", summary: "show what the log directories of brokers hold", run: kafkaLogDirs, options: logDirsOptions},
		{name: "kafka-dump-log", summary: "show what the files of a log directory hold", run: kafkaDumpLog, options: dumpLogOptions},
		{name: "kafka-client-metrics", summary: "say which clients push which metrics", run: kafkaClientMetrics, options: clientMetricsOptions},
		{name: "kafka-e2e-latency", summary: "measure the way from producer to consumer", run: kafkaE2ELatency, options: e2eLatencyOptions},
		{name: "kafka-verifiable-producer", summary: "send numbers and tell of each as JSON", run: kafkaVerifiableProducer},
		{name: "kafka-verifiable-consumer", summary: "read and tell of all that happens as JSON", run: kafkaVerifiableConsumer},
		{name: "kafka-producer-perf-test", summary: "measure producing", run: kafkaProducerPerfTest},
		{name: "kafka-consumer-perf-test", summary: "measure consuming", run: kafkaConsumerPerfTest, options: consumerPerfOptions("")},
	}
}
