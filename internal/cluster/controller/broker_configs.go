package controller

import (
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// What a client asks of a broker's configs is checked twice in Kafka: by the
// broker that it asks (ConfigAdminManager.preprocess), and by the controller.
// The first check answers INVALID_REQUEST where the second would answer
// something else, so that it comes first here too.

// refuseAsBroker checks a change of a broker's configs as the broker that has
// passed it on would (ConfigAdminManager.validateBrokerConfigChange).
func (c *Controller) refuseAsBroker(x *exchange, t *configTarget) *fault {
	if t.resource.Type != metadata.ResourceBroker || !x.from.Forwarded {
		return nil
	}
	if t.resource.Name != "" {
		if f := refuseNode(x.img, t.resource.Name, "Unexpected broker id, expected %s, but received %s"); f != nil {
			return f
		}
	}
	existing := x.img.Configs(t.resource)
	after := map[string]string{}
	if !t.replace {
		after = existing.Map()
	}
	for _, o := range t.ops {
		value, f := c.applyOp(existing, t.resource, o, notAListOfBrokers)
		if f != nil {
			return f
		}
		if value == nil {
			delete(after, o.name)
			continue
		}
		after[o.name] = *value
	}
	if c.cfg.Schema == nil {
		return nil
	}
	return asFault(c.cfg.Schema.Validate(t.resource, after, existing.Map()), kerr.InvalidRequest)
}

func notAListOfBrokers(o configOp) *fault {
	return faultf(kerr.InvalidConfig, "Config value %s is not allowed for config key: %s", strings.ToLower(o.op.String()), o.name)
}

// refuseNode refuses the name of a node that is not the one which was asked:
// the id of a broker of the cluster. text takes the id that was expected and
// the name.
func refuseNode(img *metadata.Image, name, text string) *fault {
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return faultf(kerr.InvalidRequest, "Node id must be an integer, but it is: %s", name)
	}
	var known []string
	for b := range img.AllBrokers() {
		if b.ID == metadata.BrokerID(id) {
			return nil
		}
		known = append(known, strconv.Itoa(int(b.ID)))
	}
	return faultf(kerr.InvalidRequest, text, strings.Join(known, " or "), name)
}

// rootLogger is the only logger that a node has.
const rootLogger = "root"

// logLevels are the levels that Kafka knows (LogLevelConfig), sorted.
var logLevels = []string{"DEBUG", "ERROR", "FATAL", "INFO", "TRACE", "WARN"}

// refuseLogger refuses a change of a node's logger (RuntimeLoggerManager).
// Deviation: one that Kafka would make is refused too, for the level of the log
// is read once, when a node starts.
func refuseLogger(x *exchange, t *configTarget) *fault {
	if t.replace {
		return faultf(kerr.InvalidRequest, "Unknown resource type %d", t.resource.Type)
	}
	if !x.clusterAllowed(kmsg.ACLOperationAlterConfigs) {
		return general(kerr.ClusterAuthorizationFailed)
	}
	if f := refuseNode(x.img, t.resource.Name, "Unexpected node id. Expected %s, but received %s"); f != nil {
		return f
	}
	for _, o := range t.ops {
		if f := refuseLevel(o); f != nil {
			return f
		}
	}
	if len(t.ops) == 0 {
		return nil
	}
	return faultf(kerr.InvalidConfig, "The log level of %s cannot be changed while the node runs: set headrace.log.level and restart it", rootLogger)
}

func refuseLevel(o configOp) *fault {
	set := o.op == kmsg.IncrementalAlterConfigOpSet
	switch {
	case !set && o.op != kmsg.IncrementalAlterConfigOpDelete:
		return faultf(kerr.InvalidRequest, "%s operation is not allowed for the BROKER_LOGGER resource", strings.ToUpper(o.op.String()))
	case o.name != rootLogger:
		return faultf(kerr.InvalidConfig, "Logger %s does not exist!", o.name)
	case !set:
		return faultf(kerr.InvalidRequest, "Removing the log level of the %s logger is not allowed", rootLogger)
	case !slices.Contains(logLevels, *o.value):
		return faultf(kerr.InvalidConfig, "Cannot set the log level of %s to %s as it is not a supported log level. Valid log levels are %s",
			rootLogger, *o.value, strings.Join(logLevels, ", "))
	}
	return nil
}
