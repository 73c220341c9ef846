package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// codecs that every producing client is asked for.
var codecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// target is what a client is pointed at.
type target struct {
	bootstrap string
	topic     string
	dir       string // for a client's own files; removed afterwards
}

// job is one run of a producing client: its arguments and what it reads from standard input.
type job struct {
	args  []string
	stdin string
}

// parser takes a client's output line by line. ok is false for a line that ends no record.
type parser func(line string) (r Record, ok bool, err error)

// client is one real client: how it is asked to write and to read.
type client struct {
	name   string
	writes Fields // what it can write
	shows  Fields // what it shows of a record that it reads
	// jobs writes records of one codec; nil where the client only reads.
	jobs func(k kit, t target, codec string, sent []Record) ([]job, error)
	// sends makes the records that one codec's jobs send; nil for plan's.
	sends func(codec string, n int) []Record
	// member is the command line of one member of a group; parse reads its output.
	member func(k kit, t target, p part) ([]string, error)
	parse  func() parser
	exits  []int // exit codes of an orderly end by SIGTERM
	// drops says that a member which is told to stop drops a record that it has just been given, and commits it all the
	// same. It is stopped while nothing is written, when there is nothing to drop.
	drops bool
}

// part is what a member has to play.
type part struct {
	group  string
	doomed bool // it will be killed
}

// clients are the judges.
func clients() []client {
	kafkajs := all()
	kafkajs.NullHeader = false
	kafkaPython := kafkajs
	kafkaPython.BothNull = false
	kcatWrites := Fields{Partition: true, Keys: true, Headers: true, NullKey: true, NullValue: true}
	consoleWrites := all()
	consoleWrites.Partition, consoleWrites.Timestamp = false, false
	return []client{
		adapter("librdkafka", all(), func(k kit) []string { return []string{k.python, filepath.Join(k.scripts, "python", "librdkafka.py")} }),
		adapter("kafka-python", kafkaPython, func(k kit) []string { return []string{k.python, filepath.Join(k.scripts, "python", "kafkapython.py")} }),
		adapter("kafkajs", kafkajs, func(k kit) []string { return []string{k.node, filepath.Join(k.scripts, "js", "kafkajs.js")} }),
		adapter("franz-go", all(), func(k kit) []string { return []string{k.goClient, "franz"} }),
		adapter("sarama", all(), func(k kit) []string { return []string{k.goClient, "sarama"} }),
		{name: "kcat", writes: kcatWrites, shows: all(), jobs: kcatJobs, member: kcatMember, parse: kcatParser, exits: []int{0}, drops: true},
		{name: "java-console", writes: consoleWrites, shows: all(), jobs: consoleJobs, member: consoleMember, parse: consoleParser, exits: []int{0, 143}},
		{
			name: verifiable, writes: Fields{}, shows: Fields{Keys: true}, jobs: verifiableJobs, sends: verifiableSends,
			member: verifiableMember, parse: verifiableParser, exits: []int{0, 143},
		},
	}
}

// adapter is a client behind the command line of this directory's own adapters.
func adapter(name string, writes Fields, command func(kit) []string) client {
	return client{
		name: name, writes: writes, shows: all(), exits: []int{0},
		jobs: func(k kit, t target, codec string, sent []Record) ([]job, error) {
			stdin, err := lines(sent)
			return []job{{append(command(k), "produce", t.bootstrap, t.topic, codec), stdin}}, err
		},
		member: func(k kit, t target, p part) ([]string, error) {
			return append(command(k), "consume", t.bootstrap, t.topic, p.group), nil
		},
		parse: func() parser {
			return func(line string) (r Record, ok bool, err error) {
				err = json.Unmarshal([]byte(line), &r)
				return r, err == nil, err
			}
		},
	}
}

// ---- kcat: one run per partition and header, as those are options --------------------------------------------------

const separator = "\x1f" // between key and value, and between the parts of lines; in no content

