package group

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

// The commands of stories about consumer groups.

// storyTopic makes, grows or deletes a topic: name=t partitions=3.
func storyTopic(w *world, a args) string {
	w.see(w.cluster.with(a.str("name", "t"), int32(a.num("partitions", 1))))
	return ""
}

// storySettings changes a group's settings.
func storySettings(w *world, a args) string {
	next := *w.cluster
	next.settings.SessionTimeout = a.duration("session", next.settings.SessionTimeout)
	next.settings.AssignmentInterval = a.duration("interval", next.settings.AssignmentInterval)
	w.see(&next)
	return ""
}

func (w *world) see(c *topics) {
	w.cluster = c
	w.s.See(c)
}

// storyConsume is a ConsumerGroupHeartbeat: member=m epoch=1 topics=(a,b)
// regex=x own=(a:0,a:1) instance=i assignor=range. A member that joins tells
// everything, else what is named is told; "own=none" tells that it has nothing.
func storyConsume(w *world, a args) string {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version = int16(a.num("version", 1))
	req.Group, req.MemberID, req.MemberEpoch = a.group(), a.str("member", ""), int32(a.num("epoch", 0))
	req.InstanceID, req.RackID, req.ServerAssignor = a.opt("instance"), a.opt("rack"), a.opt("assignor")
	if req.MemberEpoch == 0 || a.has("rebalance") {
		req.RebalanceTimeoutMillis = int32(a.num("rebalance", 60_000))
	}
	if a.has("topics") {
		req.SubscribedTopicNames = append([]string{}, split(a.str("topics", ""))...)
	}
	req.SubscribedTopicRegex = a.opt("regex")
	if a.has("own") || req.MemberEpoch == 0 {
		req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	}
	for _, tp := range split(a.str("own", "")) {
		name, p, _ := strings.Cut(tp, ":")
		t, _ := w.cluster.Topic(name)
		n, err := strconv.Atoi(p)
		if err != nil {
			a.d.Fatalf(a.t, "own=%s: %v", tp, err)
		}
		req.Topics = append(req.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: t.ID, Partitions: []int32{int32(n)}})
	}
	to := a.str("as", "?")
	if err := CheckConsumerHeartbeat(&w.cfg, req); err != nil {
		w.fatal(err, to)
		return ""
	}
	res, err := w.s.ConsumerGroupHeartbeat(w.now, ConsumerHeartbeat{To: to, Request: req, ClientID: "c", ClientHost: "/127.0.0.1", NewID: w.newID()})
	w.fatal(err, to)
	w.take(res)
	return ""
}

// storyResolve does what the shard has asked for.
func storyResolve(w *world, _ args) string {
	out := ""
	for _, e := range w.effects {
		if r, ok := e.(ResolveRegexes); ok {
			out += fmt.Sprintf("resolved for %s of %s: %v\n", r.Member, r.Group, r.Regexes)
			w.take(w.s.RegexesResolved(w.now, &r, consumer.Resolve(r.Cluster, r.Regexes, nil, w.now.UnixMilli())))
		}
	}
	w.effects = nil
	return out
}

func storyDescribeConsumer(w *world, a args) string {
	w.take(w.s.DescribeConsumerGroups(w.now, a.str("as", "?"), split(a.str("groups", a.group()))))
	return ""
}

func heartbeatText(r *kmsg.ConsumerGroupHeartbeatResponse) string {
	if r.ErrorCode != 0 {
		return fmt.Sprintf("%s %s", code(r.ErrorCode), str(r.ErrorMessage))
	}
	out := fmt.Sprintf("member=%s epoch=%d", str(r.MemberID), r.MemberEpoch)
	if r.Assignment != nil {
		var list []assign.TopicPartitions
		for _, t := range r.Assignment.Topics {
			list = append(list, assign.TopicPartitions{Topic: uuid.TopicID(t.TopicID), Partitions: t.Partitions})
		}
		out += " assignment=" + numbered(assign.New(list))
	}
	return out
}

// numbered prints partitions by the version of the cluster that made the topic.
func numbered(a assign.Assignment) string {
	var out []string
	for _, tp := range a {
		out = append(out, fmt.Sprintf("#%d%v", tp.Topic[0], tp.Partitions))
	}
	return "[" + strings.Join(out, " ") + "]"
}

func describedText(r *kmsg.ConsumerGroupDescribeResponse) string {
	var b strings.Builder
	for _, g := range r.Groups {
		fmt.Fprintf(&b, "\n  %s: %s %s epoch=%d assignment=%d assignor=%s message=%s", g.Group, code(g.ErrorCode), g.State, g.Epoch, g.AssignmentEpoch, g.AssignorName, str(g.ErrorMessage))
		for _, m := range g.Members {
			fmt.Fprintf(&b, "\n    %s epoch=%d type=%d instance=%s rack=%s %s %s topics=%v regex=%q has=%v target=%v", m.MemberID, m.MemberEpoch, m.MemberType,
				str(m.InstanceID), str(m.RackID), m.ClientID, m.ClientHost, m.SubscribedTopics, *m.SubscribedTopicRegex, namedText(m.Assignment), namedText(m.TargetAssignment))
		}
	}
	return b.String()
}

func namedText(a kmsg.Assignment) (out []string) {
	for _, t := range a.TopicPartitions {
		out = append(out, fmt.Sprint(t.Topic, t.Partitions))
	}
	return out
}
