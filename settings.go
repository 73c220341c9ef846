package headrace

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/headrace/headrace/internal/broker/api"
	"github.com/headrace/headrace/internal/broker/coordinator/group"
	"github.com/headrace/headrace/internal/broker/server"
	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/cluster/quorum"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/log"
	"github.com/headrace/headrace/internal/telemetry"
)

// dataDir is where a node that was started without a file keeps its data.
const dataDir = "./headrace-data"

// settings are what the parts of a node are told, read once from the
// configuration.
type settings struct {
	nodeID            int32
	clusterID         string
	rack              *string
	logDirs           []string
	metadataDir       string
	endpoints         []endpoint
	adminAddress      string
	voters            []quorum.VoterAddress
	snapshotBytes     int64
	heartbeat         time.Duration
	commitTimeout     time.Duration
	initialTaskDelay  time.Duration
	retentionInterval time.Duration
	limits            server.Limits
	groups            group.Config
	controller        controller.Config
	scrub             log.ScrubOptions
}

// configure reads the configuration and says what should be said of it.
func (n *Node) configure(c Config) (err error) {
	if n.cfg, err = c.load(); err != nil {
		return err
	}
	if n.opts.logger == nil {
		o := telemetry.LogOptions{Format: n.cfg.Text("headrace.log.format"), Level: n.cfg.Text("headrace.log.level")}
		if n.opts.logger, err = telemetry.NewLogger(n.opts.output, o); err != nil {
			return err
		}
	}
	for _, w := range n.cfg.Warnings() {
		n.opts.logger.Warn(w.String())
	}
	n.live = newLive(n.cfg)
	n.set, err = readSettings(n.cfg)
	return err
}

// load layers the properties of c: overrides win over Properties, these over
// the file.
func (c Config) load() (*config.Config, error) {
	var overrides []string
	for _, k := range slices.Sorted(maps.Keys(c.Properties)) {
		overrides = append(overrides, k+"="+c.Properties[k])
	}
	overrides = append(overrides, c.Overrides...)
	if c.File == "" {
		return config.Standalone(dataDir, overrides)
	}
	return config.Load(c.File, overrides)
}

func readSettings(c *config.Config) (settings, error) {
	if !c.IsBroker() || !c.IsController() {
		return settings{}, fmt.Errorf("process.roles=%v: a node is broker and controller in one for now; set process.roles=broker,controller", c.List("process.roles"))
	}
	if a := c.Text("authorizer.class.name"); a != "" {
		return settings{}, fmt.Errorf("authorizer.class.name=%s: ACLs are not enforced yet, and a node that is told to enforce them does not start without; remove the key to run open", a)
	}
	s := settings{
		nodeID: c.NodeID(), logDirs: c.LogDirs(), metadataDir: c.MetadataLogDir(),
		adminAddress:  c.Text("headrace.metrics.listener"),
		snapshotBytes: c.Int64("metadata.log.max.record.bytes.between.snapshots"),
		heartbeat:     c.Duration("broker.heartbeat.interval.ms"), commitTimeout: c.Duration("offsets.commit.timeout.ms"),
		initialTaskDelay: c.Duration("log.initial.task.delay.ms"), retentionInterval: c.Duration("log.retention.check.interval.ms"),
		groups:     groupSettings(c),
		controller: controllerSettings(c),
		scrub:      log.ScrubOptions{BytesPerSecond: c.Int64("log.scrub.max.bytes.per.second"), Interval: c.Duration("log.scrub.interval.ms")},
	}
	if rack := c.Text("broker.rack"); rack != "" {
		s.rack = &rack
	}
	var err error
	if s.limits, err = serverLimits(c); err != nil {
		return s, err
	}
	if s.endpoints, err = endpoints(c); err != nil {
		return s, err
	}
	if s.voters, err = voters(c); err != nil {
		return s, err
	}
	if others := otherVoters(s.voters, s.nodeID); others > 0 {
		return s, fmt.Errorf("the configuration names %d other controllers: a node is alone for now; name only this one in controller.quorum.voters or controller.quorum.bootstrap.servers", others)
	}
	return s, nil
}

// otherVoters counts the voters that are known to be other nodes.
func otherVoters(voters []quorum.VoterAddress, self int32) int {
	n := 0
	for _, v := range voters {
		if v.NodeID >= 0 && v.NodeID != self {
			n++
		}
	}
	return n
}

