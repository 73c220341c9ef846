package controller

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// Config is what a controller is told once. Zero values mean Kafka's defaults.
type Config struct {
	NodeID    int32  // node.id of this controller
	ClusterID string // brokers must name it to register

	NumPartitions            int32         // num.partitions; 0: 1
	DefaultReplicationFactor int16         // default.replication.factor; 0: 1
	MinInSyncReplicas        int32         // min.insync.replicas of a cluster that sets none; 0: 1
	UncleanLeaderElection    bool          // unclean.leader.election.enable where nothing else is set
	DeleteTopicDisabled      bool          // delete.topic.enable=false
	SessionTimeout           time.Duration // broker.session.timeout.ms; 0: 9 s

	DisableAutoRebalance bool          // auto.leader.rebalance.enable=false
	RebalanceInterval    time.Duration // leader.imbalance.check.interval.seconds; 0: 5 min
	UncleanInterval      time.Duration // unclean.leader.election.interval.ms; 0: 5 min

	// QuorumNodes are the ids of all controllers, for the check that each of
	// them supports a feature before it is finalized. Nil: only this one.
	QuorumNodes []int32
	// Features are the levels that this controller supports; nil: all that
	// metadata.SupportedFeatures names.
	Features []metadata.FeatureRange
	// Schema knows the configs; nil accepts every config of every resource.
	Schema ConfigSchema
}

// ConfigSchema knows what configs mean. Its methods must be pure: the same
// arguments give the same answer on every controller.
type ConfigSchema interface {
	// List tells whether a config is a list, which can be appended to and
	// subtracted from, and the value that it has where none is set.
	List(t metadata.ResourceType, name string) (value string, ok bool)
	// Validate checks the configs that a resource would have after a change.
	// An error wraps the kerr error for the client; one that wraps none stands
	// for INVALID_CONFIG. Its text goes to the client.
	Validate(r metadata.ConfigResource, configs, existing map[string]string) error
	// TopicConfigs gives all configs of a new topic with their sources, sorted
	// by name, from what is set on the topic, on this node and on the cluster.
	TopicConfigs(topic map[string]string, node, cluster metadata.ConfigSet) []kmsg.CreateTopicsResponseTopicConfig
}

// Requester is who sent a request.
type Requester struct {
	Principal string // such as "User:alice"
	ClientID  string
	// Forwarded says that a broker has passed a client's request on.
	Forwarded bool
	// Authorizer says what the requester may do; nil allows everything.
	Authorizer Authorizer
}

// Authorizer answers whether an operation on a resource is allowed.
type Authorizer interface {
	Allowed(op kmsg.ACLOperation, t kmsg.ACLResourceType, name string) bool
}

// Decision is what a request leads to.
type Decision struct {
	// Records are to be proposed together, as one atomic batch; there may be
	// none. The reply must not be sent before they are committed or, if there
	// are none, before everything that the image holds is: the decision was
	// made on it.
	Records []metadata.Record
	// Reply answers the request, in the request's version.
	Reply kmsg.Response
}

// ErrUnhandled marks a request that no row of the controller's table is for.
var ErrUnhandled = errors.New("not a request for the controller")

// Controller decides. Beside its configuration it holds only what it has heard
// from brokers since it became active: soft state, which a new controller
// builds up again. It is not safe for concurrent use. Whoever drives it calls
// Reset when it becomes active, and always passes the latest image: the one
// with the records of all earlier decisions applied, committed or not.
type Controller struct {
	cfg      Config
	contacts map[metadata.BrokerID]*contact
	// When the periodic work was last done; zero before the first time.
	balanced, uncleaned time.Time
	ticked              time.Time // the last tick
}

// New gives a controller that has heard from no broker yet.
func New(cfg Config) *Controller {
	cfg.setDefaults()
	return &Controller{cfg: cfg, contacts: map[metadata.BrokerID]*contact{}}
}

func (cfg *Config) setDefaults() {
	setDefault(&cfg.NumPartitions, 1)
	setDefault(&cfg.DefaultReplicationFactor, 1)
	setDefault(&cfg.MinInSyncReplicas, 1)
	setDefault(&cfg.SessionTimeout, 9*time.Second)
	setDefault(&cfg.RebalanceInterval, 5*time.Minute)
	setDefault(&cfg.UncleanInterval, 5*time.Minute)
	if cfg.Features == nil {
		cfg.Features = metadata.SupportedFeatures()
	}
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Reset forgets what was heard from brokers. It must be called when this node
// becomes the active controller: sessions then start anew.
func (c *Controller) Reset() {
	clear(c.contacts)
	c.balanced, c.uncleaned, c.ticked = time.Time{}, time.Time{}, time.Time{}
}

// exchange is one request under way.
type exchange struct {
	img  *metadata.Image
	now  time.Time
	rnd  *rand.Rand
	from Requester
	// out collects the records of the decision.
	out []metadata.Record
}

func (x *exchange) emit(records ...metadata.Record) { x.out = append(x.out, records...) }

// allowed tells whether the requester may do op.
func (x *exchange) allowed(op kmsg.ACLOperation, t kmsg.ACLResourceType, name string) bool {
	return x.from.Authorizer == nil || x.from.Authorizer.Allowed(op, t, name)
}

// clusterAllowed is allowed for operations on the cluster.
func (x *exchange) clusterAllowed(op kmsg.ACLOperation) bool {
	return x.allowed(op, kmsg.ACLResourceTypeCluster, clusterResource)
}

// clusterResource is the name of the only cluster resource (Resource.CLUSTER_NAME).
const clusterResource = "kafka-cluster"

// Handle decides about one request. rnd serves placement and new topic ids; the
// caller seeds it well, for ids must not repeat. What the client did wrong is in
// the reply; the error wraps [ErrUnhandled] if the request is none of the
// controller's.
func (c *Controller) Handle(img *metadata.Image, now time.Time, rnd *rand.Rand, req kmsg.Request, from Requester) (Decision, error) {
	r := rowOf(req.Key())
	if r == nil {
		return Decision{}, fmt.Errorf("%w: API key %d", ErrUnhandled, req.Key())
	}
	x := &exchange{img: img, now: now, rnd: rnd, from: from}
	return r.run(c, x, req), nil
}

// Handles tells whether requests with this API key are for the controller.
func Handles(key int16) bool { return rowOf(key) != nil }
