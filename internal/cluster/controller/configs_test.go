package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

type configChange struct {
	name  string
	op    kmsg.IncrementalAlterConfigOp
	value *string
}

const (
	opSet      = kmsg.IncrementalAlterConfigOpSet
	opDelete   = kmsg.IncrementalAlterConfigOpDelete
	opAppend   = kmsg.IncrementalAlterConfigOpAppend
	opSubtract = kmsg.IncrementalAlterConfigOpSubtract
)

func incremental(t kmsg.ConfigResourceType, name string, changes ...configChange) kmsg.IncrementalAlterConfigsRequestResource {
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = t, name
	for _, c := range changes {
		r.Configs = append(r.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: c.name, Op: c.op, Value: c.value})
	}
	return r
}

func TestIncrementalAlterConfigs(t *testing.T) {
	w := newCluster(t, 1)
	w.handle(createRequest(topicRequest("t", 1, 1), topicRequest("secret", 1, 1)))
	topic, broker := kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker
	from := Requester{Authorizer: denied{"ALTER_CONFIGS/TOPIC/secret", "ALTER_CONFIGS/GROUP/secret"}}
	for _, c := range []struct {
		resource kmsg.IncrementalAlterConfigsRequestResource
		want     answer
		after    string // all configs of the resource
	}{
		{incremental(topic, "t", configChange{"k", opSet, ptr("1")}, configChange{"j", opSet, ptr("2")}), answer{}, "j=2 k=1"},
		{incremental(topic, "t", configChange{"k", opDelete, nil}, configChange{"absent", opDelete, nil}), answer{}, "j=2"},
		{incremental(topic, "t", configChange{"cleanup.policy", opAppend, ptr("compact")}), answer{}, "cleanup.policy=delete,compact j=2"},
		{incremental(topic, "t", configChange{"cleanup.policy", opAppend, ptr("compact,x")}), answer{}, "cleanup.policy=delete,compact,x j=2"},
		{incremental(topic, "t", configChange{"cleanup.policy", opSubtract, ptr("delete,y")}), answer{}, "cleanup.policy=compact,x j=2"},
		{incremental(topic, "t", configChange{"j", opAppend, ptr("1")}), answer{"INVALID_CONFIG", "Can't APPEND to key j because its type is not LIST."}, "cleanup.policy=compact,x j=2"},
		{incremental(topic, "t", configChange{"j", opSubtract, ptr("1")}), answer{"INVALID_CONFIG", "Can't SUBTRACT to key j because its type is not LIST."}, "cleanup.policy=compact,x j=2"},
		{incremental(topic, "t", configChange{"bad", opSet, ptr("1")}, configChange{"j", opSet, ptr("3")}), answer{"INVALID_CONFIG", "Invalid value for bad"}, "cleanup.policy=compact,x j=2"},
		{incremental(topic, "t", configChange{"j", opSet, ptr("3")}, configChange{"j", opSet, ptr("4")}), answer{"INVALID_REQUEST", "Error due to duplicate config keys"}, "cleanup.policy=compact,x j=2"},
		{incremental(topic, "t", configChange{"a", opSet, nil}, configChange{"b", opAppend, nil}), answer{"INVALID_REQUEST", "Null value not supported for : a, b"}, "cleanup.policy=compact,x j=2"},
		{incremental(topic, "t", configChange{"a", 7, ptr("1")}), answer{"INVALID_REQUEST", "Unknown operations type 7"}, "cleanup.policy=compact,x j=2"},
		{incremental(topic, "t", configChange{"a", opSet, ptr(strings.Repeat("x", 40000))}), answer{"INVALID_CONFIG", "The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes."}, "cleanup.policy=compact,x j=2"},
		{incremental(topic, "z", configChange{"k", opSet, ptr("1")}), answer{"UNKNOWN_TOPIC_OR_PARTITION", "The topic 'z' does not exist."}, ""},
		{incremental(topic, "", configChange{"k", opSet, ptr("1")}), answer{"INVALID_REQUEST", "Default topic resources are not allowed."}, ""},
		{incremental(topic, "a b", configChange{"k", opSet, ptr("1")}), answer{"INVALID_TOPIC_EXCEPTION", "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"}, ""},
		{incremental(topic, "secret", configChange{"k", opSet, ptr("1")}), answer{"TOPIC_AUTHORIZATION_FAILED", "Topic authorization failed."}, ""},
		{incremental(broker, "0", configChange{"k", opSet, ptr("1")}), answer{}, "k=1"},
		{incremental(broker, "100", configChange{"k", opSet, ptr("1")}), answer{}, "k=1"},
		{incremental(broker, "9", configChange{"k", opSet, ptr("1")}), answer{"BROKER_ID_NOT_REGISTERED", "No node with id 9 found."}, ""},
		{incremental(broker, "x", configChange{"k", opSet, ptr("1")}), answer{"INVALID_REQUEST", "Unable to parse broker name as a base 10 number."}, ""},
		{incremental(broker, "-1", configChange{"k", opSet, ptr("1")}), answer{"INVALID_REQUEST", "Invalid negative broker ID."}, ""},
		{incremental(broker, "0", configChange{"min.insync.replicas", opSet, ptr("1")}), answer{"INVALID_CONFIG", "Broker-level min.insync.replicas cannot be altered while ELR is enabled."}, "k=1"},
		{incremental(broker, "", configChange{"min.insync.replicas", opDelete, nil}), answer{"INVALID_CONFIG", "Cluster-level min.insync.replicas cannot be removed while ELR is enabled."}, "min.insync.replicas=1"},
		{incremental(broker, "", configChange{"min.insync.replicas", opSet, ptr("2")}), answer{}, "min.insync.replicas=2"},
		{incremental(broker, "0", configChange{"cordoned.log.dirs", opSet, ptr("/a")}), answer{"INVALID_CONFIG", "When updating cordoned.log.dirs via controllers,  the new value must be a subset of the current configuration value."}, "k=1"},
		{incremental(kmsg.ConfigResourceTypeGroupConfig, "g", configChange{"k", opSet, ptr("1")}), answer{}, "k=1"},
		{incremental(kmsg.ConfigResourceTypeGroupConfig, "", configChange{"k", opSet, ptr("1")}), answer{"INVALID_REQUEST", "Default group resources are not allowed."}, ""},
		{incremental(kmsg.ConfigResourceTypeGroupConfig, "secret", configChange{"k", opSet, ptr("1")}), answer{"GROUP_AUTHORIZATION_FAILED", "Group authorization failed."}, ""},
		{incremental(kmsg.ConfigResourceTypeClientMetrics, "m", configChange{"k", opSet, ptr("1")}), answer{}, "k=1"},
		{incremental(kmsg.ConfigResourceTypeBrokerLogger, "0", configChange{"k", opSet, ptr("1")}), answer{"INVALID_CONFIG", "Logger k does not exist!"}, ""},
	} {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Version = 1
		req.Resources = append(req.Resources, c.resource)
		resp := w.handleFrom(req, from).(*kmsg.IncrementalAlterConfigsResponse)
		got := resp.Resources[0]
		what := fmt.Sprintf("%d/%s %.60v", c.resource.ResourceType, c.resource.ResourceName, c.resource.Configs)
		c.want.check(t, what, answerOf(got.ErrorCode, got.ErrorMessage))
		if after := w.configs(c.resource.ResourceType, c.resource.ResourceName); after != c.after {
			t.Errorf("%s: configs %q, want %q", what, after, c.after)
		}
	}
}

