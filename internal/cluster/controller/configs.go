package controller

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// configOp is one change that a client wants of one config.
type configOp struct {
	name  string
	op    kmsg.IncrementalAlterConfigOp
	value *string
}

// configTarget is one resource of a request that changes configs.
type configTarget struct {
	resource metadata.ConfigResource
	ops      []configOp
	// replace says that what is not named is removed (the older AlterConfigs).
	replace bool
}

// incrementalAlterConfigs changes single configs of resources (KIP-339,
// ConfigurationControlManager.incrementalAlterConfigs).
func (c *Controller) incrementalAlterConfigs(x *exchange, req *kmsg.IncrementalAlterConfigsRequest, resp *kmsg.IncrementalAlterConfigsResponse) error {
	targets := make([]configTarget, 0, len(req.Resources))
	for _, r := range req.Resources {
		t := configTarget{resource: metadata.ConfigResource{Type: metadata.ResourceType(r.ResourceType), Name: r.ResourceName}}
		for _, o := range r.Configs {
			t.ops = append(t.ops, configOp{o.Name, o.Op, o.Value})
		}
		targets = append(targets, t)
	}
	c.changeConfigs(x, targets, req.ValidateOnly, func(r metadata.ConfigResource, f *fault) {
		resp.Resources = append(resp.Resources, incrementalResult(r, f))
	})
	return nil
}

func refuseIncrementalAlterConfigs(req *kmsg.IncrementalAlterConfigsRequest, resp *kmsg.IncrementalAlterConfigsResponse, f *fault) {
	for _, r := range req.Resources {
		resource := metadata.ConfigResource{Type: metadata.ResourceType(r.ResourceType), Name: r.ResourceName}
		resp.Resources = append(resp.Resources, incrementalResult(resource, f))
	}
}

func incrementalResult(r metadata.ConfigResource, f *fault) kmsg.IncrementalAlterConfigsResponseResource {
	out := kmsg.NewIncrementalAlterConfigsResponseResource()
	out.ResourceType, out.ResourceName = kmsg.ConfigResourceType(r.Type), r.Name
	f.fill(&out.ErrorCode, &out.ErrorMessage)
	return out
}

// alterConfigs replaces all configs of resources
// (ConfigurationControlManager.legacyAlterConfigs).
func (c *Controller) alterConfigs(x *exchange, req *kmsg.AlterConfigsRequest, resp *kmsg.AlterConfigsResponse) error {
	targets := make([]configTarget, 0, len(req.Resources))
	for _, r := range req.Resources {
		t := configTarget{
			resource: metadata.ConfigResource{Type: metadata.ResourceType(r.ResourceType), Name: r.ResourceName},
			replace:  true,
		}
		for _, o := range r.Configs {
			t.ops = append(t.ops, configOp{o.Name, kmsg.IncrementalAlterConfigOpSet, o.Value})
		}
		targets = append(targets, t)
	}
	c.changeConfigs(x, targets, req.ValidateOnly, func(r metadata.ConfigResource, f *fault) {
		resp.Resources = append(resp.Resources, legacyResult(r, f))
	})
	return nil
}

func refuseAlterConfigs(req *kmsg.AlterConfigsRequest, resp *kmsg.AlterConfigsResponse, f *fault) {
	for _, r := range req.Resources {
		resource := metadata.ConfigResource{Type: metadata.ResourceType(r.ResourceType), Name: r.ResourceName}
		resp.Resources = append(resp.Resources, legacyResult(resource, f))
	}
}

func legacyResult(r metadata.ConfigResource, f *fault) kmsg.AlterConfigsResponseResource {
	out := kmsg.NewAlterConfigsResponseResource()
	out.ResourceType, out.ResourceName = kmsg.ConfigResourceType(r.Type), r.Name
	f.fill(&out.ErrorCode, &out.ErrorMessage)
	return out
}

// changeConfigs emits the changes of each resource that may be changed, and
// answers about each in the order of the request.
func (c *Controller) changeConfigs(x *exchange, targets []configTarget, validateOnly bool, answer func(metadata.ConfigResource, *fault)) {
	times := map[metadata.ConfigResource]int{}
	for _, t := range targets {
		times[t.resource]++
	}
	for _, t := range targets {
		f := refuseTarget(x, &t, times[t.resource] > 1)
		if f == nil {
			f = c.refuseAsBroker(x, &t)
		}
		if f == nil {
			var records []metadata.Record
			records, f = c.configRecords(x, &t)
			x.emit(records...)
		}
		answer(t.resource, f)
	}
	if elrEnabled(x.img) {
		x.emit(clearElr(x.out)...)
	}
	if validateOnly {
		x.out = nil
	}
}

