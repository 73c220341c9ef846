package quorum

import (
	"context"
	"fmt"
	"log/slog"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"
)

// Limits of the protocol between voters.
const (
	maxMessageBytes     = 1 << 20  // of entries in one append message
	maxApplyBytes       = 4 << 20  // of committed entries in one Ready
	maxUncommittedBytes = 64 << 20 // beyond it proposals are refused
	maxInflightMessages = 64
)

// Ticks of the election clock. A tick is Options.TickInterval (100 ms), so an
// election starts 1 to 2 s after the leader was last heard.
const (
	electionTicks  = 10
	heartbeatTicks = 1
)

// Message is one Raft message between voters. Its content is opaque; Encode
// and DecodeMessage carry it over a wire.
type Message struct{ raft *pb.Message }

// To is the receiving voter.
func (m Message) To() RaftID { return RaftID(m.raft.GetTo()) }

// From is the sending voter.
func (m Message) From() RaftID { return RaftID(m.raft.GetFrom()) }

// Kind names the message's type, as Raft does: MsgApp, MsgVote and so on.
func (m Message) Kind() string { return m.raft.GetType().String() }

// IsSnapshot tells whether the message carries a snapshot; such messages may be
// large, and the sender reports how their transfer ended.
func (m Message) IsSnapshot() bool { return m.raft.GetType() == pb.MsgSnap }

// String describes the message for logs and traces.
func (m Message) String() string {
	return fmt.Sprintf("%s %s->%s term %d index %d commit %d entries %d reject %v",
		m.Kind(), m.From(), m.To(), m.raft.GetTerm(), m.raft.GetIndex(), m.raft.GetCommit(), len(m.raft.Entries), m.raft.GetReject())
}

// Encode appends the message's wire form to b.
func (m Message) Encode(b []byte) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.MarshalAppend(b, m.raft)
}

// DecodeMessage reads what Encode wrote. Messages that only a node itself may
// make are refused.
func DecodeMessage(b []byte) (Message, error) {
	m := &pb.Message{}
	if err := proto.Unmarshal(b, m); err != nil {
		return Message{}, fmt.Errorf("decode raft message: %w", err)
	}
	if raft.IsLocalMsg(m.GetType()) || m.GetType() == pb.MsgProp {
		return Message{}, fmt.Errorf("raft message %s does not belong on the wire", m.GetType())
	}
	return Message{raft: m}, nil
}

// Core is one voter's Raft: a step function without goroutine, clock, disk or
// socket. Input comes by Tick, Campaign, Step and Propose; work goes out by
// ready and is confirmed by advance. Not safe for concurrent use.
type Core struct {
	node *raft.RawNode
}

// newCore starts Raft from what storage has. Entries up to applied are in the
// state machine already.
func newCore(id RaftID, storage raft.Storage, applied uint64, log *slog.Logger) (*Core, error) {
	node, err := raft.NewRawNode(&raft.Config{
		ID:                        uint64(id),
		ElectionTick:              electionTicks,
		HeartbeatTick:             heartbeatTicks,
		Storage:                   storage,
		Applied:                   applied,
		MaxSizePerMsg:             maxMessageBytes,
		MaxCommittedSizePerReady:  maxApplyBytes,
		MaxUncommittedEntriesSize: maxUncommittedBytes,
		MaxInflightMsgs:           maxInflightMessages,
		CheckQuorum:               true,
		PreVote:                   true,
		DisableProposalForwarding: true,
		StepDownOnRemoval:         true,
		Logger:                    raftLogger{log},
	})
	if err != nil {
		return nil, fmt.Errorf("start raft: %w", err)
	}
	return &Core{node: node}, nil
}

// Tick advances Raft's clock by one tick.
func (c *Core) Tick() { c.node.Tick() }

// Campaign makes the voter stand for election now. A follower first forgets its
// leader: others that also lost it will then not refuse the pre-vote.
func (c *Core) Campaign() error {
	if err := c.node.ForgetLeader(); err != nil {
		return err
	}
	return c.node.Campaign()
}

// Step takes in a message from another voter.
func (c *Core) Step(m Message) error { return c.node.Step(m.raft) }

// Propose appends data to the leader's log; it fails on any other voter.
func (c *Core) Propose(data []byte) error { return c.node.Propose(data) }

// proposeChange proposes a change of the membership.
func (c *Core) proposeChange(cc *pb.ConfChange) error { return c.node.ProposeConfChange(cc) }

// ready returns work to do, if there is any: first save HardState, Entries and
// Snapshot durably, then send Messages and apply CommittedEntries, then call
// advance.
func (c *Core) ready() (raft.Ready, bool) {
	if !c.node.HasReady() {
		return raft.Ready{}, false
	}
	return c.node.Ready(), true
}

func (c *Core) advance(rd raft.Ready) { c.node.Advance(rd) }

// role is what a voter currently is, with its view of the leader.
type role struct {
	term   uint64
	leader RaftID // 0 = unknown
	leads  bool
	// candidate says that it has asked for votes in its term.
	candidate bool
	commit    uint64
	state     string
}

func (c *Core) role() role {
	s := c.node.BasicStatus()
	return role{
		term: s.GetTerm(), leader: RaftID(s.Lead), leads: s.RaftState == raft.StateLeader,
		candidate: s.RaftState == raft.StateCandidate,
		commit:    s.GetCommit(), state: s.RaftState.String(),
	}
}

// progress calls f for every member with the highest index that the leader
// knows it to have stored, by Raft id. It is empty except on the leader.
func (c *Core) progress(f func(id RaftID, match uint64, active bool)) {
	if c.node.BasicStatus().RaftState != raft.StateLeader {
		return
	}
	c.node.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
		f(RaftID(id), pr.Match, pr.RecentActive)
	})
}

// raftLogger gives Raft's own lines to slog at debug level; what matters to an
// operator is logged by Voter in Kafka's terms. Panicf panics, as Raft's
// contract demands; Voter turns that into a failed voter.
type raftLogger struct{ log *slog.Logger }

var _ raft.Logger = raftLogger{}

func (l raftLogger) at(level slog.Level, v ...any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, fmt.Sprint(v...))
	}
}

func (l raftLogger) atf(level slog.Level, format string, v ...any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, fmt.Sprintf(format, v...))
	}
}

func (l raftLogger) Debug(v ...any)              { l.at(slog.LevelDebug, v...) }
func (l raftLogger) Debugf(f string, v ...any)   { l.atf(slog.LevelDebug, f, v...) }
func (l raftLogger) Info(v ...any)               { l.at(slog.LevelDebug, v...) }
func (l raftLogger) Infof(f string, v ...any)    { l.atf(slog.LevelDebug, f, v...) }
func (l raftLogger) Warning(v ...any)            { l.at(slog.LevelDebug, v...) }
func (l raftLogger) Warningf(f string, v ...any) { l.atf(slog.LevelDebug, f, v...) }
func (l raftLogger) Error(v ...any)              { l.at(slog.LevelWarn, v...) }
func (l raftLogger) Errorf(f string, v ...any)   { l.atf(slog.LevelWarn, f, v...) }
func (l raftLogger) Fatal(v ...any)              { panic(fmt.Sprint(v...)) }
func (l raftLogger) Fatalf(f string, v ...any)   { panic(fmt.Sprintf(f, v...)) }
func (l raftLogger) Panic(v ...any)              { panic(fmt.Sprint(v...)) }
func (l raftLogger) Panicf(f string, v ...any)   { panic(fmt.Sprintf(f, v...)) }
