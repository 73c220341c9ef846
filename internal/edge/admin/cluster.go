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

// Node is a broker.
type Node struct {
	ID   int32
	Host string
	Port int32
	Rack *string
}

// Nodes lists the cluster's live brokers, by id.
func (a *Admin) Nodes(ctx context.Context) ([]Node, error) {
	resp, err := call[*kmsg.DescribeClusterResponse](ctx, a, "describeCluster", nil, kmsg.NewPtrDescribeClusterRequest())
	if err != nil {
		return nil, err
	}
	if err := coded(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return nil, err
	}
	var nodes []Node
	for _, b := range resp.Brokers {
		nodes = append(nodes, Node{b.NodeID, b.Host, b.Port, b.Rack})
	}
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	return nodes, nil
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
