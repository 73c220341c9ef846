package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// describeConfigs answers DescribeConfigs, versions 1 to 4 (KIP-226 synonyms,
// KIP-569 types and documentation).
func (b *Broker) describeConfigs(c *call, req *kmsg.DescribeConfigsRequest) {
	resp := kmsg.NewPtrDescribeConfigsResponse()
	img := b.metadata.Image()
	for i := range req.Resources {
		asked := &req.Resources[i]
		r := kmsg.NewDescribeConfigsResponseResource()
		r.ResourceType, r.ResourceName = asked.ResourceType, asked.ResourceName
		configs, err := b.configsOf(img, asked)
		if err != nil {
			r.ErrorCode, r.ErrorMessage = b.code(c, err), message(err)
		}
		for j := range configs {
			if !req.IncludeSynonyms {
				configs[j].ConfigSynonyms = nil
			}
			if !req.IncludeDocumentation {
				configs[j].Documentation = nil
			}
		}
		r.Configs = configs
		resp.Resources = append(resp.Resources, r)
	}
	c.reply(resp)
}

func (b *Broker) configsOf(img *metadata.Image, asked *kmsg.DescribeConfigsRequestResource) ([]kmsg.DescribeConfigsResponseResourceConfig, error) {
	if asked.ResourceType == kmsg.ConfigResourceTypeTopic {
		switch {
		case !validTopicName(asked.ResourceName):
			return nil, fmt.Errorf("%q is no topic name: %w", asked.ResourceName, kerr.InvalidTopicException)
		case img.Topic(asked.ResourceName) == nil:
			return nil, kerr.UnknownTopicOrPartition
		}
	}
	return b.configs.Describe(img, metadata.ConfigResource{Type: metadata.ResourceType(asked.ResourceType), Name: asked.ResourceName}, asked.ConfigNames)
}
