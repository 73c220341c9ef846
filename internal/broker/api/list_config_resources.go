package api

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// listedTypes are the resource types of ListConfigResources in the order in
// which they are listed.
var listedTypes = [...]metadata.ResourceType{
	metadata.ResourceGroup, metadata.ResourceClientMetrics, metadata.ResourceBrokerLogger,
	metadata.ResourceBroker, metadata.ResourceTopic,
}

// listConfigResources answers ListConfigResources, versions 0 and 1 (KIP-714
// listed client metrics only; KIP-1142 every type).
func (b *Broker) listConfigResources(c *call, req *kmsg.ListConfigResourcesRequest) {
	resp := kmsg.NewPtrListConfigResourcesResponse()
	wanted := listedTypes[:]
	if req.Version == 0 {
		wanted = []metadata.ResourceType{metadata.ResourceClientMetrics}
	} else if len(req.ResourceTypes) > 0 {
		wanted = nil
		for _, t := range req.ResourceTypes {
			if !slices.Contains(listedTypes[:], metadata.ResourceType(t)) {
				resp.ErrorCode = b.code(c, fmt.Errorf("resource type %d has no configs: %w", t, kerr.UnsupportedVersion))
				c.reply(resp)
				return
			}
			wanted = append(wanted, metadata.ResourceType(t))
		}
	}
	img := b.metadata.Image()
	for _, t := range wanted {
		for _, name := range resourceNames(img, t) {
			r := kmsg.NewListConfigResourcesResponseConfigResource()
			r.Name, r.Type = name, int8(t)
			resp.ConfigResources = append(resp.ConfigResources, r)
		}
	}
	c.reply(resp)
}

// resourceNames lists what a type of resource has: all topics and brokers, and
// of the other types those with a config of their own.
func resourceNames(img *metadata.Image, t metadata.ResourceType) []string {
	var names []string
	switch t {
	case metadata.ResourceTopic:
		for topic := range img.AllTopics() {
			names = append(names, topic.Name)
		}
	case metadata.ResourceBroker, metadata.ResourceBrokerLogger:
		for br := range img.AllBrokers() {
			names = append(names, strconv.Itoa(int(br.ID)))
		}
	default:
		for r := range img.AllConfigs() {
			if r.Type == t && r.Name != "" {
				names = append(names, r.Name)
			}
		}
	}
	return names
}
