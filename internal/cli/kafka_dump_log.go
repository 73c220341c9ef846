package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/cli/dump"
	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/kafka/schema"
)

// dumpLogOptions are the options of kafka-dump-log, in the words of its --help.
var dumpLogOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{Names: []string{"print-data-log"}, Doc: "If set, printing the messages content when dumping data logs. Automatically set if any decoder option is specified."},
	{Names: []string{"verify-index-only"}, Doc: "If set, just verify the index log without printing its content."},
	{
		Names: []string{"index-sanity-check"},
		Doc:   "If set, just checks the index sanity without printing its content. This is the same check that is executed on broker startup to determine if an index needs rebuilding or not.",
	},
	{
		Names: []string{"files"}, Arg: jopt.Required, ArgDoc: "file1, file2, ...",
		Doc: "REQUIRED: The comma separated list of data and index log files to be dumped.",
	},
	{Names: []string{"max-message-size"}, Arg: jopt.Required, ArgDoc: "size", Type: "Integer", Defaults: []string{"5242880"}, Doc: "Size of largest message."},
	{
		Names: []string{"max-bytes"}, Arg: jopt.Required, ArgDoc: "size", Type: "Integer", Defaults: []string{"2147483647"},
		Doc: "Limit the amount of total batches read in bytes avoiding reading the whole .log file(s).",
	},
	{Names: []string{"deep-iteration"}, Doc: "If set, uses deep instead of shallow iteration. Automatically set if print-data-log is enabled."},
	{
		Names: []string{"value-decoder-class"}, Arg: jopt.Optional, Defaults: []string{dump.StringDecoder},
		Doc: "If set, used to deserialize the messages. This class should implement org.apache.kafka.tools.api.Decoder trait. Custom jar should be available in kafka/libs directory.",
	},
	{
		Names: []string{"key-decoder-class"}, Arg: jopt.Optional, Defaults: []string{dump.StringDecoder},
		Doc: "If set, used to deserialize the keys. This class should implement org.apache.kafka.tools.api.Decoder trait. Custom jar should be available in kafka/libs directory.",
	},
	{Names: []string{"offsets-decoder"}, Doc: "If set, log data will be parsed as offset data from the __consumer_offsets topic."},
	{Names: []string{"transaction-log-decoder"}, Doc: "If set, log data will be parsed as transaction metadata from the __transaction_state topic."},
	{Names: []string{"cluster-metadata-decoder"}, Doc: "If set, log data will be parsed as cluster metadata records."},
	{
		Names: []string{"remote-log-metadata-decoder"},
		Doc:   "If set, log data will be parsed as TopicBasedRemoteLogMetadataManager (RLMM) metadata records. Instead, the value-decoder-class option can be used if a custom RLMM implementation is configured.",
	},
	{Names: []string{"share-group-state-decoder"}, Doc: "If set, log data will be parsed as share group state data from the __share_group_state topic."},
	{Names: []string{"skip-record-metadata"}, Doc: "Skip metadata when printing records. This flag also skips control records."},
})

// dumpDecoders are the options that choose a decoder; the first one that is there counts.
var dumpDecoders = []struct {
	option  string
	decoder dump.Decoder
}{
	{"offsets-decoder", dump.Coordinator{Coordinator: schema.Groups(), Members: true}},
	{"transaction-log-decoder", dump.Coordinator{Coordinator: schema.Transactions()}},
	{"cluster-metadata-decoder", dump.Metadata{}},
	{"remote-log-metadata-decoder", dump.RemoteLog{}},
	{"share-group-state-decoder", dump.Coordinator{Coordinator: schema.Shares()}},
}

// kafkaDumpLog is kafka-dump-log, as org.apache.kafka.tools.DumpLogSegments. It reads Headrace's own files too, by what
// they begin with.
func kafkaDumpLog(_ context.Context, t *tool, args []string) int {
	p := &jopt.Parser{Options: dumpLogOptions}
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return t.uncaught(p.Usage("%s", err))
	}
	s, err := p.Parse(args)
	if err != nil {
		return t.uncaught(err)
	}
	if status, done := t.helpOrVersion(p, s, args, "This tool helps to parse a log file and dump its contents to the console, useful for debugging a seemingly corrupt log segment."); done {
		return status
	}
	if err := p.CheckRequired(s, "files"); err != nil {
		return t.uncaught(err)
	}
	if err := t.dumpLog(s, asJSON); err != nil {
		return t.uncaught(err)
	}
	return exitOK
}

func (t *tool) dumpLog(s *jopt.Set, asJSON bool) error {
	value, err := s.Value("files")
	if err != nil {
		return err
	}
	files := strings.Split(strings.TrimRight(value, ","), ",")
	o, err := dumpLogSettings(s)
	if err != nil {
		if !asJSON {
			t.printf("Dumping %s\n", files[0]) // the original looks at these options as late as that
		}
		return err
	}
	o.JSON = asJSON
	d := dump.New(t.out, t.err, o)
	for _, file := range files {
		if err := d.File(file); err != nil {
			return kafkaException(d.Abort(err))
		}
	}
	return d.Close()
}

func dumpLogSettings(s *jopt.Set) (o dump.Options, err error) {
	o = dump.Options{
		Contents:   s.Has("print-data-log") || s.Has("value-decoder-class") || s.Has("key-decoder-class"),
		VerifyOnly: s.Has("verify-index-only"), SanityOnly: s.Has("index-sanity-check"), SkipMetadata: s.Has("skip-record-metadata"),
	}
	if o.MaxMessageBytes, err = s.Int("max-message-size"); err != nil {
		return o, err
	}
	if o.MaxBytes, err = s.Int("max-bytes"); err != nil {
		return o, err
	}
	for _, d := range dumpDecoders {
		if s.Has(d.option) {
			o.Contents = true
			if o.Decoder == nil {
				o.Decoder = d.decoder
			}
		}
	}
	o.Deep = o.Contents || s.Has("deep-iteration")
	if o.Decoder != nil {
		return o, nil
	}
	key, err := s.Value("key-decoder-class")
	if err != nil {
		return o, err
	}
	value, err := s.Value("value-decoder-class")
	if err != nil {
		return o, err
	}
	o.Decoder, err = dump.Classes(key, value)
	return o, err
}
