package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/headracetest"
)

// The stories under testdata/console were recorded from Apache Kafka's Java tools by test/golden/console.sh. Here the
// same command lines run against our commands, on a broker of our own, or on the one that BOOTSTRAP names (it must be on
// loopback: a story deletes every topic and group first), and must give the same stdout, stderr and exit status. What cannot be equal is
// made so by normalize, which says what and why.

// goldenTools are the commands under test and the Java classes that they replace.
var goldenTools = map[string]struct {
	class string
	run   func(context.Context, *tool, []string) int
}{
	"kafka-console-producer":    {"org.apache.kafka.tools.ConsoleProducer", kafkaConsoleProducer},
	"kafka-console-consumer":    {"org.apache.kafka.tools.consumer.ConsoleConsumer", kafkaConsoleConsumer},
	"kafka-producer-perf-test":  {"org.apache.kafka.tools.ProducerPerformance", kafkaProducerPerfTest},
	"kafka-consumer-perf-test":  {"org.apache.kafka.tools.ConsumerPerformance", kafkaConsumerPerfTest},
	"kafka-consumer-groups":     {"org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", kafkaConsumerGroups},
	"kafka-cluster":             {"org.apache.kafka.tools.ClusterTool", kafkaCluster},
	"kafka-features":            {"org.apache.kafka.tools.FeatureCommand", kafkaFeatures},
	"kafka-metadata-quorum":     {"org.apache.kafka.tools.MetadataQuorumCommand", kafkaMetadataQuorum},
	"kafka-get-offsets":         {"org.apache.kafka.tools.GetOffsetShell", kafkaGetOffsets},
	"kafka-delete-records":      {"org.apache.kafka.tools.DeleteRecordsCommand", kafkaDeleteRecords},
	"kafka-groups":              {"org.apache.kafka.tools.GroupsCommand", kafkaGroups},
	"kafka-dump-log":            {"org.apache.kafka.tools.DumpLogSegments", kafkaDumpLog},
	"kafka-log-dirs":            {"org.apache.kafka.tools.LogDirsCommand", kafkaLogDirs},
	"kafka-client-metrics":      {"org.apache.kafka.tools.ClientMetricsCommand", kafkaClientMetrics},
	"kafka-configs":             {"kafka.admin.ConfigCommand", kafkaConfigs},
	"kafka-e2e-latency":         {"org.apache.kafka.tools.EndToEndLatency", kafkaE2ELatency},
	"kafka-verifiable-producer": {"org.apache.kafka.tools.VerifiableProducer", kafkaVerifiableProducer},
	"kafka-verifiable-consumer": {"org.apache.kafka.tools.VerifiableConsumer", kafkaVerifiableConsumer},
}

func TestConsoleGolden(t *testing.T) {
	bootstrap := judge(t)
	datadriven.Walk(t, filepath.Join("testdata", "console"), func(t *testing.T, path string) {
		if os.Getenv("BOOTSTRAP") == "" && strings.Contains(path, "transactions") {
			t.Skip("Headrace has no transactions yet")
		}
		s := newStory(t, bootstrap)
		datadriven.RunTest(t, path, s.step)
	})
}

// judge gives the address of the broker that the stories run on: BOOTSTRAP's, or one of our own.
func judge(t *testing.T) string {
	if bootstrap := os.Getenv("BOOTSTRAP"); bootstrap != "" {
		return bootstrap
	}
	return headracetest.New(t).Addr()
}

// story is one file's world.
type story struct {
	bootstrap string
	dir       string
	admin     *kadm.Client
	members   map[string]*kgo.Client
}

func newStory(t *testing.T, bootstrap string) *story {
	host, _, err := net.SplitHostPort(bootstrap)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		t.Fatalf("BOOTSTRAP=%s is not on loopback", bootstrap)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	s := &story{bootstrap: bootstrap, dir: t.TempDir(), admin: kadm.NewClient(cl), members: map[string]*kgo.Client{}}
	t.Cleanup(func() {
		for _, m := range s.members {
			m.Close()
		}
		cl.Close()
	})
	s.reset(t)
	return s
}

