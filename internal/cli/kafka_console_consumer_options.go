package cli

import (
	"slices"

	"github.com/headrace/headrace/internal/cli/jopt"
)

// consoleConsumerOptions are the options of kafka-console-consumer, in the words of its --help.
var consoleConsumerOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{
		Names: []string{"topic"}, Arg: jopt.Required, ArgDoc: "topic",
		Doc: "The topic to consume from.",
	},
	{
		Names: []string{"include"}, Arg: jopt.Required, ArgDoc: "Java regex (String)",
		Doc: "Regular expression specifying list of topics to include for consumption.",
	},
	{
		Names: []string{"partition"}, Arg: jopt.Required, ArgDoc: "partition", Type: "Integer",
		Doc: "The partition to consume from. Consumption starts from the end of the partition unless '--offset' is specified.",
	},
	{
		Names: []string{"offset"}, Arg: jopt.Required, ArgDoc: "consume offset", Defaults: []string{"latest"},
		Doc: "The offset to consume from (a non-negative number), or 'earliest' which means from beginning, or 'latest' which means from end",
	},
	{
		Names: []string{"consumer-property"}, Arg: jopt.Required, ArgDoc: "consumer_prop",
		Doc: "(DEPRECATED) Consumer config properties in the form key=value. This option will be removed in a future version. Use --command-property instead.",
	},
	{
		Names: []string{"command-property"}, Arg: jopt.Required, ArgDoc: "consumer_prop",
		Doc: "Consumer config properties in the form key=value.",
	},
	{
		Names: []string{"consumer.config"}, Arg: jopt.Required, ArgDoc: "config file",
		Doc: "(DEPRECATED) Consumer config properties file. Note that [command-property] takes precedence over this config. This option will be removed in a future version. Use --command-config instead.",
	},
	{
		Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "config file",
		Doc: "Consumer config properties file. Note that [command-property] takes precedence over this config.",
	},
	{
		Names: []string{"formatter"}, Arg: jopt.Required, ArgDoc: "class", Defaults: []string{"org.apache.kafka.tools.consumer.DefaultMessageFormatter"},
		Doc: "The name of a class to use for formatting kafka messages for display.",
	},
	{
		Names: []string{"property"}, Arg: jopt.Required, ArgDoc: "prop",
		Doc: "(DEPRECATED) The properties to initialize the message formatter. Default properties include: \n print.timestamp=true|false\n print.key=true|false\n print.offset=true|false\n print.epoch=true|false\n print.partition=true|false\n print.headers=true|false\n print.value=true|false\n key.separator=<key.separator>\n line.separator=<line.separator>\n headers.separator=<headers.separator>\n null.literal=<null.literal>\n key.deserializer=<key.deserializer>\n value.deserializer=<value.deserializer>\n header.deserializer=<header.deserializer>\n\nUsers can also pass in customized properties for their formatter; more specifically, users can pass in properties keyed with 'key.deserializer.', 'value.deserializer.' and 'headers.deserializer.' prefixes to configure their deserializers. \nThis option will be removed in a future version. Use --formatter-property instead.",
	},
	{
		Names: []string{"formatter-property"}, Arg: jopt.Required, ArgDoc: "prop",
		Doc: "The properties to initialize the message formatter. Default properties include: \n print.timestamp=true|false\n print.key=true|false\n print.offset=true|false\n print.epoch=true|false\n print.partition=true|false\n print.headers=true|false\n print.value=true|false\n key.separator=<key.separator>\n line.separator=<line.separator>\n headers.separator=<headers.separator>\n null.literal=<null.literal>\n key.deserializer=<key.deserializer>\n value.deserializer=<value.deserializer>\n header.deserializer=<header.deserializer>\n\nUsers can also pass in customized properties for their formatter; more specifically, users can pass in properties keyed with 'key.deserializer.', 'value.deserializer.' and 'headers.deserializer.' prefixes to configure their deserializers.",
	},
	{
		Names: []string{"formatter-config"}, Arg: jopt.Required, ArgDoc: "config file",
		Doc: "Config properties file to initialize the message formatter. Note that [formatter-property] takes precedence over this config.",
	},
	{
		Names: []string{"from-beginning"},
		Doc:   "If the consumer does not already have an established offset to consume from, start with the earliest message present in the log rather than the latest message.",
	},
	{
		Names: []string{"max-messages"}, Arg: jopt.Required, ArgDoc: "num_messages", Type: "Integer",
		Doc: "The maximum number of messages to consume before exiting. If not set, consumption is continual.",
	},
	{
		Names: []string{"timeout-ms"}, Arg: jopt.Required, ArgDoc: "timeout_ms", Type: "Long",
		Doc: "If specified, exit if no message is available for consumption for the specified interval.",
	},
	{
		Names: []string{"skip-message-on-error"},
		Doc:   "If there is an error when processing a message, skip it instead of halt.",
	},
	{
		Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "server to connect to",
		Doc: "REQUIRED: The server(s) to connect to.",
	},
	{
		Names: []string{"key-deserializer"}, Arg: jopt.Required, ArgDoc: "deserializer for keys",
		Doc: "The name of the class to use for deserializing keys.",
	},
	{
		Names: []string{"value-deserializer"}, Arg: jopt.Required, ArgDoc: "deserializer for values",
		Doc: "The name of the class to use for deserializing values.",
	},
	{
		Names: []string{"enable-systest-events"},
		Doc:   "Log lifecycle events of the consumer in addition to logging consumed messages. (This is specific for system tests.)",
	},
	{
		Names: []string{"isolation-level"}, Arg: jopt.Required, Defaults: []string{"read_uncommitted"},
		Doc: "Set to read_committed in order to filter out transactional messages which are not committed. Set to read_uncommitted to read all messages.",
	},
	{
		Names: []string{"group"}, Arg: jopt.Required, ArgDoc: "consumer group id",
		Doc: "The consumer group id of the consumer.",
	},
})
