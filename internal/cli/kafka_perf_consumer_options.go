package cli

import (
	"slices"

	"github.com/headrace/headrace/internal/cli/jopt"
)

// consumerPerfOptions are the options of kafka-consumer-perf-test, in the words of its --help. The default group is
// drawn anew for each run.
func consumerPerfOptions(group string) []*jopt.Option {
	return slices.Concat(jopt.Default(), []*jopt.Option{
		{
			Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "server to connect to",
			Doc: "REQUIRED: The server(s) to connect to.",
		},
		{
			Names: []string{"topic"}, Arg: jopt.Required, ArgDoc: "topic",
			Doc: "The topic to consume from.",
		},
		{
			Names: []string{"include"}, Arg: jopt.Required, ArgDoc: "Java regex (String)",
			Doc: "Regular expression specifying list of topics to include for consumption.",
		},
		{
			Names: []string{"group"}, Arg: jopt.Required, ArgDoc: "gid", Defaults: []string{group},
			Doc: "The group id to consume on.",
		},
		{
			Names: []string{"fetch-size"}, Arg: jopt.Required, ArgDoc: "size", Type: "Integer", Defaults: []string{"1048576"},
			Doc: "The maximum amount of data to fetch from a single partition per request.",
		},
		{
			Names: []string{"command-property"}, Arg: jopt.Required, ArgDoc: "prop1=val1",
			Doc: "Kafka consumer related configuration properties like client.id. These configs take precedence over those passed via --command-config or --consumer.config.",
		},
		{
			Names: []string{"from-latest"},
			Doc:   "If the consumer does not already have an established offset to consume from, start with the latest record present in the log rather than the earliest record.",
		},
		{
			Names: []string{"socket-buffer-size"}, Arg: jopt.Required, ArgDoc: "size", Type: "Integer", Defaults: []string{"2097152"},
			Doc: "The size of the tcp RECV size.",
		},
		{
			Names: []string{"consumer.config"}, Arg: jopt.Required, ArgDoc: "config file",
			Doc: "(DEPRECATED) Consumer config properties file. This option will be removed in a future version. Use --command-config instead.",
		},
		{
			Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "config file",
			Doc: "Config properties file.",
		},
		{
			Names: []string{"print-metrics"},
			Doc:   "Print out the metrics.",
		},
		{
			Names: []string{"show-detailed-stats"},
			Doc:   "If set, stats are reported for each reporting interval as configured by reporting-interval.",
		},
		{
			Names: []string{"timeout"}, Arg: jopt.Optional, ArgDoc: "milliseconds", Type: "Long", Defaults: []string{"10000"},
			Doc: "The maximum allowed time in milliseconds between returned records.",
		},
		{
			Names: []string{"messages"}, Arg: jopt.Required, ArgDoc: "count", Type: "Long",
			Doc: "(DEPRECATED) The number of records to consume. This option will be removed in a future version. Use --num-records instead.",
		},
		{
			Names: []string{"num-records"}, Arg: jopt.Required, ArgDoc: "count", Type: "Long",
			Doc: "REQUIRED: The number of records to consume.",
		},
		{
			Names: []string{"reporting-interval"}, Arg: jopt.Required, ArgDoc: "interval_ms", Type: "Long", Defaults: []string{"5000"},
			Doc: "Interval in milliseconds at which to print progress info.",
		},
		{
			Names: []string{"date-format"}, Arg: jopt.Required, ArgDoc: "date format", Defaults: []string{"yyyy-MM-dd HH:mm:ss:SSS"},
			Doc: "The date format to use for formatting the time field. See java.text.SimpleDateFormat for options.",
		},
		{
			Names: []string{"hide-header"},
			Doc:   "If set, skips printing the header for the stats.",
		},
	})
}