// step runs one directive: what it does is in the table below; run is the one with output.
func (s *story) step(t *testing.T, d *datadriven.TestData) string {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	switch d.Cmd {
	case "topic": // name=t partitions=2
		partitions := 1
		d.MaybeScanArgs(t, "partitions", &partitions)
		forever := "-1" // the records are old on purpose
		_, err := s.admin.CreateTopic(ctx, int32(partitions), 1, map[string]*string{"retention.ms": &forever}, arg(t, d, "name"))
		must(t, err)
		s.awaitTopic(ctx, t, arg(t, d, "name"), partitions)
		return ""
	case "produce": // topic=t partition=0; lines of key|value|timestamp|header=value, "-" for null
		s.produce(ctx, t, d)
		return ""
	case "commit": // group=g topic=t partition=0 offset=1
		offsets := kadm.Offsets{}
		offsets.Add(kadm.Offset{Topic: arg(t, d, "topic"), Partition: int32(number32(t, d, "partition")), At: int64(number32(t, d, "offset")), LeaderEpoch: -1})
		must(t, s.admin.CommitAllOffsets(ctx, arg(t, d, "group"), offsets))
		return ""
	case "member": // group=g topic=t client=c [instance=i]
		s.join(ctx, t, d)
		return ""
	case "leave": // client=c
		name := arg(t, d, "client")
		s.members[name].Close()
		delete(s.members, name)
		return ""
	case "file": // name=x; the text
		must(t, os.WriteFile(filepath.Join(s.dir, arg(t, d, "name")), []byte(d.Input+"\n"), 0o600))
		return ""
	case "run": // [sort] [perf] [interrupt=text]; the command line, then perhaps "<<<" and stdin
		return s.run(t, d)
	}
	t.Fatalf("%s: no directive %s", d.Pos, d.Cmd)
	return ""
}

func arg(t *testing.T, d *datadriven.TestData, name string) string {
	var v string
	d.ScanArgs(t, name, &v)
	return v
}

func number32(t *testing.T, d *datadriven.TestData, name string) int {
	var v int
	d.ScanArgs(t, name, &v)
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reset deletes every group and every topic that is not internal.
func (s *story) reset(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		groups, err := s.admin.ListGroups(ctx)
		must(t, err)
		if len(groups) == 0 {
			break
		}
		_, err = s.admin.DeleteGroups(ctx, groups.Groups()...) // those with static members go when these time out
		must(t, err)
		pause(ctx)
	}
	topics, err := s.admin.ListTopics(ctx)
	must(t, err)
	if names := topics.Names(); len(names) > 0 {
		_, err = s.admin.DeleteTopics(ctx, names...)
		must(t, err)
	}
	for ctx.Err() == nil {
		if topics, err = s.admin.ListTopics(ctx); err == nil && len(topics) == 0 {
			return
		}
		pause(ctx)
	}
	t.Fatal("topics stay after their deletion")
}

// pause lets a broker of its own process get on with it.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
}

func (s *story) awaitTopic(ctx context.Context, t *testing.T, topic string, partitions int) {
	for ctx.Err() == nil {
		ends, err := s.admin.ListEndOffsets(ctx, topic)
		if err == nil && ends.Error() == nil && len(ends[topic]) == partitions {
			return
		}
		pause(ctx)
	}
	t.Fatalf("topic %s does not appear", topic)
}

func (s *story) produce(ctx context.Context, t *testing.T, d *datadriven.TestData) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	must(t, err)
	defer cl.Close()
	for line := range strings.SplitSeq(d.Input, "\n") {
		fields := append(strings.Split(line, "|"), "", "", "")
		r := &kgo.Record{Topic: arg(t, d, "topic"), Partition: int32(number32(t, d, "partition")), Key: field(t, fields[0]), Value: field(t, fields[1])}
		if fields[2] != "" {
			ms, err := strconv.ParseInt(fields[2], 10, 64)
			must(t, err)
			r.Timestamp = time.UnixMilli(ms)
		}
		for _, h := range fields[3:] {
			if key, value, ok := strings.Cut(h, "="); ok {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: field(t, value)})
			}
		}
		must(t, cl.ProduceSync(ctx, r).FirstErr())
	}
}

