package headrace

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/api"
	"github.com/headrace/headrace/internal/broker/groups"
	"github.com/headrace/headrace/internal/broker/replica"
	"github.com/headrace/headrace/internal/broker/server"
	"github.com/headrace/headrace/internal/broker/session"
	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

// openBroker puts the broker's rooms together, from the metadata to the
// connections.
func (n *Node) openBroker() error {
	incarnation, err := uuid.New(rand.Reader)
	if err != nil {
		return err
	}
	n.replicas = replica.NewManager(replica.Options{
		BrokerID: n.set.nodeID, Dirs: n.dirs, Absent: n.absentDirs(), Logger: n.opts.logger,
		ReadOnly: n.quorum.Damage(), Settings: n.live.topic, Elected: n.elected, Resigned: n.resigned, Located: n.located,
	})
	n.follower = session.NewFollower(n.act, func() metadata.Position { return n.quorum.Image().Position() })
	n.session = session.New(session.Options{
		BrokerID: n.set.nodeID, ClusterID: n.storage.clusterID, Incarnation: incarnation,
		Listeners: n.advertised(), Rack: n.set.rack, LogDirs: n.dirIDs(), OfflineLogDirs: n.offlineDirs, Features: featureRanges(n.cfg),
		Heartbeat: n.set.heartbeat, Controller: ownRequests{n}, Position: n.follower.Position, Logger: n.opts.logger,
	})
	n.groups = groups.New(groups.Options{
		Open: openCoordinatorLog(n.replicas), Partitions: n.offsetsPartitions, Topics: topicNames{n.follower.Image},
		ReadOnly: n.quorum.Damage() != nil, Config: n.set.groups, CommitTimeout: n.set.commitTimeout, Logger: n.opts.logger,
	})
	n.assignments = session.NewAssignments(n.session, n.quorum.Image)
	// What handlers wait for ends with the node's connections.
	serving, stop := context.WithCancel(context.Background())
	n.stopServing = stop
	n.handler = api.New(serving, api.Options{
		Settings: n.apiSettings(), Metadata: n.follower, Controller: n.quorum, Quorum: quorumView{n},
		Replicas: n.replicas, Groups: n.groups, Producers: session.NewProducerIDs(n.session),
		Configs: n.live, ReadOnly: n.quorum.Damage(), Logger: n.opts.logger,
	})
	n.server = server.New(n.handler, n.set.limits, n.opts.logger)
	n.assemble()
	return nil
}

// ownRequests sends the broker's own requests to the controller.
type ownRequests struct{ n *Node }

// Submit implements session.Controller.
func (o ownRequests) Submit(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	return o.n.quorum.Submit(ctx, req, controller.Requester{Principal: "User:ANONYMOUS", ClientID: "broker-" + o.n.nodeName()})
}

// assemble lists the parts in the order in which they start.
func (n *Node) assemble() {
	n.parts.add(part{name: "metadata quorum", run: n.quorum.Run})
	n.parts.add(part{name: "metadata follower", run: n.follow})
	n.parts.add(part{name: "group coordinator", run: n.groups.Run})
	n.parts.add(part{name: "maintenance", run: n.maintain})
	n.parts.add(part{name: "storage watch", run: n.watchStorage})
	n.parts.add(part{name: "directory assignments", run: n.assignments.Run})
	n.parts.add(part{name: "moves between log directories", run: n.replicas.RunMoves})
	n.parts.add(part{name: "listeners", run: n.serve})
	n.parts.add(part{name: "broker session", run: n.keepSession})
}

// follow hands the metadata to the broker until ctx ends.
func (n *Node) follow(ctx context.Context) error {
	cancel := n.quorum.Subscribe(n.follower.Take)
	<-ctx.Done()
	cancel()
	return nil
}