func (w *world) configs(t kmsg.ConfigResourceType, name string) string {
	var parts []string
	for k, v := range w.img.Configs(metadata.ConfigResource{Type: metadata.ResourceType(t), Name: name}).All() {
		parts = append(parts, k+"="+v)
	}
	return strings.Join(parts, " ")
}

func TestIncrementalAlterConfigsTogether(t *testing.T) {
	w := newCluster(t, 1)
	w.handle(createRequest(topicRequest("a", 1, 1), topicRequest("b", 1, 1)))
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version, req.ValidateOnly = 1, true
	set := configChange{"k", opSet, ptr("1")}
	topic := kmsg.ConfigResourceTypeTopic
	req.Resources = append(req.Resources, incremental(topic, "a", set), incremental(topic, "b", set), incremental(topic, "a", set))
	for _, want := range []string{"", "k=1"} {
		resp := w.handle(req).(*kmsg.IncrementalAlterConfigsResponse)
		for i, r := range resp.Resources {
			expected := answer{}
			if r.ResourceName == "a" {
				expected = answer{"INVALID_REQUEST", "Each resource must appear at most once."}
			}
			expected.check(t, fmt.Sprint(i), answerOf(r.ErrorCode, r.ErrorMessage))
		}
		if got := w.configs(topic, "b"); got != want || w.configs(topic, "a") != "" {
			t.Errorf("configs of b: %q, want %q", got, want)
		}
		req.ValidateOnly = false
	}
}