// refuseTarget checks what can be checked without the configs themselves
// (ConfigAdminManager.preprocess, ControllerApis.authorizeAlterResource).
func refuseTarget(x *exchange, t *configTarget, repeated bool) *fault {
	if repeated {
		return faultf(kerr.InvalidRequest, "Each resource must appear at most once.")
	}
	names := map[string]bool{}
	var null []string
	for _, o := range t.ops {
		if names[o.name] {
			return faultf(kerr.InvalidRequest, "Error due to duplicate config keys")
		}
		names[o.name] = true
		if unknownOp(o.op) {
			return faultf(kerr.InvalidRequest, "Unknown operations type %d", o.op)
		}
		if o.value == nil && o.op != kmsg.IncrementalAlterConfigOpDelete {
			null = append(null, o.name)
		}
	}
	if len(null) > 0 {
		return faultf(kerr.InvalidRequest, "Null value not supported for : %s", strings.Join(null, ", "))
	}
	switch t.resource.Type {
	case metadata.ResourceTopic:
		if !x.allowed(kmsg.ACLOperationAlterConfigs, kmsg.ACLResourceTypeTopic, t.resource.Name) {
			return general(kerr.TopicAuthorizationFailed)
		}
	case metadata.ResourceGroup:
		if !x.allowed(kmsg.ACLOperationAlterConfigs, kmsg.ACLResourceTypeGroup, t.resource.Name) {
			return general(kerr.GroupAuthorizationFailed)
		}
	case metadata.ResourceBroker, metadata.ResourceClientMetrics:
		if !x.clusterAllowed(kmsg.ACLOperationAlterConfigs) {
			return general(kerr.ClusterAuthorizationFailed)
		}
		if t.resource.Type == metadata.ResourceClientMetrics && t.resource.Name == "" {
			return faultf(kerr.InvalidRequest, "Subscription name can't be empty")
		}
	case metadata.ResourceBrokerLogger:
		return refuseLogger(x, t)
	default:
		return faultf(kerr.InvalidRequest, "Unknown resource type %d", t.resource.Type)
	}
	return nil
}

// configRecords gives the records that change one resource, checked as a whole.
func (c *Controller) configRecords(x *exchange, t *configTarget) ([]metadata.Record, *fault) {
	existing := x.img.Configs(t.resource)
	after := existing.Map()
	var records []metadata.Record
	for _, o := range t.ops {
		value, f := c.applyOp(existing, t.resource, o, notAList)
		if f != nil {
			return nil, f
		}
		if f := c.checkRule(x, t.resource, existing, o.name, value); f != nil {
			return nil, f
		}
		if value == nil {
			delete(after, o.name)
		} else {
			after[o.name] = *value
		}
		// A broker reloads what it is told again, such as a changed key store
		// (KAFKA-14136); other resources are told only what differs.
		if old, ok := existing.Get(o.name); t.resource.Type == metadata.ResourceBroker || ok != (value != nil) || ok && old != *value {
			records = append(records, configRecord(t.resource, o.name, value))
		}
	}
	if t.replace {
		for name := range existing.All() {
			if slices.ContainsFunc(t.ops, func(o configOp) bool { return o.name == name }) {
				continue
			}
			if f := c.checkRule(x, t.resource, existing, name, nil); f != nil {
				return nil, f
			}
			delete(after, name)
			records = append(records, configRecord(t.resource, name, nil))
		}
	}
	if f := c.validateConfigs(t.resource, after, existing.Map()); f != nil {
		return nil, f
	}
	if f := c.checkExists(x.img, t.resource); f != nil {
		return nil, f
	}
	return records, nil
}

func configRecord(r metadata.ConfigResource, name string, value *string) *metadata.ConfigRecord {
	return &metadata.ConfigRecord{ResourceType: r.Type, ResourceName: r.Name, Name: name, Value: value}
}

// applyOp gives the value of a config after one operation; nil is none. What is
// not a list cannot be appended to or subtracted from.
func (c *Controller) applyOp(existing metadata.ConfigSet, r metadata.ConfigResource, o configOp, notAList func(configOp) *fault) (*string, *fault) {
	switch o.op {
	case kmsg.IncrementalAlterConfigOpSet:
		return o.value, nil
	case kmsg.IncrementalAlterConfigOpDelete:
		return nil, nil
	}
	current, isList := "", c.cfg.Schema == nil
	if !isList {
		current, isList = c.cfg.Schema.List(r.Type, o.name)
	}
	if !isList {
		return nil, notAList(o)
	}
	if v, ok := existing.Get(o.name); ok {
		current = v
	}
	return changeList(current, o), nil
}

func notAList(o configOp) *fault {
	return faultf(kerr.InvalidConfig, "Can't %s to key %s because its type is not LIST.", strings.ToUpper(o.op.String()), o.name)
}

func unknownOp(op kmsg.IncrementalAlterConfigOp) bool {
	return op < kmsg.IncrementalAlterConfigOpSet || op > kmsg.IncrementalAlterConfigOpSubtract
}