func groupSettings(c *config.Config) group.Config {
	g := group.DefaultConfig()
	g.InitialRebalanceDelay = c.Duration("group.initial.rebalance.delay.ms")
	g.MinSessionTimeout = c.Duration("group.min.session.timeout.ms")
	g.MaxSessionTimeout = c.Duration("group.max.session.timeout.ms")
	g.MaxSize = c.Int("group.max.size")
	g.OffsetMetadataMaxSize = c.Int("offset.metadata.max.bytes")
	g.OffsetsRetention = c.Duration("offsets.retention.minutes")
	g.OffsetsRetentionCheckInterval = c.Duration("offsets.retention.check.interval.ms")
	return g
}

func controllerSettings(c *config.Config) controller.Config {
	return controller.Config{
		NodeID: c.NodeID(), NumPartitions: c.Int32("num.partitions"),
		DefaultReplicationFactor: int16(c.Int("default.replication.factor")),
		MinInSyncReplicas:        c.Int32("min.insync.replicas"),
		UncleanLeaderElection:    c.Bool("unclean.leader.election.enable"),
		DeleteTopicDisabled:      !c.Bool("delete.topic.enable"),
		SessionTimeout:           c.Duration("broker.session.timeout.ms"),
		DisableAutoRebalance:     !c.Bool("auto.leader.rebalance.enable"),
		RebalanceInterval:        c.Duration("leader.imbalance.check.interval.seconds"),
		UncleanInterval:          c.Duration("unclean.leader.election.interval.ms"),
		Features:                 featureRanges(c),
		Schema:                   schema{c},
	}
}

// featureRanges lists the levels of features that this node supports.
func featureRanges(c *config.Config) []metadata.FeatureRange {
	if c.Bool("unstable.feature.versions.enable") {
		return metadata.UnstableFeatures()
	}
	return metadata.SupportedFeatures()
}

// endpoints joins what is listened on with what is advertised.
func endpoints(c *config.Config) ([]endpoint, error) {
	told := map[string]config.Listener{}
	for _, l := range slices.Concat(c.AdvertisedListeners(), c.AdvertisedControllerListeners()) {
		told[l.Name] = l
	}
	var out []endpoint
	for _, l := range c.Listeners() {
		if l.Protocol != config.Plaintext {
			return nil, fmt.Errorf("listener %s has the security protocol %s: only PLAINTEXT is served for now", l.Name, l.Protocol)
		}
		e := endpoint{name: l.Name, host: l.Host, port: l.Port, protocol: int16(l.Protocol), controller: c.IsControllerListener(l.Name)}
		if a, ok := told[l.Name]; ok {
			e.advertise = !e.controller
			e.advertisedHost, e.advertisedPort = a.Host, a.Port
		}
		out = append(out, e)
	}
	return out, nil
}

// voters lists the addresses of the quorum. A node whose controller listener has
// port 0 is alone: nobody could name its port beforehand.
func voters(c *config.Config) ([]quorum.VoterAddress, error) {
	if slices.ContainsFunc(c.ControllerListeners(), func(l config.Listener) bool { return l.Port == 0 }) {
		return nil, nil
	}
	var out []quorum.VoterAddress
	for _, v := range c.QuorumVoters() {
		out = append(out, quorum.VoterAddress{NodeID: v.ID, Host: v.Host, Port: uint16(v.Port)})
	}
	for _, s := range c.BootstrapServers() {
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			return nil, fmt.Errorf("controller.quorum.bootstrap.servers: %w", err)
		}
		p, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("controller.quorum.bootstrap.servers: port of %s: %w", s, err)
		}
		out = append(out, quorum.VoterAddress{NodeID: -1, Host: host, Port: uint16(p)})
	}
	return out, nil
}

func (n *Node) apiSettings() api.Settings {
	c := n.cfg
	return api.Settings{
		NodeID: n.set.nodeID, ClusterID: n.storage.clusterID, Features: featureRanges(c),
		AutoCreateTopics: c.Bool("auto.create.topics.enable"), FetchMaxBytes: c.Int("fetch.max.bytes"),
		TelemetryMaxBytes:      c.Int("telemetry.max.bytes"),
		MaxSessions:            c.Int("max.incremental.fetch.session.cache.slots"),
		OffsetsTopicPartitions: c.Int32("offsets.topic.num.partitions"),
		OffsetsTopicReplicas:   int16(c.Int("offsets.topic.replication.factor")),
		OffsetsTopicConfigs: map[string]string{
			"cleanup.policy": "compact", "compression.type": "producer",
			"segment.bytes": strconv.Itoa(c.Int("offsets.topic.segment.bytes")),
		},
	}
}