// field is text, "-" for null, or bytes as Go writes them in quotes.
func field(t *testing.T, text string) []byte {
	if text == "-" {
		return nil
	}
	s, err := strconv.Unquote(`"` + text + `"`)
	must(t, err)
	return []byte(s)
}

// join starts a member and waits until it has partitions.
func (s *story) join(ctx context.Context, t *testing.T, d *datadriven.TestData) {
	assigned := make(chan struct{}, 16)
	opts := []kgo.Opt{
		kgo.SeedBrokers(s.bootstrap), kgo.ClientID(arg(t, d, "client")), kgo.ConsumerGroup(arg(t, d, "group")),
		kgo.ConsumeTopics(arg(t, d, "topic")), kgo.Balancers(kgo.RangeBalancer()), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(6 * time.Second), kgo.HeartbeatInterval(time.Second), // five late heartbeats are forgiven
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { assigned <- struct{}{} }),
	}
	if d.HasArg("instance") {
		opts = append(opts, kgo.InstanceID(arg(t, d, "instance")))
	}
	cl, err := kgo.NewClient(opts...)
	must(t, err)
	s.members[arg(t, d, "client")] = cl
	select {
	case <-assigned:
	case <-ctx.Done():
		t.Fatalf("%s: the member gets no partitions", d.Pos)
	}
}

// run executes a command line, ours or with KAFKA_TOOL Java's.
func (s *story) run(t *testing.T, d *datadriven.TestData) string {
	text, stdin, _ := strings.Cut(d.Input, "\n<<<\n")
	if stdin != "" {
		stdin += "\n"
	}
	words := splitWords(t, strings.NewReplacer("$BOOTSTRAP", s.bootstrap, "$DIR", s.dir).Replace(strings.ReplaceAll(text, "\\\n", "")))
	interrupt := ""
	d.MaybeScanArgs(t, "interrupt", &interrupt)
	var out capture
	out.until = interrupt
	out.seen = make(chan struct{})
	status := 0
	if java := os.Getenv("KAFKA_TOOL"); java != "" {
		status = runJava(t, d, strings.Fields(java), words, stdin, &out)
	} else {
		status = runOurs(t, words, stdin, &out)
	}
	return fmt.Sprintf("exit %d\n", status) + section("stdout", s.normalize(out.stdout.String(), d)) + section("stderr", s.normalize(out.stderr.String(), d))
}

// section shows text so that its last line's end can be told.
func section(name, text string) string {
	if text == "" {
		return ""
	}
	if !strings.HasSuffix(text, "\n") {
		text += "<no newline>\n"
	}
	return "-- " + name + "\n" + text
}

