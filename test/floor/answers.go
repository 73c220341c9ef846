//go:build linux

package main

import (
	"fmt"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// versions are the APIs that are served: names, not ids, of topics, and no more.
var versions = map[int16][2]int16{
	wire.Produce: {3, 9}, wire.Fetch: {4, 12}, wire.ListOffsets: {1, 6}, wire.Metadata: {1, 8},
	wire.APIVersions: {0, 3}, wire.CreateTopics: {2, 6}, wire.InitProducerID: {0, 4},
}

// other answers what a client asks before it produces or fetches.
func (c *conn) other(h *wire.Header, body []byte) error {
	req := kmsg.RequestForKey(h.Key.Num)
	req.SetVersion(h.Version)
	if err := req.ReadFrom(body); err != nil {
		return err
	}
	var resp kmsg.Response
	var err error
	switch r := req.(type) {
	case *kmsg.ApiVersionsRequest:
		resp = c.apiVersions()
	case *kmsg.MetadataRequest:
		resp, err = c.metadata(r)
	case *kmsg.CreateTopicsRequest:
		resp, err = c.createTopics(r)
	case *kmsg.ListOffsetsRequest:
		resp = c.listOffsets(r)
	case *kmsg.InitProducerIDRequest:
		id := kmsg.NewPtrInitProducerIDResponse()
		id.ProducerID = int64(c.nc.RemoteAddr().(*net.TCPAddr).Port)
		resp = id
	default:
		err = fmt.Errorf("no answer to %s", h.Key.Name)
	}
	if err != nil {
		return err
	}
	resp.SetVersion(h.Version)
	return c.send(resp.AppendTo(wire.AppendResponseHeader(nil, h)))
}

func (c *conn) apiVersions() kmsg.Response {
	resp := kmsg.NewPtrApiVersionsResponse()
	for key, v := range versions {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = key, v[0], v[1]
		resp.ApiKeys = append(resp.ApiKeys, k)
	}
	return resp
}

func (c *conn) metadata(r *kmsg.MetadataRequest) (kmsg.Response, error) {
	host, port, err := net.SplitHostPort(c.b.addr.String())
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	resp := kmsg.NewPtrMetadataResponse()
	node := kmsg.NewMetadataResponseBroker()
	node.NodeID, node.Host, node.Port = 1, host, int32(n)
	resp.Brokers, resp.ControllerID = append(resp.Brokers, node), 1
	for _, asked := range r.Topics {
		t, err := c.b.create(*asked.Topic, 1)
		if err != nil {
			return nil, err
		}
		out := kmsg.NewMetadataResponseTopic()
		out.Topic = &t.name
		for i := range t.parts {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Partition, p.Leader, p.Replicas, p.ISR = int32(i), 1, []int32{1}, []int32{1}
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}

func (c *conn) createTopics(r *kmsg.CreateTopicsRequest) (kmsg.Response, error) {
	resp := kmsg.NewPtrCreateTopicsResponse()
	for _, asked := range r.Topics {
		if _, err := c.b.create(asked.Topic, int(max(asked.NumPartitions, 1))); err != nil {
			return nil, err
		}
		t := kmsg.NewCreateTopicsResponseTopic()
		t.Topic = asked.Topic
		resp.Topics = append(resp.Topics, t)
	}
	return resp, nil
}

func (c *conn) listOffsets(r *kmsg.ListOffsetsRequest) kmsg.Response {
	resp := kmsg.NewPtrListOffsetsResponse()
	for _, asked := range r.Topics {
		t := kmsg.NewListOffsetsResponseTopic()
		t.Topic = asked.Topic
		for _, q := range asked.Partitions {
			p := kmsg.NewListOffsetsResponseTopicPartition()
			p.Partition, p.Offset = q.Partition, 0
			if at := c.b.partition(asked.Topic, q.Partition); at != nil && q.Timestamp == -1 {
				_, _, p.Offset, _ = at.find(1<<62, 0)
			}
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