// changeList appends to a list, or subtracts from it.
func changeList(current string, o configOp) *string {
	parts := slices.DeleteFunc(strings.Split(current, ","), func(p string) bool { return p == "" })
	for p := range strings.SplitSeq(*o.value, ",") {
		at := slices.Index(parts, p)
		switch {
		case o.op == kmsg.IncrementalAlterConfigOpAppend && at < 0:
			parts = append(parts, p)
		case o.op == kmsg.IncrementalAlterConfigOpSubtract && at >= 0:
			parts = slices.Delete(parts, at, at+1)
		}
	}
	joined := strings.Join(parts, ",")
	return &joined
}

// checkRule refuses changes of configs that the controller itself depends on.
func (c *Controller) checkRule(x *exchange, r metadata.ConfigResource, existing metadata.ConfigSet, name string, value *string) *fault {
	broker := r.Type == metadata.ResourceBroker
	switch {
	case broker && name == configMinISR && elrEnabled(x.img) && r.Name != "":
		return faultf(kerr.InvalidConfig, "Broker-level %s cannot be altered while ELR is enabled.", name)
	case broker && name == configMinISR && elrEnabled(x.img) && value == nil:
		return faultf(kerr.InvalidConfig, "Cluster-level %s cannot be removed while ELR is enabled.", name)
	case broker && name == configCordon && metadataVersion(x.img) < metadata.MetadataVersion43IV0:
		return faultf(kerr.InvalidConfig, "The %s configuration value cannot be set because it requires metadata.version >= 4.3-IV0", name)
	case broker && name == configCordon && !x.from.Forwarded && value != nil:
		old, _ := existing.Get(name)
		if strings.TrimSpace(*value) != "" && !containsAllStrings(splitTrimmed(old), splitTrimmed(*value)) {
			return faultf(kerr.InvalidConfig, "When updating %s via controllers,  the new value must be a subset of the current configuration value.", name)
		}
	case value != nil && len(utf16.Encode([]rune(*value))) > math.MaxInt16:
		return faultf(kerr.InvalidConfig, "The configuration value cannot be added because it exceeds the maximum value size of %d bytes.", math.MaxInt16)
	}
	return nil
}

func splitTrimmed(list string) []string {
	parts := strings.Split(strings.TrimSpace(list), ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

func containsAllStrings(list, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(s string) bool { return !slices.Contains(list, s) })
}

// validateConfigs checks the name of a resource, and its configs by the schema
// (ControllerConfigurationValidator.validate).
func (c *Controller) validateConfigs(r metadata.ConfigResource, configs, existing map[string]string) *fault {
	switch r.Type {
	case metadata.ResourceTopic:
		if r.Name == "" {
			return faultf(kerr.InvalidRequest, "Default topic resources are not allowed.")
		}
		if f := checkTopicName(r.Name); f != nil {
			return f
		}
	case metadata.ResourceBroker:
		if r.Name == "" {
			break
		}
		switch id, err := strconv.ParseInt(r.Name, 10, 32); {
		case err != nil:
			return faultf(kerr.InvalidRequest, "Unable to parse broker name as a base 10 number.")
		case id < 0:
			return faultf(kerr.InvalidRequest, "Invalid negative broker ID.")
		}
	case metadata.ResourceGroup:
		if r.Name == "" {
			return faultf(kerr.InvalidRequest, "Default group resources are not allowed.")
		}
	case metadata.ResourceBrokerLogger:
		return nil // nothing is stored of it
	}
	if c.cfg.Schema == nil {
		return nil
	}
	return asFault(c.cfg.Schema.Validate(r, configs, existing), kerr.InvalidConfig)
}

// checkExists refuses a topic or a node that is not there
// (QuorumController.ConfigResourceExistenceChecker).
func (c *Controller) checkExists(img *metadata.Image, r metadata.ConfigResource) *fault {
	switch {
	case r.Type == metadata.ResourceTopic && img.Topic(r.Name) == nil:
		return faultf(kerr.UnknownTopicOrPartition, "The topic '%s' does not exist.", r.Name)
	case r.Type == metadata.ResourceBroker && r.Name != "":
		id, err := strconv.ParseInt(r.Name, 10, 32)
		if err != nil {
			return faultf(kerr.InvalidRequest, "Invalid broker name %s", r.Name)
		}
		node := metadata.BrokerID(id)
		if img.Broker(node) == nil && img.Controller(node) == nil && node != c.cfg.NodeID && !slices.Contains(c.cfg.QuorumNodes, node) {
			return faultf(kerr.BrokerIDNotRegistered, "No node with id %d found.", node)
		}
	}
	return nil
}

// clearElr gives the records that empty the ELRs which a change of min ISR makes
// meaningless (KIP-966).
func clearElr(records []metadata.Record) []metadata.Record {
	var out []metadata.Record
	for _, r := range records {
		if cfg, ok := r.(*metadata.ConfigRecord); ok && cfg.Name == configMinISR {
			clear := &metadata.ClearElrRecord{}
			if cfg.ResourceType == metadata.ResourceTopic {
				clear.TopicName = cfg.ResourceName
			}
			out = append(out, clear)
		}
	}
	return out
}
