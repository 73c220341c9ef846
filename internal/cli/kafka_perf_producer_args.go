package cli

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/cli/argparse"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// payloadGroup holds the ways to say what is sent.
const payloadGroup = "payload"

// producerPerfParser has the arguments of kafka-producer-perf-test, in the words of its --help.
var producerPerfParser = &argparse.Parser{
	Prog: "kafka-producer-perf-test",
	Description: "This tool is used to verify the producer performance. To enable transactions, you can specify a transactional id or set a transaction duration using --transaction-duration-ms. " +
		"There are three ways to specify the transactional id: set transactional.id=<id> via --command-property, set transactional.id=<id> in the config file via --command-config, or use --transactional-id <id>.",
	Groups: []argparse.Group{{
		Name: payloadGroup, Required: true,
		Description: "Note that you must provide exactly one of --record-size, --payload-file or --payload-monotonic.",
	}},
	Args: []argparse.Arg{
		{Name: "--bootstrap-server", Metavar: "BOOTSTRAP-SERVER", Help: "The server(s) to connect to. This config takes precedence over bootstrap.servers specified via --command-property or --command-config."},
		{Name: "--topic", Metavar: "TOPIC", Required: true, Help: "Produce records to this topic."},
		{Name: "--num-records", Metavar: "NUM-RECORDS", Kind: argparse.Long, Required: true, Help: "Number of records to produce."},
		{
			Name: "--record-size", Metavar: "RECORD-SIZE", Kind: argparse.Int, Group: payloadGroup,
			Help: "Record size in bytes. Note that you must provide exactly one of --record-size, --payload-file or --payload-monotonic.",
		},
		{
			Name: "--payload-file", Metavar: "PAYLOAD-FILE", Group: payloadGroup,
			Help: "File to read the record payloads from. This works only for UTF-8 encoded text files. Payloads will be read from this file and a payload will be randomly selected when sending records. " +
				"Note that you must provide exactly one of --record-size, --payload-file or --payload-monotonic.",
		},
		{
			Name: "--payload-monotonic", Kind: argparse.Flag, Group: payloadGroup,
			Help: "Payload is a monotonically increasing integer. Note that you must provide exactly one of --record-size, --payload-file or --payload-monotonic.",
		},
		{
			Name: "--payload-delimiter", Metavar: "PAYLOAD-DELIMITER", Default: `\n`,
			Help: "Provides the delimiter to be used when --payload-file is provided. Defaults to new line. Note that this parameter will be ignored if --payload-file is not provided.",
		},
		{Name: "--throughput", Metavar: "THROUGHPUT", Kind: argparse.Double, Required: true, Help: "Throttle maximum record throughput to *approximately* THROUGHPUT records/sec. Set this to -1 to disable throttling."},
		{
			Name: "--producer-props", Metavar: "PROP-NAME=PROP-VALUE", Kind: argparse.Strings,
			Help: "(DEPRECATED) Kafka producer related configuration properties like client.id. These configs take precedence over those passed via --command-config or --producer.config. " +
				"This option will be removed in a future version. Use --command-property instead. Example: --command-property linger.ms=10 batch.size=32768",
		},
		{
			Name: "--command-property", Metavar: "PROP-NAME=PROP-VALUE", Kind: argparse.Strings,
			Help: "Kafka producer related configuration properties like client.id. These configs take precedence over those passed via --command-config or --producer.config. " +
				"Example: --command-property linger.ms=10 batch.size=32768",
		},
		{
			Name: "--producer.config", Metavar: "CONFIG-FILE",
			Help: "(DEPRECATED) Producer config properties file. This option will be removed in a future version. Use --command-config instead.",
		},
		{Name: "--command-config", Metavar: "CONFIG-FILE", Help: "Producer config properties file."},
		{Name: "--print-metrics", Kind: argparse.Flag, Help: "Print out metrics at the end of the test."},
		{
			Name: "--transactional-id", Metavar: "TRANSACTIONAL-ID",
			Help: "The transactional id to use. This config takes precedence over the transactional.id specified via --command-property or --command-config. " +
				"Note that if the transactional id is not specified while --transaction-duration-ms is provided, the default value for the transactional id will be performance-producer- followed by a random uuid.",
		},
		{
			Name: "--transaction-duration-ms", Metavar: "TRANSACTION-DURATION", Kind: argparse.Long,
			Help: "The maximum duration of each transaction. The commitTransaction will be called after this time has elapsed. The value should be greater than 0. " +
				"If the transactional id is specified via --command-property, --command-config or --transactional-id but --transaction-duration-ms is not specified, the default value will be 3000.",
		},
		{
			Name: "--warmup-records", Metavar: "WARMUP-RECORDS", Kind: argparse.Long, Default: "0",
			Help: "The number of records to treat as warmup. These initial records will not be included in steady-state statistics. An additional summary line will be printed describing the steady-state statistics.",
		},
		{Name: "--reporting-interval", Metavar: "INTERVAL-MS", Kind: argparse.Long, Default: "5000", Help: "Interval in milliseconds at which to print progress info."},
	},
}

// producerPerfSettings are what the command line says, checked. As ProducerPerformance.ConfigPostProcessor.
type producerPerfSettings struct {
	topic         string
	records       int64
	warmup        int64
	recordSize    int // 0: other payloads
	payloads      [][]byte
	throughput    float64
	interval      int64 // milliseconds between two lines
	printMetrics  bool
	transactionMs int64 // 0: no transactions
	props         map[string]string
}