// splitWords splits at spaces; single quotes keep them.
func splitWords(t *testing.T, text string) []string {
	var words []string
	for i, part := range strings.Split(text, "'") {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	if len(words) == 0 {
		t.Fatal("run: no command")
	}
	return words
}

// capture holds what a command prints. With until, seen is closed when that text has been printed.
type capture struct {
	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	until          string
	seen           chan struct{}
	once           sync.Once
}

func (c *capture) writer(to *bytes.Buffer) io.Writer { return &captureWriter{c, to} }

type captureWriter struct {
	c  *capture
	to *bytes.Buffer
}

func (w *captureWriter) Write(p []byte) (int, error) {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	n, err := w.to.Write(p)
	if w.c.until != "" && strings.Contains(w.to.String(), w.c.until) {
		w.c.once.Do(func() { close(w.c.seen) })
	}
	return n, err
}

func runOurs(t *testing.T, words []string, stdin string, out *capture) int {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var in io.Reader = strings.NewReader(stdin)
	if out.until != "" {
		r, w := io.Pipe() // stays open, as a terminal
		go func() { _, _ = io.WriteString(w, stdin) }()
		defer r.Close()
		in = r
		go func() {
			select {
			case <-out.seen:
			case <-ctx.Done():
			}
			cancel()
		}()
	}
	command, ok := goldenTools[words[0]]
	if !ok {
		t.Fatalf("no command %s", words[0])
	}
	return command.run(ctx, newTool(in, out.writer(&out.stdout), out.writer(&out.stderr)), words[1:])
}

func runJava(t *testing.T, d *datadriven.TestData, java, words []string, stdin string, out *capture) int {
	args := append(slices.Clone(java[1:]), goldenTools[words[0]].class)
	cmd := exec.CommandContext(t.Context(), java[0], append(args, words[1:]...)...)
	cmd.Stdout, cmd.Stderr = out.writer(&out.stdout), out.writer(&out.stderr)
	pipe, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	_, _ = io.WriteString(pipe, stdin)
	if out.until == "" {
		must(t, pipe.Close())
	} else {
		select {
		case <-out.seen:
		case <-time.After(time.Minute):
			t.Errorf("%s: %q is not printed", d.Pos, out.until)
		}
		must(t, cmd.Process.Signal(syscall.SIGINT))
	}
	var failed *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

var (
	logTimes   = regexp.MustCompile(`(?m)^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]`)
	ownGroups  = regexp.MustCompile(`(console-consumer|perf-consumer)-\d+(\) +)?`)
	memberIDs  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	figures    = regexp.MustCompile(`NaN|Infinity|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}|-?\d+(\.\d+)?`)
	randomSets = regexp.MustCompile(`(takes one of these options|takes at most one of these options|takes the following options|scenarios|Valid states are|Valid types are|Valid state are|Detected group ids): (.*)`)
	helpPages  = regexp.MustCompile(`(?s)Option +Description *\n.*`)
	usages     = regexp.MustCompile(`(?s)usage: .*?\n(\S+: +error:)`)
	droppable  = regexp.MustCompile(`^(\tat |\t\.\.\. |Caused by: |com\.fasterxml\.| at \[Source)|The metadata response from the cluster reported a recoverable issue|Error while fetching metadata`)
)

// normalize makes equal what differs from run to run or cannot be equal:
//   - addresses, directories, times of log lines, random group names, member ids (of the same length);
//   - frames and causes of stack traces, and the traces of the CSV library;
//   - warnings about metadata on the way to a topic's creation, and how often a warning is repeated;
//   - the order of sets that the original prints in an arbitrary order; with flag sort that of all lines;
//   - help pages, except with flag help, which is on the case that is about them;
//   - with flag perf, all figures; with flag metrics, the table of metrics, which are each client's own.
func (s *story) normalize(text string, d *datadriven.TestData) string {
	text = strings.NewReplacer(s.bootstrap, "$BOOTSTRAP", s.dir, "$DIR").Replace(text)
	text = logTimes.ReplaceAllString(text, "[TIME]")
	text = ownGroups.ReplaceAllString(text, "$1-N")
	text = memberIDs.ReplaceAllString(text, "00000000-0000-0000-0000-000000000000")
	text = randomSets.ReplaceAllStringFunc(text, sortSet)
	if !d.HasArg("help") {
		text = usages.ReplaceAllString(helpPages.ReplaceAllString(text, "<help page>\n"), "<usage>\n$1")
	}
	if before, _, cut := strings.Cut(text, "\nMetric Name"); cut && d.HasArg("metrics") {
		text = before + "\nMetric Name …\n"
	}
	if d.HasArg("perf") {
		text = figures.ReplaceAllString(text, "N")
	}
	var lines []string
	for _, l := range strings.SplitAfter(text, "\n") {
		repeated := strings.Contains(l, "NetworkClient") && slices.Contains(lines, l)
		if !droppable.MatchString(l) && !repeated {
			lines = append(lines, l)
		}
	}
	if d.HasArg("sort") {
		slices.Sort(lines)
	}
	return strings.Join(lines, "")
}

func sortSet(match string) string {
	head, list, _ := strings.Cut(match, ": ")
	items := strings.Split(strings.Trim(list, "[]"), ", ")
	for i := range items {
		items[i] = strings.Trim(items[i], "[]")
	}
	slices.Sort(items)
	return head + ": " + strings.Join(items, ", ")
}
