// Package api answers requests: one file for each API, and one table (table.go)
// from which dispatch, ApiVersions and the reference page are made. It is the
// only place where errors become the protocol's codes.
package api

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/groups"
	"github.com/headrace/headrace/internal/broker/replica"
	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/kafka/wire"
	"github.com/headrace/headrace/internal/telemetry"
)

// Metadata is this broker's view of the cluster.
type Metadata interface {
	// Image is the newest image that this broker's partitions follow.
	Image() *metadata.Image
	// Await waits until Image is at least as new as everything that the
	// controller has answered before the call, or until ctx ends.
	Await(ctx context.Context) error
}

// Controller takes the requests that change the cluster, here or on another
// node.
type Controller interface {
	// Submit sends a request to the active controller and returns its answer.
	// The error wraps a kerr code, or is that of ctx.
	Submit(ctx context.Context, req kmsg.Request, from controller.Requester) (kmsg.Response, error)
}

// Quorum describes the metadata quorum (DescribeQuorum).
type Quorum interface {
	Describe(ctx context.Context) (QuorumState, error)
}

// QuorumState is the metadata log's replication state.
type QuorumState struct {
	LeaderID      int32
	LeaderEpoch   int32
	HighWatermark int64
	Voters        []QuorumReplica
	Observers     []QuorumReplica
	// Nodes are the voters' addresses.
	Nodes []QuorumNode
}

// QuorumReplica is one replica of the metadata log.
type QuorumReplica struct {
	ID           int32
	DirectoryID  metadata.UUID
	LogEndOffset int64
	// LastFetch and LastCaughtUp are zero where they are not known.
	LastFetch, LastCaughtUp time.Time
}

// QuorumNode is a voter's address on a controller listener.
type QuorumNode struct {
	ID       int32
	Listener string
	Host     string
	Port     uint16
}

// ProducerIDs gives out producer ids that nobody has had before.
type ProducerIDs interface {
	Next(ctx context.Context) (int64, error)
}

// Configs answers what DescribeConfigs asks.
type Configs interface {
	// Describe lists the configs of a resource in an image, sorted by name.
	// names restricts it; nil means all. The error wraps a kerr code.
	Describe(img *metadata.Image, r metadata.ConfigResource, names []string) ([]kmsg.DescribeConfigsResponseResourceConfig, error)
}

// Settings are the broker's settings that handlers look at.
type Settings struct {
	NodeID                 int32
	ClusterID              string
	Features               []metadata.FeatureRange // that this software supports
	AutoCreateTopics       bool
	FetchMaxBytes          int // fetch.max.bytes
	MaxSessions            int // max.incremental.fetch.session.cache.slots
	TelemetryMaxBytes      int // telemetry.max.bytes
	OffsetsTopicPartitions int32
	OffsetsTopicReplicas   int16
	OffsetsTopicConfigs    map[string]string
}

// Broker answers the requests of one broker's listeners.
type Broker struct {
	settings   Settings
	metadata   Metadata
	controller Controller
	quorum     Quorum
	replicas   *replica.Manager
	groups     *groups.Coordinator
	producers  ProducerIDs
	configs    Configs
	sessions   *sessionCache
	clients    *telemetry.Clients
	table      []row // the package's table: methods cannot name it
	rows       map[int16]*row
	logger     *slog.Logger
	// readOnly is why nothing may be changed, nil where it may.
	readOnly error
	// ctx ends when the broker stops; it bounds what handlers wait for.
	ctx context.Context
	// requests counts what was served, by API key.
	requests [maxKey + 1]atomic.Int64
}

// maxKey is the highest API key of the table.
const maxKey = wire.DeleteShareGroupOffsets

// Requests calls emit with the name of every API that was asked for and how
// often.
func (b *Broker) Requests(emit func(name string, n int64)) {
	for i := range b.table {
		if n := b.requests[b.table[i].key].Load(); n > 0 {
			emit(wire.KeyOf(b.table[i].key).Name, n)
		}
	}
}

// Options are the parts that a Broker works with. Controller-only nodes leave
// Replicas and Groups nil.
type Options struct {
	Settings   Settings
	Metadata   Metadata
	Controller Controller
	Quorum     Quorum
	Replicas   *replica.Manager
	Groups     *groups.Coordinator
	Producers  ProducerIDs
	Configs    Configs
	// ReadOnly, if it is not nil, is what every request gets that would change
	// something. It wraps a kerr code.
	ReadOnly error
	Logger   *slog.Logger
}

// New returns the handler. ctx ends when the broker stops.
func New(ctx context.Context, o Options) *Broker {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Broker{
		ctx: ctx, settings: o.Settings, metadata: o.Metadata, controller: o.Controller, quorum: o.Quorum,
		replicas: o.Replicas, groups: o.Groups, producers: o.Producers, configs: o.Configs,
		logger: o.Logger, table: table[:], rows: indexRows(table[:]), sessions: newSessionCache(o.Settings.MaxSessions),
		clients: newClients(o.Settings.TelemetryMaxBytes), readOnly: o.ReadOnly,
	}
}
