package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/cli/console"
	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// deleteRecordsOptions are the options of kafka-delete-records, in the words of its --help.
var deleteRecordsOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{
		Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "server(s) to use for bootstrapping",
		Doc: "REQUIRED: The server to connect to.",
	},
	{
		Names: []string{"offset-json-file"}, Arg: jopt.Required, ArgDoc: "Offset json file path",
		Doc: "REQUIRED: The JSON file with offset per partition. The format to use is:\n" +
			"{\"partitions\":\n  [{\"topic\": \"foo\", \"partition\": 1, \"offset\": 1}],\n \"version\":1\n}",
	},
	{
		Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "command config property file path",
		Doc: "A property file containing configs to be passed to Admin Client.",
	},
})

// kafkaDeleteRecords is kafka-delete-records, as org.apache.kafka.tools.DeleteRecordsCommand.
//
// Deviation: the exit status is 1 when the records of a partition could not be deleted; the original's is 0 then. And a
// partition that does not exist is told at once; the original looks for it until default.api.timeout.ms is over.
func kafkaDeleteRecords(ctx context.Context, t *tool, args []string) int {
	p := &jopt.Parser{Options: deleteRecordsOptions}
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return t.uncaught(p.Usage("%s", err))
	}
	s, err := p.Parse(args)
	if err != nil {
		return t.failed(ctx, err)
	}
	if status, done := t.helpOrVersion(p, s, args, "This tool helps to delete records of the given partitions down to the specified offset."); done {
		return status
	}
	if err := p.CheckRequired(s, "bootstrap-server", "offset-json-file"); err != nil {
		return t.uncaught(err)
	}
	failed, err := t.deleteRecords(ctx, s, asJSON)
	switch {
	case err != nil:
		return t.failed(ctx, err)
	case failed:
		return exitFailed
	}
	return exitOK
}

// failed tells of what a command failed with as those whose main prints message and stack trace.
func (t *tool) failed(ctx context.Context, err error) int {
	switch {
	case errors.As(err, new(*jopt.UsageError)):
		return t.uncaught(err)
	case ctx.Err() != nil:
		return exitInterrupted
	}
	t.errorf("%s\n%s\n", messageOf(err), console.StackTrace(err))
	return exitFailed
}

// deleteRecords does it; failed says that some partitions have their records still.
func (t *tool) deleteRecords(ctx context.Context, s *jopt.Set, asJSON bool) (failed bool, err error) {
	a, err := connectAdmin(ctx, s, t.log)
	if err != nil {
		return false, err
	}
	defer a.Close()
	path, err := s.Value("offset-json-file")
	if err != nil {
		return false, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return false, &javaerr.Exception{Class: "java.io.IOException", Message: "Unable to read file " + filepath.Clean(path), Cause: err}
	}
	before, err := parseRecordsToDelete(text)
	if err != nil {
		return false, err
	}
	if !asJSON {
		t.printf("Executing records delete operation\n")
	}
	found, err := a.DeleteRecords(ctx, before)
	if err != nil {
		return false, err
	}
	if !asJSON {
		t.printf("Records delete operation completed:\n")
	}
	type row struct {
		Topic        string `json:"topic"`
		Partition    int32  `json:"partition"`
		LowWatermark *int64 `json:"lowWatermark,omitempty"`
		Error        string `json:"error,omitempty"`
	}
	rows := []row{}
	for _, tp := range slices.SortedFunc(maps.Keys(found), admin.TopicPartition.Compare) {
		o, r := found[tp], row{Topic: tp.Topic, Partition: tp.Partition}
		if o.Err != nil {
			failed, r.Error = true, o.Err.Error()
		} else {
			r.LowWatermark = &o.Offset
		}
		rows = append(rows, r)
		switch {
		case asJSON:
		case o.Err != nil:
			t.printf("partition: %s\terror: %s\n", tp, o.Err)
		default:
			t.printf("partition: %s\tlow_watermark: %d\n", tp, o.Offset)
		}
	}
	if asJSON {
		return failed, t.printJSON(map[string]any{"partitions": rows})
	}
	return failed, nil
}

// jsonError is what Java's JSON library throws.
func jsonError(format string, args ...any) error {
	return &javaerr.Exception{Class: "com.fasterxml.jackson.databind.JsonMappingException", Message: fmt.Sprintf(format, args...)}
}

// parseRecordsToDelete reads the file of --offset-json-file.
func parseRecordsToDelete(text []byte) (map[admin.TopicPartition]int64, error) {
	var file json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&file); err != nil {
		return nil, adminOperation("The input string is not a valid JSON")
	}
	object, err := jsonObject(file)
	if err != nil {
		return nil, err
	}
	if version, ok := object["version"]; ok {
		n, err := jsonNumber(version, 32, "Integer")
		if err != nil {
			return nil, err
		}
		if n != 1 {
			return nil, adminOperation("Not supported version field value " + strconv.FormatInt(n, 10))
		}
	}
	list, ok := object["partitions"]
	if !ok {
		return nil, adminOperation("Missing partitions field")
	}
	var items []json.RawMessage
	if json.Unmarshal(list, &items) != nil || list[0] != '[' {
		return nil, jsonError("Expected JSON array, received %s", compactJSON(list))
	}
	before := map[admin.TopicPartition]int64{}
	var twice []string
	for _, item := range items {
		tp, offset, err := parseRecordToDelete(item)
		if err != nil {
			return nil, err
		}
		if _, ok := before[tp]; ok && !slices.Contains(twice, tp.String()) {
			twice = append(twice, tp.String())
		}
		before[tp] = offset
	}
	if twice != nil {
		return nil, &javaerr.Exception{
			Class:   "org.apache.kafka.tools.AdminCommandFailedException",
			Message: "Offset json file contains duplicate topic partitions: " + strings.Join(twice, ","),
		}
	}
	return before, nil
}

func adminOperation(message string) error {
	return &javaerr.Exception{Class: "org.apache.kafka.tools.AdminOperationException", Message: message}
}

func parseRecordToDelete(item json.RawMessage) (tp admin.TopicPartition, offset int64, err error) {
	object, err := jsonObject(item)
	if err != nil {
		return tp, 0, err
	}
	for _, name := range []string{"topic", "partition", "offset"} {
		value, ok := object[name]
		if !ok {
			return tp, 0, jsonError("No such field exists: `%s`", name)
		}
		switch name {
		case "topic":
			if value[0] != '"' || json.Unmarshal(value, &tp.Topic) != nil {
				return tp, 0, jsonError("Expected `String` value, received %s", compactJSON(value))
			}
		case "partition":
			id, err := jsonNumber(value, 32, "Integer")
			if err != nil {
				return tp, 0, err
			}
			tp.Partition = int32(id)
		case "offset":
			if offset, err = jsonNumber(value, 64, "Long"); err != nil {
				return tp, 0, err
			}
		}
	}
	return tp, offset, nil
}

func jsonObject(text json.RawMessage) (map[string]json.RawMessage, error) {
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil || object == nil {
		return nil, jsonError("Expected JSON object, received %s", compactJSON(text))
	}
	return object, nil
}

func jsonNumber(text json.RawMessage, bits int, kind string) (int64, error) {
	n, err := strconv.ParseInt(string(text), 10, bits)
	if err != nil {
		return 0, jsonError("Expected `%s` value, received %s", kind, compactJSON(text))
	}
	return n, nil
}

func compactJSON(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return string(text)
	}
	return b.String()
}