func kcatJobs(_ kit, t target, codec string, sent []Record) ([]job, error) {
	// kcat's headers are one list for all messages of a run; its timestamps are its own.
	var jobs []job
	perPartition := map[int32]*strings.Builder{}
	var partitions []int32
	for _, r := range sent {
		b := perPartition[r.Partition]
		if b == nil {
			b = &strings.Builder{}
			perPartition[r.Partition] = b
			partitions = append(partitions, r.Partition)
		}
		b.WriteString(orEmpty(r.Key) + separator + orEmpty(r.Value) + "\n")
	}
	for _, p := range partitions {
		args := []string{"kcat", "-P", "-b", t.bootstrap, "-t", t.topic, "-p", strconv.Itoa(int(p)), "-K", separator, "-Z", "-z", codec, "-X", "enable.idempotence=true"}
		for _, h := range sent[0].Headers {
			args = append(args, "-H", orEmpty(h[0])+"="+orEmpty(h[1]))
		}
		jobs = append(jobs, job{args, perPartition[p].String()})
	}
	return jobs, nil
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// kcatMember makes kcat as careful as it can be. librdkafka takes a record for done when kcat has been given it, which is
// before kcat has printed it. Two windows follow, with any broker, Apache Kafka among them:
//   - Killed between a commit by the clock and the end of a print (which a full pipe can make long), it has committed a
//     record that nobody has seen. So a member that will be killed stores no offsets, and commits nothing: all that it was
//     given is read again. (Its commits cannot be made rarer: -X gives auto.commit.interval.ms and enable.auto.commit to
//     properties of the topic that have these names too, and mean nothing in a group.)
//   - On SIGTERM its main loop gives back the record that it holds without printing it (kcat.c, consume_cb: "if
//     (!conf.run) return"), and closing commits it. That is what client.drops is for.
//
// So everything is demanded of kcat too: no record is missing, whoever is killed or stopped.
func kcatMember(_ kit, t target, p part) ([]string, error) {
	format := strings.Join([]string{"%p", "%o", "%T", "%K", "%S", "%k", "%s", "%h"}, separator) + "\n"
	return []string{
		"kcat", "-b", t.bootstrap, "-G", p.group, "-u", "-f", format, "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000",
		"-X", "heartbeat.interval.ms=500", "-X", "enable.auto.offset.store=" + strconv.FormatBool(!p.doomed), t.topic,
	}, nil
}

// kcatParser reads fields whose lengths tell null (-1) from empty; headers come as name=value,name=NULL.
func kcatParser() parser {
	return func(line string) (r Record, ok bool, err error) {
		f := strings.Split(line, separator)
		if len(f) != 8 {
			return r, false, fmt.Errorf("want 8 fields, got %d", len(f))
		}
		if r, err = place(f[0], f[1], f[2]); err != nil {
			return r, false, err
		}
		if f[3] != "-1" {
			r.Key = text(f[5])
		}
		if f[4] != "-1" {
			r.Value = text(f[6])
		}
		r.Headers = splitHeaders(f[7], ",", "=", "NULL")
		return r, true, nil
	}
}

// place parses partition, offset and timestamp.
func place(partition, offset, timestamp string) (Record, error) {
	p, err := strconv.ParseInt(partition, 10, 32)
	if err != nil {
		return Record{}, fmt.Errorf("partition: %w", err)
	}
	o, err := strconv.ParseInt(offset, 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("offset: %w", err)
	}
	ts, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("timestamp: %w", err)
	}
	return Record{Partition: int32(p), Offset: o, Timestamp: ts}, nil
}

// splitHeaders reads name=value,… as the console clients print them.
func splitHeaders(list, between, equals, null string) [][2]*string {
	if list == "" {
		return nil
	}
	var out [][2]*string
	for h := range strings.SplitSeq(list, between) {
		name, value, _ := strings.Cut(h, equals)
		v := text(value)
		if value == null {
			v = nil
		}
		out = append(out, [2]*string{text(name), v})
	}
	return out
}

// ---- Java's console tools ------------------------------------------------------------------------------------------

const nullMarker = "<null>"

func consoleJobs(k kit, t target, codec string, sent []Record) ([]job, error) {
	var b strings.Builder
	for _, r := range sent {
		var h []string
		for _, x := range r.Headers {
			h = append(h, marked(x[0])+"="+marked(x[1]))
		}
		b.WriteString(strings.Join(h, ";") + "\t" + marked(r.Key) + "\t" + marked(r.Value) + "\n")
	}
	args := k.java("org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", t.bootstrap, "--topic", t.topic, "--compression-codec", codec)
	for _, p := range []string{"parse.key=true", "parse.headers=true", "headers.separator=;", "headers.key.separator==", "null.marker=" + nullMarker} {
		args = append(args, "--reader-property", p)
	}
	return []job{{args, b.String()}}, nil
}