func TestAlterConfigsReplaces(t *testing.T) {
	w := newCluster(t, 1)
	w.handle(createRequest(topicRequest("t", 1, 1)))
	alter := func(configs ...string) answer {
		req := kmsg.NewPtrAlterConfigsRequest()
		req.Version = 2
		r := kmsg.NewAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, "t"
		for _, c := range configs {
			name, value, _ := strings.Cut(c, "=")
			r.Configs = append(r.Configs, kmsg.AlterConfigsRequestResourceConfig{Name: name, Value: &value})
		}
		req.Resources = append(req.Resources, r)
		resp := w.handle(req).(*kmsg.AlterConfigsResponse)
		return answerOf(resp.Resources[0].ErrorCode, resp.Resources[0].ErrorMessage)
	}
	answer{}.check(t, "two", alter("a=1", "b=2"))
	answer{}.check(t, "other two", alter("b=3", "c=4"))
	answer{"INVALID_CONFIG", "Invalid value for bad"}.check(t, "bad", alter("bad=1"))
	if got := w.configs(kmsg.ConfigResourceTypeTopic, "t"); got != "b=3 c=4" {
		t.Errorf("configs %q", got)
	}
}

func TestUpdateFeatures(t *testing.T) {
	update := func(name string, level int16, kind int8) kmsg.UpdateFeaturesRequestFeatureUpdate {
		return kmsg.UpdateFeaturesRequestFeatureUpdate{Feature: name, MaxVersionLevel: level, UpgradeType: kind}
	}
	failed := "The update failed for all features since the following feature had an error: "
	for _, c := range []struct {
		updates []kmsg.UpdateFeaturesRequestFeatureUpdate
		want    answer
	}{
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("group.version", 0, safeDowngrade)}, answer{}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("transaction.version", 1, safeDowngrade), update("group.version", 1, upgrade)}, answer{}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("group.version", 0, upgrade)}, answer{"INVALID_UPDATE_VERSION", failed + "Invalid update version 0 for feature group.version. Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("group.version", 2, upgrade)}, answer{"INVALID_UPDATE_VERSION", failed + "Invalid update version 2 for feature group.version. Local controller 100 only supports versions 0-1"}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("nonsense", 1, upgrade)}, answer{"INVALID_UPDATE_VERSION", failed + "Invalid update version 1 for feature nonsense. Local controller 100 does not support this feature."}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("no.such", 0, unsafeDowngrade)}, answer{"INVALID_UPDATE_VERSION", failed + "Invalid update version 0 for feature no.such. Feature no.such not found."}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("group.version", -1, upgrade)}, answer{"INVALID_UPDATE_VERSION", failed + "Invalid update version -1 for feature group.version. A feature version cannot be less than 0."}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("group.version", 1, 0)}, answer{"INVALID_UPDATE_VERSION", failed + "Invalid update version 1 for feature group.version. The controller does not support the given upgrade type."}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("kraft.version", 0, safeDowngrade)}, answer{"INVALID_UPDATE_VERSION", failed + "Invalid update version 0 for feature kraft.version. Can't downgrade the version of this feature."}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("metadata.version", 29, safeDowngrade)}, answer{"INVALID_UPDATE_VERSION", failed + "Unsupported metadata.version downgrade from 30 to 29. Refusing to perform the requested downgrade because it might delete metadata information."}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("metadata.version", 29, unsafeDowngrade)}, answer{"INVALID_UPDATE_VERSION", failed + "Unsupported metadata.version downgrade from 30 to 29. Unsafe metadata downgrade is not supported in this version."}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("metadata.version", 30, upgrade)}, answer{}},
		{[]kmsg.UpdateFeaturesRequestFeatureUpdate{update("metadata.version", 6, safeDowngrade)}, answer{"INVALID_UPDATE_VERSION", failed + "Invalid update version 6 for feature metadata.version. Local controller 100 only supports versions 7-30"}},
	} {
		w := newCluster(t, 1)
		before := w.img
		req := kmsg.NewPtrUpdateFeaturesRequest()
		req.Version, req.FeatureUpdates = 1, c.updates
		resp := w.handle(req).(*kmsg.UpdateFeaturesResponse)
		c.want.check(t, fmt.Sprint(c.updates), answerOf(resp.ErrorCode, resp.ErrorMessage))
		if c.want.err == "" {
			if len(resp.Results) != len(c.updates) || w.img.Features().Level(c.updates[0].Feature) != c.updates[0].MaxVersionLevel {
				t.Errorf("%v: %+v", c.updates, resp)
			}
		} else if w.img != before {
			t.Errorf("%v: refused, but there are records", c.updates)
		}
	}
}

