package cli

import (
	"slices"

	"github.com/headrace/headrace/internal/cli/jopt"
)

// consoleProducerOptions are the options of kafka-console-producer, in the words of its --help.
var consoleProducerOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{
		Names: []string{"topic"}, Arg: jopt.Required, ArgDoc: "topic",
		Doc: "REQUIRED: The topic name to produce messages to.",
	},
	{
		Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "server to connect to",
		Doc: "REQUIRED: The server(s) to connect to. The broker list string in the form HOST1:PORT1,HOST2:PORT2.",
	},
	{
		Names: []string{"sync"},
		Doc:   "If set message send requests to the brokers are synchronously, one at a time as they arrive.",
	},
	{
		Names: []string{"compression-codec"}, Arg: jopt.Optional, ArgDoc: "compression-codec",
		Doc: "The compression codec: either 'none', 'gzip', 'snappy', 'lz4', or 'zstd'.If specified without value, then it defaults to 'gzip'",
	},
	{
		Names: []string{"batch-size"}, Arg: jopt.Required, ArgDoc: "size", Type: "Integer", Defaults: []string{"16384"},
		Doc: "The buffer size in bytes allocated for a partition. When records are received which are smaller than this size the producer will attempt to optimistically group them together until this size is reached. This is the option to control batch.size in producer configs. Please note that this option will be replaced if max-partition-memory-bytes is also set.",
	},
	{
		Names: []string{"message-send-max-retries"}, Arg: jopt.Required, Type: "Integer", Defaults: []string{"3"},
		Doc: "Brokers can fail receiving the message for multiple reasons, and being unavailable transiently is just one of them. This property specifies the number of retries before the producer give up and drop this message. This is the option to control `retries` in producer configs.",
	},
	{
		Names: []string{"retry-backoff-ms"}, Arg: jopt.Required, Type: "Long", Defaults: []string{"100"},
		Doc: "Before each retry, the producer refreshes the metadata of relevant topics. Since leader election takes a bit of time, this property specifies the amount of time that the producer waits before refreshing the metadata. This is the option to control `retry.backoff.ms` in producer configs.",
	},
	{
		Names: []string{"timeout"}, Arg: jopt.Required, ArgDoc: "timeout_ms", Type: "Long", Defaults: []string{"1000"},
		Doc: "If set and the producer is running in asynchronous mode, this gives the maximum amount of time a message will queue awaiting sufficient batch size. The value is given in ms. This is the option to control `linger.ms` in producer configs.",
	},
	{
		Names: []string{"request-required-acks"}, Arg: jopt.Required, ArgDoc: "request required acks", Defaults: []string{"-1"},
		Doc: "The required `acks` of the producer requests",
	},
	{
		Names: []string{"request-timeout-ms"}, Arg: jopt.Required, ArgDoc: "request timeout ms", Type: "Integer", Defaults: []string{"1500"},
		Doc: "The ack timeout of the producer requests. Value must be non-negative and non-zero.",
	},
	{
		Names: []string{"metadata-expiry-ms"}, Arg: jopt.Required, ArgDoc: "metadata expiration interval", Type: "Long", Defaults: []string{"300000"},
		Doc: "The period of time in milliseconds after which we force a refresh of metadata even if we haven't seen any leadership changes. This is the option to control `metadata.max.age.ms` in producer configs.",
	},
	{
		Names: []string{"max-block-ms"}, Arg: jopt.Required, ArgDoc: "max block on send", Type: "Long", Defaults: []string{"60000"},
		Doc: "The max time that the producer will block for during a send request.",
	},
	{
		Names: []string{"max-memory-bytes"}, Arg: jopt.Required, ArgDoc: "total memory in bytes", Type: "Long", Defaults: []string{"33554432"},
		Doc: "The total memory used by the producer to buffer records waiting to be sent to the server. This is the option to control `buffer.memory` in producer configs.",
	},
	{
		Names: []string{"max-partition-memory-bytes"}, Arg: jopt.Required, ArgDoc: "memory in bytes per partition", Type: "Integer", Defaults: []string{"16384"},
		Doc: "(Deprecated) The buffer size in bytes allocated for a partition. When records are received which are smaller than this size the producer will attempt to optimistically group them together until this size is reached. This is the option to control batch.size in producer configs. This option will be removed in Apache Kafka 5.0. Use --batch-size instead.",
	},
	{
		Names: []string{"line-reader"}, Arg: jopt.Required, ArgDoc: "reader_class", Defaults: []string{"org.apache.kafka.tools.LineMessageReader"},
		Doc: "The class name of the class to use for reading lines from standard in. By default each line is read as a separate message.",
	},
	{
		Names: []string{"socket-buffer-size"}, Arg: jopt.Required, ArgDoc: "size", Type: "Integer", Defaults: []string{"102400"},
		Doc: "The size of the tcp RECV size. This is the option to control `send.buffer.bytes` in producer configs.",
	},
	{
		Names: []string{"property"}, Arg: jopt.Required, ArgDoc: "prop",
		Doc: "(DEPRECATED) A mechanism to pass user-defined properties in the form key=value to the message reader. This allows custom configuration for a user-defined message reader.\nDefault properties include:\n parse.key=false\n parse.headers=false\n ignore.error=false\n key.separator=\\t\n headers.delimiter=\\t\n headers.separator=,\n headers.key.separator=:\n null.marker=   When set, any fields (key, value and headers) equal to this will be replaced by null\nDefault parsing pattern when:\n parse.headers=true and parse.key=true:\n  \"h1:v1,h2:v2...\\tkey\\tvalue\"\n parse.key=true:\n  \"key\\tvalue\"\n parse.headers=true:\n  \"h1:v1,h2:v2...\\tvalue\"\n This option will be removed in a future version. Use --reader-property instead.",
	},
	{
		Names: []string{"reader-property"}, Arg: jopt.Required, ArgDoc: "prop",
		Doc: "A mechanism to pass user-defined properties in the form key=value to the message reader. This allows custom configuration for a user-defined message reader.\nDefault properties include:\n parse.key=false\n parse.headers=false\n ignore.error=false\n key.separator=\\t\n headers.delimiter=\\t\n headers.separator=,\n headers.key.separator=:\n null.marker=   When set, any fields (key, value and headers) equal to this will be replaced by null\nDefault parsing pattern when:\n parse.headers=true and parse.key=true:\n  \"h1:v1,h2:v2...\\tkey\\tvalue\"\n parse.key=true:\n  \"key\\tvalue\"\n parse.headers=true:\n  \"h1:v1,h2:v2...\\tvalue\"",
	},
	{
		Names: []string{"reader-config"}, Arg: jopt.Required, ArgDoc: "config file",
		Doc: "Config properties file for the message reader. Note that [reader-property] takes precedence over this config.",
	},
	{
		Names: []string{"producer-property"}, Arg: jopt.Required, ArgDoc: "producer_prop",
		Doc: "(DEPRECATED) Producer config properties in the form key=value. This option will be removed in a future version. Use --command-property instead.",
	},
	{
		Names: []string{"command-property"}, Arg: jopt.Required, ArgDoc: "producer_prop",
		Doc: "Producer config properties in the form key=value.",
	},
	{
		Names: []string{"producer.config"}, Arg: jopt.Required, ArgDoc: "config file",
		Doc: "(DEPRECATED) Producer config properties file. Note that [command-property] takes precedence over this config. This option will be removed in a future version. Use --command-config instead.",
	},
	{
		Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "config file",
		Doc: "Producer config properties file. Note that [command-property] takes precedence over this config.",
	},
})