func marked(s *string) string {
	if s == nil {
		return nullMarker
	}
	return *s
}

func consoleMember(k kit, t target, p part) ([]string, error) {
	args := k.java("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", t.bootstrap, "--topic", t.topic, "--group", p.group, "--from-beginning")
	for _, f := range []string{"timestamp", "partition", "offset", "headers", "key"} {
		args = append(args, "--formatter-property", "print."+f+"=true")
	}
	for _, f := range []string{"null.literal=" + nullMarker, "headers.separator=;", "key.separator=" + separator} {
		args = append(args, "--formatter-property", f)
	}
	for _, c := range []string{"session.timeout.ms=6000", "heartbeat.interval.ms=500", "auto.commit.interval.ms=500"} {
		args = append(args, "--command-property", c)
	}
	return args, nil
}

// consoleParser reads CreateTime:1 ␟ Partition:2 ␟ Offset:3 ␟ name:value;… or NO_HEADERS ␟ key ␟ value.
func consoleParser() parser {
	return func(line string) (r Record, ok bool, err error) {
		f := strings.Split(line, separator)
		if len(f) != 6 {
			return r, false, nil // what the client says besides
		}
		r, err = place(strings.TrimPrefix(f[1], "Partition:"), strings.TrimPrefix(f[2], "Offset:"), strings.TrimPrefix(f[0], "CreateTime:"))
		if err != nil {
			return r, false, err
		}
		if f[3] != "NO_HEADERS" {
			r.Headers = splitHeaders(f[3], ";", ":", nullMarker)
		}
		if f[4] != nullMarker {
			r.Key = text(f[4])
		}
		if f[5] != nullMarker {
			r.Value = text(f[5])
		}
		return r, true, nil
	}
}

// ---- Java's verifiable clients: values that count up, no key, no headers -------------------------------------------

// verifiablePrefix is a number, as the tool wants it: one for each codec.
func verifiablePrefix(codec string) string { return strconv.Itoa(slices.Index(codecs, codec)) }

func verifiableSends(codec string, n int) []Record {
	var out []Record
	for i := range n {
		out = append(out, Record{Partition: -1, Value: text(verifiablePrefix(codec) + "." + strconv.Itoa(i))})
	}
	return out
}

func verifiableJobs(k kit, t target, codec string, sent []Record) ([]job, error) {
	conf := filepath.Join(t.dir, "verifiable-"+codec+".properties")
	if err := os.WriteFile(conf, []byte("compression.type="+codec+"\nlinger.ms=20\n"), 0o644); err != nil {
		return nil, err
	}
	return []job{{args: k.java("org.apache.kafka.tools.VerifiableProducer", "--bootstrap-server", t.bootstrap, "--topic", t.topic,
		"--max-messages", strconv.Itoa(len(sent)), "--value-prefix", verifiablePrefix(codec), "--command-config", conf)}}, nil
}

func verifiableMember(k kit, t target, p part) ([]string, error) {
	conf := filepath.Join(t.dir, "verifiable-consumer.properties")
	if err := os.WriteFile(conf, []byte("heartbeat.interval.ms=500\n"), 0o644); err != nil {
		return nil, err
	}
	return k.java("org.apache.kafka.tools.VerifiableConsumer", "--bootstrap-server", t.bootstrap, "--topic", t.topic, "--group-id", p.group,
		"--session-timeout", "6000", "--verbose", "--command-config", conf), nil
}

// verifiableParser reads the events named record_data; the others are about assignments and commits.
func verifiableParser() parser {
	return func(line string) (r Record, ok bool, err error) {
		var e struct {
			Name       string
			Key, Value *string
			Partition  int32
			Offset     int64
		}
		if !strings.HasPrefix(line, "{") {
			return r, false, nil
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return r, false, err
		}
		return Record{Partition: e.Partition, Offset: e.Offset, Key: e.Key, Value: e.Value}, e.Name == "record_data", nil
	}
}
