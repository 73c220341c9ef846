package cli

import (
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/config"
)

const alterTopicConfigsElsewhere = " (To alter topic configurations, the kafka-configs tool can be used.)"

// topicsOptions are the options of kafka-topics, in the words of its --help.
var topicsOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{
		Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "server to connect to",
		Doc: "REQUIRED: The Kafka server to connect to.",
	},
	{
		Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "command config property file",
		Doc: "Property file containing configs to be passed to Admin Client.",
	},
	{Names: []string{"list"}, Doc: "List all available topics."},
	{Names: []string{"create"}, Doc: "Create a new topic."},
	{Names: []string{"delete"}, Doc: "Delete a topic."},
	{Names: []string{"alter"}, Doc: "Alter the number of partitions and replica assignment." + alterTopicConfigsElsewhere},
	{Names: []string{"describe"}, Doc: "List details for the given topics."},
	{
		Names: []string{"topic"}, Arg: jopt.Required, ArgDoc: "topic",
		Doc: "The topic to create, alter, describe or delete. It also accepts a regular expression, except for --create option.",
	},
	{Names: []string{"topic-id"}, Arg: jopt.Required, ArgDoc: "topic-id", Doc: "The topic-id to describe."},
	{
		Names: []string{"config"}, Arg: jopt.Required, ArgDoc: "name=value",
		Doc: "A topic configuration override for the topic being created. The following is a list of valid configurations: \n" +
			kafkaKeys(config.Topic) + "\nSee the Kafka documentation for full details on the topic configs. " +
			"It is supported only in combination with --create." + alterTopicConfigsElsewhere,
	},
	{
		Names: []string{"delete-config"}, Arg: jopt.Required, ArgDoc: "name",
		Doc: "This option is no longer supported and has been deprecated since 4.0",
	},
	{
		Names: []string{"partitions"}, Arg: jopt.Required, ArgDoc: "# of partitions", Type: "Integer",
		Doc: "The number of partitions for the topic being created or altered. If not supplied with --create, the topic uses the " +
			"cluster default. (WARNING: If partitions are increased for a topic that has a key, the partition logic or ordering of " +
			"the messages will be affected).",
	},
	{
		Names: []string{"replication-factor"}, Arg: jopt.Required, ArgDoc: "replication factor", Type: "Integer",
		Doc: "The replication factor for each partition in the topic being created. If not supplied, the topic uses the cluster default.",
	},
	{
		Names: []string{"replica-assignment"}, Arg: jopt.Required,
		ArgDoc: "broker_id_for_part1_replica1 : broker_id_for_part1_replica2 , broker_id_for_part2_replica1 : broker_id_for_part2_replica2 , ...",
		Doc:    "A list of manual partition-to-broker assignments for the topic being created or altered.",
	},
	{
		Names: []string{"under-replicated-partitions"},
		Doc:   "If set when describing topics, only show under-replicated partitions.",
	},
	{
		Names: []string{"unavailable-partitions"},
		Doc:   "If set when describing topics, only show partitions whose leader is not available.",
	},
	{
		Names: []string{"under-min-isr-partitions"},
		Doc:   "If set when describing topics, only show partitions whose isr count is less than the configured minimum.",
	},
	{
		Names: []string{"at-min-isr-partitions"},
		Doc:   "If set when describing topics, only show partitions whose isr count is equal to the configured minimum.",
	},
	{
		Names: []string{"topics-with-overrides"},
		Doc:   "If set when describing topics, only show topics that have overridden configs.",
	},
	{
		Names: []string{"if-exists"},
		Doc:   "If set when altering or deleting or describing topics, the action will only execute if the topic exists.",
	},
	{
		Names: []string{"if-not-exists"},
		Doc:   "If set when creating topics, the create request will not fail if the topic already exists, but the request will still be sent.",
	},
	{
		Names: []string{"exclude-internal"},
		Doc:   "Exclude internal topics when listing or describing topics. By default, the internal topics are included.",
	},
	{
		Names: []string{"partition-size-limit-per-response"}, Arg: jopt.Required, ArgDoc: "maximum number of partitions per response", Type: "Integer",
		Doc: "The maximum partition size to be included in one DescribeTopicPartitions response.",
	},
})

// kafkaKeys lists the keys of a resource that Kafka has too, a line each, as --help does.
func kafkaKeys(r config.Resource) string {
	var lines []string
	for _, k := range config.Keys(r) {
		if k.Flags&(config.Internal|config.Own) == 0 {
			lines = append(lines, "\t"+k.Name)
		}
	}
	return strings.Join(lines, "\n")
}
