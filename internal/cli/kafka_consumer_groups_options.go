package cli

import (
	"slices"

	"github.com/headrace/headrace/internal/cli/jopt"
)

// consumerGroupsOptions are the options of kafka-consumer-groups, in the words of its --help.
var consumerGroupsOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{
		Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "server to connect to",
		Doc: "The server(s) to connect to. REQUIRED for all options except for --validate-regex.",
	},
	{
		Names: []string{"group"}, Arg: jopt.Required, ArgDoc: "consumer group",
		Doc: "The consumer group we wish to act on.",
	},
	{
		Names: []string{"topic"}, Arg: jopt.Required, ArgDoc: "topic",
		Doc: "The topic whose consumer group information should be deleted or topic whose should be included in the reset offset process. In `reset-offsets` case, partitions can be specified using this format: `topic1:0,1,2`, where 0,1,2 are the partition to be included in the process. Reset-offsets also supports multiple topic inputs.",
	},
	{
		Names: []string{"all-topics"},
		Doc:   "Consider all topics assigned to a group in the `reset-offsets` process.",
	},
	{
		Names: []string{"list"},
		Doc:   "List all consumer groups.",
	},
	{
		Names: []string{"describe"},
		Doc:   "Describe consumer group and list offset lag (number of messages not yet processed) related to given group.",
	},
	{
		Names: []string{"all-groups"},
		Doc:   "Apply to all consumer groups.",
	},
	{
		Names: []string{"delete"},
		Doc:   "Pass in groups to delete topic partition offsets and ownership information over the entire consumer group. For instance --group g1 --group g2",
	},
	{
		Names: []string{"timeout"}, Arg: jopt.Required, ArgDoc: "timeout (ms)", Type: "Long", Defaults: []string{"30000"},
		Doc: "The timeout that can be set for some use cases. For example, it can be used when describing the group to specify the maximum amount of time in milliseconds to wait before the group stabilizes (when the group is just created, or is going through some changes).",
	},
	{
		Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "command config property file",
		Doc: "Property file containing configs to be passed to Admin Client and Consumer.",
	},
	{
		Names: []string{"reset-offsets"},
		Doc:   "Reset offsets of consumer group. Supports one consumer group at the time, and instances should be inactive\nHas 2 execution options: --dry-run (the default) to plan which offsets to reset, and --execute to update the offsets. Additionally, the --export option is used to export the results to a CSV format.\nYou must choose one of the following reset specifications: --to-datetime, --by-duration, --to-earliest, --to-latest, --shift-by, --from-file, --to-current, --to-offset.\nTo define the scope use --all-topics or --topic. One scope must be specified unless you use '--from-file'.",
	},
	{
		Names: []string{"delete-offsets"},
		Doc:   "Delete offsets of consumer group. Supports one consumer group at the time, and multiple topics.",
	},
	{
		Names: []string{"dry-run"},
		Doc:   "Only show results without executing changes on Consumer Groups. Supported operations: reset-offsets.",
	},
	{
		Names: []string{"execute"},
		Doc:   "Execute operation. Supported operations: reset-offsets.",
	},
	{
		Names: []string{"export"},
		Doc:   "Export operation execution to a CSV file. Supported operations: reset-offsets.",
	},
	{
		Names: []string{"to-offset"}, Arg: jopt.Required, ArgDoc: "offset", Type: "Long",
		Doc: "Reset offsets to a specific offset.",
	},
	{
		Names: []string{"from-file"}, Arg: jopt.Required, ArgDoc: "path to CSV file",
		Doc: "Reset offsets to values defined in CSV file.",
	},
	{
		Names: []string{"to-datetime"}, Arg: jopt.Required, ArgDoc: "datetime",
		Doc: "Reset offsets to offset from datetime. Format: 'YYYY-MM-DDThh:mm:ss.sss'",
	},
	{
		Names: []string{"by-duration"}, Arg: jopt.Required, ArgDoc: "duration",
		Doc: "Reset offsets to offset by duration from current timestamp. Format: 'PnDTnHnMnS'",
	},
	{
		Names: []string{"to-earliest"},
		Doc:   "Reset offsets to earliest offset.",
	},
	{
		Names: []string{"to-latest"},
		Doc:   "Reset offsets to latest offset.",
	},
	{
		Names: []string{"to-current"},
		Doc:   "Reset offsets to current offset.",
	},
	{
		Names: []string{"shift-by"}, Arg: jopt.Required, ArgDoc: "number-of-offsets", Type: "Long",
		Doc: "Reset offsets shifting current offset by 'n', where 'n' can be positive or negative.",
	},
	{
		Names: []string{"members"},
		Doc:   "Describe members of the group. This option may be used with '--describe' and '--bootstrap-server' options only.\nExample: --bootstrap-server localhost:9092 --describe --group group1 --members",
	},
	{
		Names: []string{"verbose"},
		Doc:   "Provide additional information, if any, when describing the group. This option may be used with '--offsets'/'--members'/'--state' and '--bootstrap-server' options only.\nExample: --bootstrap-server localhost:9092 --describe --group group1 --members --verbose",
	},
	{
		Names: []string{"offsets"},
		Doc:   "Describe the group and list all topic partitions in the group along with their offset lag. This is the default sub-action of and may be used with '--describe' and '--bootstrap-server' options only.\nExample: --bootstrap-server localhost:9092 --describe --group group1 --offsets",
	},
	{
		Names: []string{"state"}, Arg: jopt.Optional,
		Doc: "When specified with '--describe', includes the state of the group.\nExample: --bootstrap-server localhost:9092 --describe --group group1 --state\nWhen specified with '--list', it displays the state of all groups. It can also be used to list groups with specific states.\nExample: --bootstrap-server localhost:9092 --list --state stable,empty\nThis option may be used with '--describe', '--list' and '--bootstrap-server' options only.",
	},
	{
		Names: []string{"type"}, Arg: jopt.Optional,
		Doc: "When specified with '--list', it displays the types of all the groups. It can also be used to list groups with specific types.\nExample: --bootstrap-server localhost:9092 --list --type classic,consumer\nThis option may be used with the '--list' option only.",
	},
	{
		Names: []string{"validate-regex"}, Arg: jopt.Required, ArgDoc: "regex",
		Doc: "Validate that the syntax of the provided regular expression is valid according to the RE2 format.",
	},
})
