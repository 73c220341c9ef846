package admin

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// Node is a broker or a controller.
type Node struct {
	ID     int32
	Host   string
	Port   int32
	Rack   *string
	Fenced bool
}

// Cluster is what a node says of its cluster.
type Cluster struct {
	ID           string // empty: it has none
	ControllerID int32  // -1: not known
	Nodes        []Node // by id
}

// DescribeCluster asks for the cluster's live brokers and, with fenced, for those too that are not; a client of
// controllers gets the controllers.
func (a *Admin) DescribeCluster(ctx context.Context, fenced bool) (Cluster, error) {
	resp, err := call[*kmsg.DescribeClusterResponse](ctx, a, "listNodes", nil, a.describeCluster(fenced))
	if err != nil {
		return Cluster{}, err
	}
	return cluster(resp)
}

func (a *Admin) describeCluster(fenced bool) *kmsg.DescribeClusterRequest {
	const controllers = 2
	req := kmsg.NewPtrDescribeClusterRequest()
	req.IncludeFencedBrokers = fenced
	if a.ofControllers() {
		req.EndpointType = controllers
	}
	return req
}

func cluster(resp *kmsg.DescribeClusterResponse) (Cluster, error) {
	if err := coded(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return Cluster{}, err
	}
	c := Cluster{ID: resp.ClusterID, ControllerID: resp.ControllerID}
	for _, b := range resp.Brokers {
		c.Nodes = append(c.Nodes, Node{b.NodeID, b.Host, b.Port, b.Rack, b.IsFenced})
	}
	slices.SortFunc(c.Nodes, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	return c, nil
}

// Nodes lists the cluster's live brokers, by id; a client of controllers gets the controllers.
func (a *Admin) Nodes(ctx context.Context) ([]Node, error) {
	c, err := a.DescribeCluster(ctx, false)
	return c.Nodes, err
}

// UnregisterBroker takes a broker that is gone out of the cluster.
func (a *Admin) UnregisterBroker(ctx context.Context, id int32) error {
	req := kmsg.NewPtrUnregisterBrokerRequest()
	req.BrokerID = id
	resp, err := call[*kmsg.UnregisterBrokerResponse](ctx, a, "unregisterBroker", nil, req)
	if err != nil {
		return err
	}
	return coded(resp.ErrorCode, resp.ErrorMessage)
}

// API is a request that a node knows, in these versions.
type API struct {
	Key, Min, Max int16
}

// APIVersions asks one node which requests it knows.
func (a *Admin) APIVersions(ctx context.Context, node int32) ([]API, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "headrace", "0"
	resp, err := call[*kmsg.ApiVersionsResponse](ctx, a, "apiVersions", a.broker(node), req)
	if err != nil {
		return nil, err
	}
	if err := javaerr.Coded(resp.ErrorCode, ""); err != nil {
		return nil, err
	}
	var apis []API
	for _, k := range resp.ApiKeys {
		apis = append(apis, API{k.ApiKey, k.MinVersion, k.MaxVersion})
	}
	return apis, nil
}

func (a *Admin) broker(id int32) *kgo.Broker { return a.cl.Broker(int(id)) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