// TestUpdateFeaturesAsksEveryone holds that a level is finalized only if each
// broker and each controller supports it.
func TestUpdateFeaturesAsksEveryone(t *testing.T) {
	w := newClusterWith(t, 1, Config{NodeID: 100, QuorumNodes: []int32{100, 101}})
	update := func() answer {
		req := kmsg.NewPtrUpdateFeaturesRequest()
		req.Version = 2
		req.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: "group.version", MaxVersionLevel: 0, UpgradeType: safeDowngrade}}
		resp := w.handle(req).(*kmsg.UpdateFeaturesResponse)
		return answerOf(resp.ErrorCode, resp.ErrorMessage)
	}
	prefix := "The update failed for all features since the following feature had an error: Invalid update version 0 for feature group.version. "
	answer{"INVALID_UPDATE_VERSION", prefix + "controller 101 has not registered, and may not support this feature"}.check(t, "absent", update())
	features := []metadata.FeatureRange{{Name: "group.version", Min: 1, Max: 1}}
	w.apply([]metadata.Record{&metadata.RegisterControllerRecord{ControllerID: 101, Features: features}})
	answer{"INVALID_UPDATE_VERSION", prefix + "Controller 101 only supports versions 1"}.check(t, "controller", update())
	w.apply([]metadata.Record{
		&metadata.RegisterControllerRecord{ControllerID: 101, Features: metadata.SupportedFeatures()},
		&metadata.RegisterBrokerRecord{BrokerID: 5, Features: features},
	})
	answer{"INVALID_UPDATE_VERSION", prefix + "Broker 5 only supports versions 1"}.check(t, "broker", update())
}

// TestElrNeedsOneMinISR holds that turning ELRs on leaves one min.insync.replicas
// for all brokers (KIP-966).
func TestElrNeedsOneMinISR(t *testing.T) {
	w := newCluster(t, 1)
	w.apply([]metadata.Record{
		&metadata.FeatureLevelRecord{Name: metadata.FeatureELRVersion},
		configRecord(clusterDefault, configMinISR, nil),
		configRecord(metadata.ConfigResource{Type: metadata.ResourceBroker, Name: "0"}, configMinISR, ptr("3")),
	})
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.Version = 2
	req.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: metadata.FeatureELRVersion, MaxVersionLevel: 1, UpgradeType: upgrade}}
	if resp := w.handle(req).(*kmsg.UpdateFeaturesResponse); resp.ErrorCode != 0 {
		t.Fatalf("%+v", resp)
	}
	broker := kmsg.ConfigResourceTypeBroker
	if !elrEnabled(w.img) || w.configs(broker, "") != "min.insync.replicas=1" || w.configs(broker, "0") != "" {
		t.Errorf("configs %q and %q", w.configs(broker, ""), w.configs(broker, "0"))
	}
}

// TestMinISRChangeClearsElr holds that a change of min ISR, which ELRs are kept
// by, empties them in the same batch.
func TestMinISRChangeClearsElr(t *testing.T) {
	for _, r := range []kmsg.IncrementalAlterConfigsRequestResource{
		incremental(kmsg.ConfigResourceTypeTopic, "t", configChange{configMinISR, opSet, ptr("1")}),
		incremental(kmsg.ConfigResourceTypeBroker, "", configChange{configMinISR, opSet, ptr("1")}),
	} {
		w := newCluster(t, 3)
		w.handle(createRequest(assigned("t", []int32{0, 1, 2})))
		change := metadata.NewPartitionChange(w.img.Topic("t").ID, 0)
		change.ISR, change.ELR = []int32{0}, []int32{1}
		w.apply([]metadata.Record{change})
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Version = 1
		req.Resources = append(req.Resources, r)
		w.handle(req)
		if p := w.img.Partition("t", 0); len(p.ELR) != 0 || !slices.Equal(p.ISR, []int32{0}) {
			t.Errorf("%v: %+v", r.ResourceType, p)
		}
	}
}
