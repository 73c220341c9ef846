package group

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestStories runs the stories in testdata/stories. A member is written as
// client-n, where n counts the ids that were made; -rewrite accepts new output.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		var w *world
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if w == nil {
				cfg := DefaultConfig()
				if d.Cmd == "config" {
					configure(t, d, &cfg)
				}
				w = newWorld(t, cfg)
				if d.Cmd == "config" {
					return ""
				}
			}
			w.t = t
			f, ok := storyCommands[d.Cmd]
			if !ok {
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			out := f(w, args{t, d})
			if err := w.s.check(); err != nil {
				out += "BROKEN: " + err.Error() + "\n"
			}
			return w.flush() + short(out)
		})
	})
}

func configure(t *testing.T, d *datadriven.TestData, cfg *Config) {
	a := args{t, d}
	cfg.InitialRebalanceDelay = a.duration("delay", cfg.InitialRebalanceDelay)
	cfg.MaxSize = a.num("max-size", cfg.MaxSize)
	cfg.OffsetsRetention = a.duration("retention", cfg.OffsetsRetention)
	cfg.OffsetMetadataMaxSize = a.num("metadata", cfg.OffsetMetadataMaxSize)
	cfg.Consumer.MaxSize = a.num("consumer-max-size", cfg.Consumer.MaxSize)
	cfg.Consumer.Migration = ParseMigrationPolicy(a.str("migration", "bidirectional"))
}

type args struct {
	t *testing.T
	d *datadriven.TestData
}

func (a args) str(key, def string) string {
	for _, arg := range a.d.CmdArgs {
		if arg.Key == key {
			if v := strings.Join(arg.Vals, ","); v != "none" {
				return v
			}
			return ""
		}
	}
	return def
}

func (a args) opt(key string) *string {
	if v := a.str(key, "-"); v != "-" {
		return &v
	}
	return nil
}

func (a args) num(key string, def int) int {
	v := a.str(key, "")
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		a.d.Fatalf(a.t, "%s: %v", key, err)
	}
	return n
}

func (a args) duration(key string, def time.Duration) time.Duration {
	v := a.str(key, "")
	if v == "" {
		return def
	}
	n, err := time.ParseDuration(v)
	if err != nil {
		a.d.Fatalf(a.t, "%s: %v", key, err)
	}
	return n
}

func (a args) group() string { return a.str("group", "g") }

func (a args) has(key string) bool {
	for _, arg := range a.d.CmdArgs {
		if arg.Key == key {
			return true
		}
	}
	return false
}

var storyCommands = map[string]func(w *world, a args) string{
	"topic":             storyTopic,
	"settings":          storySettings,
	"consume":           storyConsume,
	"resolve":           storyResolve,
	"describe-consumer": storyDescribeConsumer,
	"join":              storyJoin,
	"sync":              storySync,
	"heartbeat":         storyHeartbeat,
	"leave":             storyLeave,
	"commit":            storyCommit,
	"fetch":             storyFetch,
	"fetch-stable":      storyFetchStable,
	"delete":            storyDelete,
	"describe":          storyDescribe,
	"list": func(w *world, a args) string {
		var out strings.Builder
		for _, g := range w.s.ListGroups(split(a.str("states", "")), split(a.str("types", ""))) {
			fmt.Fprintf(&out, "%s %s %s type=%q\n", g.Group, g.GroupState, g.GroupType, g.ProtocolType)
		}
		return out.String()
	},
	"offset-delete": storyOffsetDelete,
	"topics-deleted": func(w *world, a args) string {
		w.take(w.s.TopicsDeleted(w.now, []DeletedTopic{{Name: a.str("topic", "t"), ID: topicID(a.num("id", 0))}}))
		return ""
	},
	"advance": func(w *world, a args) string {
		w.advance(a.duration("by", 0))
		return ""
	},
	"hold": func(w *world, _ args) string { w.hold, w.heldAt = true, len(w.log); return "" },
	"commit-log": func(w *world, _ args) string {
		w.hold = false
		w.commit()
		return ""
	},
	"fail-log": func(w *world, a args) string {
		w.hold = false
		w.fail(int64(w.heldAt), func() *kerr.Error {
			target := &kerr.Error{}
			_ = errors.As(kerr.ErrorForCode(int16(a.num("code", 15))), &target)
			return target
		}())
		return ""
	},
	"limit":  func(w *world, a args) string { w.cfg.MaxSize = a.num("max-size", w.cfg.MaxSize); return "" },
	"reload": func(w *world, a args) string { w.reload(a.num("end", len(w.log))); return "" },
	"state":  func(w *world, _ args) string { return w.s.text(true) },
	"end":    func(w *world, _ args) string { return fmt.Sprintf("%d\n", len(w.log)) },
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func topicID(n int) (id [16]byte) {
	id[0] = byte(n)
	return id
}

func storyJoin(w *world, a args) string {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = int16(a.num("version", 9))
	req.Group = a.group()
	req.SessionTimeoutMillis = int32(a.duration("session", 10*time.Second).Milliseconds())
	req.RebalanceTimeoutMillis = int32(a.duration("rebalance", time.Minute).Milliseconds())
	if m := a.str("member", ""); m != "" {
		req.MemberID = long(m)
	}
	req.InstanceID = a.opt("instance")
	req.ProtocolType = a.str("type", "consumer")
	for _, p := range split(a.str("protocols", "range")) {
		name, meta, ok := strings.Cut(p, ":")
		if !ok {
			meta = name
		}
		req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: name, Metadata: []byte(meta)})
	}
	if topics := a.str("topics", ""); topics != "" {
		for i := range req.Protocols {
			req.Protocols[i].Metadata = subscription(split(topics)...)
		}
	}
	w.take(w.s.JoinGroup(w.now, Join{To: a.str("as", "?"), Request: req, ClientID: a.str("client", "c"), ClientHost: "/127.0.0.1", NewID: w.newID()}))
	return ""
}

