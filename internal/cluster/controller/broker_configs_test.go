package controller

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestForwardedConfigsOfBrokers holds that what a broker has passed on gets the
// broker's answers before the controller's, and that the loggers of nodes are
// for clients of brokers only.
func TestForwardedConfigsOfBrokers(t *testing.T) {
	w := newCluster(t, 2)
	broker, logger := kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger
	info := configChange{"root", opSet, ptr("INFO")}
	unauthorized := Requester{Forwarded: true, Authorizer: denied{"ALTER_CONFIGS/CLUSTER/kafka-cluster"}}
	for _, c := range []struct {
		from     Requester
		resource kmsg.IncrementalAlterConfigsRequestResource
		want     answer
	}{
		{Requester{Forwarded: true}, incremental(broker, "1", configChange{"k", opSet, ptr("1")}), answer{}},
		{Requester{Forwarded: true}, incremental(broker, "9", configChange{"k", opSet, ptr("1")}), answer{"INVALID_REQUEST", "Unexpected broker id, expected 0 or 1, but received 9"}},
		{Requester{Forwarded: true}, incremental(broker, "1", configChange{"k", opAppend, ptr("1")}), answer{"INVALID_CONFIG", "Config value append is not allowed for config key: k"}},
		{Requester{Forwarded: true}, incremental(broker, "1", configChange{"cleanup.policy", opAppend, ptr("compact")}), answer{}},
		{Requester{Forwarded: true}, incremental(broker, "1", configChange{"bad", opSet, ptr("1")}), answer{"INVALID_REQUEST", "Invalid value for bad"}},
		{Requester{}, incremental(broker, "1", configChange{"bad", opSet, ptr("1")}), answer{"INVALID_CONFIG", "Invalid value for bad"}},
		{Requester{Forwarded: true}, incremental(logger, "0"), answer{}},
		{Requester{Forwarded: true}, incremental(logger, "0", info), answer{"INVALID_CONFIG", "The log level of root cannot be changed while the node runs: set headrace.log.level and restart it"}},
		{Requester{Forwarded: true}, incremental(logger, "9", info), answer{"INVALID_REQUEST", "Unexpected node id. Expected 0 or 1, but received 9"}},
		{unauthorized, incremental(logger, "0", info), answer{"CLUSTER_AUTHORIZATION_FAILED", "Cluster authorization failed."}},
		{Requester{}, incremental(logger, "0", info), answer{"INVALID_CONFIG", "The log level of root cannot be changed while the node runs: set headrace.log.level and restart it"}},
	} {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Version = 1
		req.Resources = append(req.Resources, c.resource)
		got := w.handleFrom(req, c.from).(*kmsg.IncrementalAlterConfigsResponse).Resources[0]
		what := fmt.Sprintf("%d/%s %v", c.resource.ResourceType, c.resource.ResourceName, c.resource.Configs)
		c.want.check(t, what, answerOf(got.ErrorCode, got.ErrorMessage))
		if after := w.configs(logger, c.resource.ResourceName); after != "" {
			t.Errorf("%s: %q is stored of a logger", what, after)
		}
	}
}