// act is what the broker does about a change of the metadata.
func (n *Node) act(d *metadata.Delta) {
	if slices.ContainsFunc(d.Configs, func(r metadata.ConfigResource) bool { return r.Type == metadata.ResourceBroker }) {
		for _, w := range n.live.update(d.New) {
			n.opts.logger.Warn(w.String())
		}
		n.applyLimits()
	}
	if err := n.replicas.Apply(d); err != nil {
		n.opts.logger.Error("some partitions could not be brought in line with the metadata", "error", err)
	}
	if n.replicas.Pending() > 0 {
		n.watch.Look()
	}
	var gone []groups.DeletedTopic
	for _, t := range d.Topics {
		if t.New == nil {
			gone = append(gone, groups.DeletedTopic{Name: t.Name(), ID: t.ID()})
		}
	}
	if len(gone) > 0 {
		n.groups.TopicsDeleted(gone)
	}
	// The controller lets a fenced broker in when it has seen itself. One that
	// has lost all its directories has nothing to hurry for.
	if len(n.offlineDirs()) < len(n.dirs) {
		n.session.Poke()
	}
}

func (n *Node) elected(p *replica.Partition, epoch int32) {
	if p.Topic == metadata.GroupMetadataTopic {
		n.groups.Elected(p.Index, epoch)
	}
}

func (n *Node) resigned(p *replica.Partition) {
	if p.Topic == metadata.GroupMetadataTopic {
		n.groups.Resigned(p.Index)
	}
}

func (n *Node) offsetsPartitions() int32 {
	if t := n.follower.Image().Topic(metadata.GroupMetadataTopic); t != nil {
		return int32(len(t.Partitions))
	}
	return 0
}

// serve answers requests: those of controllers at once, those of clients when
// the broker has been let in.
func (n *Node) serve(ctx context.Context) error {
	defer context.AfterFunc(ctx, n.stopServing)()
	select {
	case <-n.session.Unfenced():
	case <-ctx.Done():
		return nil
	}
	// What it leads it has been told in the same batch.
	if n.follower.Await(ctx) != nil {
		return nil
	}
	if err := n.replicas.Quarantine(n.follower.Image()); err != nil {
		n.opts.logger.Warn("left-over partitions stay where they are", "error", err)
	}
	n.readyOnce.Do(func() { close(n.ready) })
	serving := "serving"
	if n.quorum.Damage() != nil {
		serving = "serving read-only"
	}
	n.opts.logger.Info(serving, "node", n.set.nodeID, "cluster", n.storage.clusterID,
		"listeners", n.addresses(), "metrics", n.metricsAddress(), "after", time.Since(n.started).Round(time.Millisecond))
	return n.server.Run(ctx, n.listeners...)
}

func (n *Node) addresses() []string {
	var out []string
	for _, l := range n.listeners {
		out = append(out, fmt.Sprintf("%s://%s", l.Name, l.Net.Addr()))
	}
	return out
}

// metricsAddress is where metrics are served, "" if they are not.
func (n *Node) metricsAddress() string {
	if n.admin == nil {
		return ""
	}
	return "http://" + n.admin.Addr().String() + "/metrics"
}

// keepSession keeps the broker registered until ctx ends. Then it tells the
// controller that this broker goes, so that others take over before it does:
// it is the first part to stop, everything below still works.
func (n *Node) keepSession(ctx context.Context) error {
	err := n.session.Run(ctx)
	if !n.abandoned.Load() {
		n.leave()
	}
	return err
}

func (n *Node) leave() {
	if err := n.session.Leave(context.Background()); err != nil {
		n.opts.logger.Warn("stopping without the controller's leave", "error", err)
	}
}

// maintain deletes what retention no longer wants, now and then.
func (n *Node) maintain(ctx context.Context) error {
	t := time.NewTimer(n.set.initialTaskDelay)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-t.C:
			n.retain(ctx, now)
			t.Reset(n.set.retentionInterval)
		}
	}
}

func (n *Node) retain(ctx context.Context, now time.Time) {
	n.replicas.Each(func(p *replica.Partition) bool {
		if p.Offline() {
			return true
		}
		deleted, err := p.Retain(now)
		if err != nil {
			n.opts.logger.Warn("retention failed", "partition", p.Name().String(), "error", err)
		}
		if deleted > 0 {
			n.opts.logger.Info("deleted old segments", "partition", p.Name().String(), "segments", deleted, "logStartOffset", p.Log().StartOffset())
		}
		return ctx.Err() == nil
	})
}
