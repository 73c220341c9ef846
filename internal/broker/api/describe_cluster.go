package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What DescribeCluster may ask for (KIP-919).
const (
	endpointBrokers     = 1
	endpointControllers = 2
)

// describeCluster answers DescribeCluster, versions 0 to 2 (KIP-700; 1 asks for
// brokers or controllers, KIP-919; 2 includes fenced brokers, KIP-1073).
func (b *Broker) describeCluster(c *call, req *kmsg.DescribeClusterRequest) {
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.ClusterID, resp.EndpointType = b.settings.ClusterID, req.EndpointType
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = clusterOperations
	}
	served := int8(endpointBrokers)
	if c.listener().Controller {
		served = endpointControllers
	}
	if req.Version == 0 {
		req.EndpointType = served
	}
	if req.EndpointType != served {
		err := b.wrongEndpoint(req.EndpointType)
		resp.ErrorCode, resp.ErrorMessage = b.code(c, err), message(err)
		c.reply(resp)
		return
	}
	if served == endpointControllers {
		if err := b.describeControllers(resp); err != nil {
			resp.ErrorCode, resp.ErrorMessage = b.code(c, err), message(err)
		}
	} else {
		b.describeBrokers(c, req, resp)
	}
	c.reply(resp)
}

func (b *Broker) wrongEndpoint(asked int8) error {
	if asked != endpointBrokers && asked != endpointControllers {
		return fmt.Errorf("endpoint type %d is neither 1 (brokers) nor 2 (controllers): %w", asked, kerr.UnsupportedEndpointType)
	}
	return fmt.Errorf("this listener does not serve endpoint type %d: %w", asked, kerr.MismatchedEndpointType)
}

func (b *Broker) describeBrokers(c *call, req *kmsg.DescribeClusterRequest, resp *kmsg.DescribeClusterResponse) {
	for br := range b.metadata.Image().AllBrokers() {
		e, ok := br.Listener(c.listener().Name)
		if !ok || br.Fenced && !req.IncludeFencedBrokers {
			continue
		}
		resp.Brokers = append(resp.Brokers, kmsg.DescribeClusterResponseBroker{
			NodeID: br.ID, Host: e.Host, Port: int32(e.Port), Rack: br.Rack, IsFenced: br.Fenced,
		})
		if resp.ControllerID < 0 || br.ID == b.settings.NodeID {
			resp.ControllerID = br.ID
		}
	}
}

func (b *Broker) describeControllers(resp *kmsg.DescribeClusterResponse) error {
	q, err := b.quorum.Describe(b.ctx)
	if err != nil {
		return err
	}
	resp.ControllerID = q.LeaderID
	for _, n := range q.Nodes {
		resp.Brokers = append(resp.Brokers, kmsg.DescribeClusterResponseBroker{NodeID: n.ID, Host: n.Host, Port: int32(n.Port)})
	}
	return nil
}
