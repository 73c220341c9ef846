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
	served := int8(endpointBrokers)
	if c.listener().Controller {
		served = endpointControllers
	}
	if err := checkEndpoint(req, served); err != nil {
		// Every other field keeps its default, the endpoint type too.
		resp.ErrorCode, resp.ErrorMessage = b.code(c, err), message(err)
		c.reply(resp)
		return
	}
	resp.ClusterID, resp.EndpointType = b.settings.ClusterID, served
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = clusterOperations
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

// endpointNames are the names of the endpoint types in Kafka's texts.
var endpointNames = map[int8]string{endpointBrokers: "BROKER", endpointControllers: "CONTROLLER"}

// checkEndpoint refuses a request that is meant for another kind of listener
// (AuthHelper.computeDescribeClusterResponse). Version 0 means brokers and does
// not know the codes of later ones.
func checkEndpoint(req *kmsg.DescribeClusterRequest, served int8) error {
	asked, known := endpointNames[req.EndpointType]
	err := &endpointError{}
	switch {
	case !known:
		err.kind, err.text = kerr.UnsupportedEndpointType, fmt.Sprintf("Unsupported endpoint type %d", req.EndpointType)
	case req.EndpointType != served:
		err.kind = kerr.MismatchedEndpointType
		err.text = fmt.Sprintf("The request was sent to an endpoint of type %s, but we wanted an endpoint of type %s", endpointNames[served], asked)
	default:
		return nil
	}
	if req.Version == 0 {
		err.kind = kerr.InvalidRequest
	}
	return err
}

// endpointError has the text that clients get, which is Kafka's alone.
type endpointError struct {
	kind *kerr.Error
	text string
}

func (e *endpointError) Error() string { return e.text }
func (e *endpointError) Unwrap() error { return e.kind }

// ClientMessage implements wire.Messager.
func (e *endpointError) ClientMessage() string { return e.text }

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