func subscription(topics ...string) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Topics = topics
	return m.AppendTo(nil)
}

func storySync(w *world, a args) string {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version = 5
	req.Group = a.group()
	req.Generation = int32(a.num("generation", 1))
	req.MemberID = long(a.str("member", ""))
	req.InstanceID = a.opt("instance")
	typ, proto := a.str("type", "consumer"), a.str("protocol", "range")
	req.ProtocolType, req.Protocol = &typ, &proto
	for _, x := range split(a.str("assign", "")) {
		m, v, _ := strings.Cut(x, "=")
		if !strings.Contains(x, "=") {
			m, v, _ = strings.Cut(x, ":")
		}
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: long(m), MemberAssignment: []byte(v)})
	}
	w.take(w.s.SyncGroup(w.now, a.str("as", "?"), req))
	return ""
}

func storyHeartbeat(w *world, a args) string {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = a.group(), int32(a.num("generation", 1)), long(a.str("member", "")), a.opt("instance")
	if err := w.s.Heartbeat(w.now, req); err != nil {
		return "heartbeat: " + func() *kerr.Error {
			target := &kerr.Error{}
			_ = errors.As(err, &target)
			return target
		}().Message + "\n"
	}
	return "heartbeat: ok\n"
}

func storyLeave(w *world, a args) string {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version = int16(a.num("version", 5))
	req.Group = a.group()
	if req.Version < 3 {
		req.MemberID = long(a.str("member", ""))
	}
	for _, m := range split(a.str("members", "")) {
		req.Members = append(req.Members, kmsg.LeaveGroupRequestMember{MemberID: long(m)})
	}
	for _, m := range split(a.str("instances", "")) {
		req.Members = append(req.Members, kmsg.LeaveGroupRequestMember{InstanceID: &m})
	}
	w.take(w.s.LeaveGroup(w.now, a.str("as", "?"), req))
	return ""
}

// storyCommit takes lines of "topic partition offset [leader epoch] [metadata]".
func storyCommit(w *world, a args) string {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version = int16(a.num("version", 9))
	req.Group = a.group()
	req.Generation = int32(a.num("generation", -1))
	if m := a.str("member", ""); m != "" {
		req.MemberID = long(m)
	}
	req.InstanceID = a.opt("instance")
	if a.has("retention") {
		req.RetentionTimeMillis = a.duration("retention", 0).Milliseconds()
	}
	for line := range strings.Lines(a.d.Input) {
		f := strings.Fields(line)
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic, t.TopicID = f[0], topicID(a.num("id", 0))
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		n, _ := strconv.Atoi(f[1])
		p.Partition = int32(n)
		p.Offset, _ = strconv.ParseInt(f[2], 10, 64)
		if len(f) > 3 {
			n, _ = strconv.Atoi(f[3])
			p.LeaderEpoch = int32(n)
		}
		if len(f) > 4 {
			p.Metadata = &f[4]
		}
		t.Partitions = append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
	}
	to := a.str("as", "?")
	res, err := w.s.OffsetCommit(w.now, to, req)
	w.fatal(err, to)
	w.take(res)
	return ""
}

func fetchRequest(a args) *kmsg.OffsetFetchRequestGroup {
	req := kmsg.NewOffsetFetchRequestGroup()
	req.Group = a.group()
	for _, x := range split(a.str("topics", "")) {
		t := kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic, t.TopicID, t.Partitions = x, topicID(a.num("id", 0)), []int32{0, 1}
		req.Topics = append(req.Topics, t)
	}
	return &req
}

func storyFetch(w *world, a args) string {
	return fetchedText(w.s.OffsetFetch(fetchRequest(a))) + "\n"
}

func storyFetchStable(w *world, a args) string {
	w.take(w.s.StableOffsetFetch(w.now, a.str("as", "?"), fetchRequest(a)))
	return ""
}

func storyDelete(w *world, a args) string {
	w.take(w.s.DeleteGroups(w.now, a.str("as", "?"), split(a.str("groups", a.group()))))
	return ""
}

func storyOffsetDelete(w *world, a args) string {
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = a.group()
	for _, x := range split(a.str("topics", "t")) {
		req.Topics = append(req.Topics, kmsg.OffsetDeleteRequestTopic{Topic: x, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}, {Partition: 1}}})
	}
	to := a.str("as", "?")
	res, err := w.s.OffsetDelete(w.now, to, req)
	w.fatal(err, to)
	w.take(res)
	return ""
}

func storyDescribe(w *world, a args) string {
	g := w.s.DescribeGroup(a.group(), int16(a.num("version", 6)))
	out := fmt.Sprintf("%s: %s %s type=%q protocol=%q message=%s\n", g.Group, code(g.ErrorCode), g.State, g.ProtocolType, g.Protocol, str(g.ErrorMessage))
	for _, m := range g.Members {
		out += fmt.Sprintf("  %s instance=%s %s %s metadata=%q assignment=%q\n", m.MemberID, str(m.InstanceID), m.ClientID, m.ClientHost, m.ProtocolMetadata, m.MemberAssignment)
	}
	return out
}