func readProducerPerfSettings(ctx context.Context, t *tool, args []string) (producerPerfSettings, error) {
	v, err := producerPerfParser.Parse(args)
	if err != nil {
		return producerPerfSettings{}, err
	}
	s := producerPerfSettings{
		topic: v.String("--topic"), records: v.Long("--num-records"), warmup: max(v.Long("--warmup-records"), 0),
		recordSize: int(v.Long("--record-size")), throughput: v.Double("--throughput"), interval: v.Long("--reporting-interval"),
		printMetrics: v.Flag("--print-metrics"),
	}
	if err := checkProducerPerf(v, s); err != nil {
		return s, err
	}
	if v.Has("--payload-file") {
		if s.payloads, err = readPayloads(t, v.String("--payload-file"), v.String("--payload-delimiter")); err != nil {
			return s, err
		}
	}
	words, path := v.Strings("--command-property"), v.String("--command-config")
	if v.Has("--producer-props") {
		words = v.Strings("--producer-props")
		t.printf("Option --producer-props has been deprecated and will be removed in a future version. Use --command-property instead.\n")
	}
	if v.Has("--producer.config") {
		path = v.String("--producer.config")
		t.printf("Option --producer.config has been deprecated and will be removed in a future version. Use --command-config instead.\n")
	}
	if s.props, err = producerPerfProps(words, path); err != nil {
		return s, err
	}
	if v.Has("--bootstrap-server") {
		s.props["bootstrap.servers"] = v.String("--bootstrap-server")
	}
	s.transactions(v)
	return s, nil
}

func checkProducerPerf(v *argparse.Values, s producerPerfSettings) error {
	connected := false
	for _, name := range []string{"--bootstrap-server", "--command-property", "--producer-props", "--producer.config", "--command-config"} {
		connected = connected || v.Has(name)
	}
	for _, rule := range []struct {
		broken bool
		says   string
	}{
		{s.records <= 0, "--num-records should be greater than zero."},
		{s.warmup >= s.records, "The value for --warmup-records must be strictly fewer than the number of records in the test, --num-records."},
		{v.Has("--record-size") && s.recordSize <= 0, "--record-size should be greater than zero."},
		{!connected, "At least one of --bootstrap-server, --command-property, --producer-props, --producer.config or --command-config must be specified."},
		{v.Has("--command-property") && v.Has("--producer-props"), "--command-property and --producer-props cannot be specified together."},
		{v.Has("--command-config") && v.Has("--producer.config"), "--command-config and --producer.config cannot be specified together."},
		{v.Has("--transaction-duration-ms") && v.Long("--transaction-duration-ms") <= 0, "--transaction-duration-ms should be greater than zero."},
		{s.interval <= 0, "--reporting-interval should be greater than zero."},
	} {
		if rule.broken {
			return &argparse.Error{Msg: rule.says}
		}
	}
	return nil
}

func illegalArgument(format string, args ...any) error {
	return &javaerr.Exception{Class: "java.lang.IllegalArgumentException", Message: fmt.Sprintf(format, args...)}
}

func producerPerfProps(words []string, path string) (map[string]string, error) {
	props, err := fileProperties(path)
	if err != nil {
		return nil, err
	}
	given := map[string]string{}
	for _, w := range words {
		pieces := strings.Split(strings.TrimRight(w, "="), "=") // as Java's split, which drops empty ends
		if len(pieces) != 2 {
			return nil, illegalArgument("Invalid property: %s", w)
		}
		given[pieces[0]] = pieces[1]
	}
	maps.Copy(props, given)
	if _, ok := props["client.id"]; !ok {
		props["client.id"] = "perf-producer-client"
	}
	return props, nil
}

// transactions switches them on if anything asks for them.
func (s *producerPerfSettings) transactions(v *argparse.Values) {
	_, inProps := s.props["transactional.id"]
	if !v.Has("--transaction-duration-ms") && !v.Has("--transactional-id") && !inProps {
		return
	}
	const defaultMs = 3000
	s.transactionMs = defaultMs
	if v.Has("--transaction-duration-ms") {
		s.transactionMs = v.Long("--transaction-duration-ms")
	}
	switch {
	case v.Has("--transactional-id"):
		s.props["transactional.id"] = v.String("--transactional-id")
	case !inProps:
		s.props["transactional.id"] = "performance-producer-" + strconv.FormatUint(rand.Uint64(), 36)
	}
}

// readPayloads reads the payloads of a file, which the regular expression delimiter separates.
func readPayloads(t *tool, path, delimiter string) ([][]byte, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	t.printf("Reading payloads from: %s\n", absolute)
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 {
		return nil, illegalArgument("File does not exist or empty file provided.")
	}
	if delimiter == `\n` {
		delimiter = "\n"
	}
	separator, err := regexp.Compile(delimiter)
	if err != nil {
		return nil, &javaerr.Exception{Class: "java.util.regex.PatternSyntaxException", Message: err.Error()}
	}
	payloads := scanPayloads(data, separator)
	t.printf("Number of records read: %d\n", len(payloads))
	return payloads, nil
}

// scanPayloads cuts data as java.util.Scanner: one separator before a payload is skipped, two in a row hold an empty
// payload.
func scanPayloads(data []byte, separator *regexp.Regexp) [][]byte {
	var out [][]byte
	for len(data) > 0 {
		if at := separator.FindIndex(data); at != nil && at[0] == 0 && at[1] > 0 {
			data = data[at[1]:]
		}
		if len(data) == 0 {
			break
		}
		end := len(data)
		for _, at := range separator.FindAllIndex(data, -1) {
			if at[1] > at[0] {
				end = at[0]
				break
			}
		}
		out = append(out, data[:end])
		data = data[end:]
	}
	return out
}
