package admin

import (
	"context"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/config"
)

// ConfigEntry is one key of a resource, as the broker describes it.
type ConfigEntry struct {
	Name      string
	Value     *string // nil: null, or sensitive
	Source    config.Source
	Sensitive bool
	ReadOnly  bool
	Synonyms  []config.Synonym
}

// IsDefault says whether nobody has set the value: it is the broker's default, not the topic's or the file's.
func (e ConfigEntry) IsDefault() bool { return e.Source == config.Default }

// Resource names what has configs.
type Resource struct {
	Type config.Resource
	Name string
}

// DescribeConfigs describes resources with synonyms. Configs of a broker are asked of that broker. The entries of a
// resource keep the order of the answer.
func (a *Admin) DescribeConfigs(ctx context.Context, resources ...Resource) (map[Resource][]ConfigEntry, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.IncludeSynonyms = true
	for _, r := range resources {
		rr := kmsg.NewDescribeConfigsRequestResource()
		rr.ResourceType, rr.ResourceName = kmsg.ConfigResourceType(r.Type), r.Name
		req.Resources = append(req.Resources, rr)
	}
	found := map[Resource][]ConfigEntry{}
	if len(resources) == 0 {
		return found, nil
	}
	resp, err := call[*kmsg.DescribeConfigsResponse](ctx, a, "describeConfigs", a.target(resources[0]), req)
	if err != nil {
		return nil, err
	}
	for _, r := range resp.Resources {
		if err := coded(r.ErrorCode, r.ErrorMessage); err != nil {
			return nil, err
		}
		var entries []ConfigEntry
		for _, c := range r.Configs {
			e := ConfigEntry{Name: c.Name, Value: c.Value, Source: config.Source(c.Source), Sensitive: c.IsSensitive, ReadOnly: c.ReadOnly}
			for _, s := range c.ConfigSynonyms {
				e.Synonyms = append(e.Synonyms, config.Synonym{Name: s.Name, Value: s.Value, Source: config.Source(s.Source)})
			}
			entries = append(entries, e)
		}
		found[Resource{config.Resource(r.ResourceType), r.ResourceName}] = entries
	}
	return found, nil
}

// target is the broker that must be asked about a resource, nil for any.
func (a *Admin) target(r Resource) kmsg.Requestor {
	if (r.Type == config.Broker || r.Type == config.BrokerLogger) && r.Name != "" {
		if id, err := strconv.ParseInt(r.Name, 10, 32); err == nil {
			return a.broker(int32(id))
		}
	}
	return nil
}

// Op is what happens to one key.
type Op struct {
	Key   string
	Value *string
	Do    kmsg.IncrementalAlterConfigOp
}

// AlterConfigs changes keys of one resource at once.
func (a *Admin) AlterConfigs(ctx context.Context, r Resource, ops []Op) error {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	rr := kmsg.NewIncrementalAlterConfigsRequestResource()
	rr.ResourceType, rr.ResourceName = kmsg.ConfigResourceType(r.Type), r.Name
	for _, op := range ops {
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Value, c.Op = op.Key, op.Value, op.Do
		rr.Configs = append(rr.Configs, c)
	}
	req.Resources = append(req.Resources, rr)
	resp, err := call[*kmsg.IncrementalAlterConfigsResponse](ctx, a, "incrementalAlterConfigs", a.target(r), req)
	if err != nil {
		return err
	}
	for _, r := range resp.Resources {
		if err := coded(r.ErrorCode, r.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

// ConfigResources lists the resources of a type that have configs of their own (KIP-1142), by name.
func (a *Admin) ConfigResources(ctx context.Context, kind config.Resource) ([]string, error) {
	req := kmsg.NewPtrListConfigResourcesRequest()
	req.ResourceTypes = []int8{int8(kind)}
	resp, err := call[*kmsg.ListConfigResourcesResponse](ctx, a, "listConfigResources", nil, req)
	if err != nil {
		return nil, err
	}
	if err := coded(resp.ErrorCode, nil); err != nil {
		return nil, err
	}
	var names []string
	for _, r := range resp.ConfigResources {
		if config.Resource(r.Type) == kind || r.Type == 0 {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}
