package cli

import (
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/config"
)

// Keys of entities that the broker's table does not hold, as QuotaConfig.
var (
	clientQuotaKeys = []string{"consumer_byte_rate", "controller_mutation_rate", "producer_byte_rate", "request_percentage"}
	ipQuotaKeys     = []string{"connection_creation_rate"}
	scramMechanisms = []string{"SCRAM-SHA-256", "SCRAM-SHA-512"}
)

// configsOptions are the options of kafka-configs, in the words of its --help.
var configsOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "server to connect to", Doc: "The Kafka servers to connect to."},
	{Names: []string{"bootstrap-controller"}, Arg: jopt.Required, ArgDoc: "controller to connect to", Doc: "The Kafka controllers to connect to."},
	{
		Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "command config property file",
		Doc: "Property file containing configs to be passed to Admin Client. This is used only with --bootstrap-server option for " +
			"describing and altering broker configs.",
	},
	{Names: []string{"alter"}, Doc: "Alter the configuration for the entity."},
	{Names: []string{"describe"}, Doc: "List configs for the given entity."},
	{Names: []string{"all"}, Doc: "List all configs for the given entity, including static configs if available."},
	{
		Names: []string{"entity-type"}, Arg: jopt.Required,
		Doc: "Type of entity (topics/clients/users/brokers/broker-loggers/ips/client-metrics/groups)",
	},
	{
		Names: []string{"entity-name"}, Arg: jopt.Required,
		Doc: "Name of entity (topic name/client id/user principal name/broker id/ip/client metrics/group id)",
	},
	{
		Names: []string{"entity-default"},
		Doc:   "Default entity name for clients/users/brokers/ips (applies to corresponding entity type)",
	},
	{Names: []string{"add-config"}, Arg: jopt.Required, Doc: addConfigDoc()},
	{
		Names: []string{"add-config-file"}, Arg: jopt.Required,
		Doc: "Path to a properties file with configs to add. See add-config for a list of valid configurations.",
	},
	{Names: []string{"delete-config"}, Arg: jopt.Required, Separator: ',', Doc: "config keys to remove 'k1,k2'"},
	{Names: []string{"topic"}, Arg: jopt.Required, Doc: "The topic's name."},
	{Names: []string{"client"}, Arg: jopt.Required, Doc: "The client's ID."},
	{Names: []string{"client-defaults"}, Doc: "The config defaults for all clients."},
	{Names: []string{"user"}, Arg: jopt.Required, Doc: "The user's principal name."},
	{Names: []string{"user-defaults"}, Doc: "The config defaults for all users."},
	{Names: []string{"broker"}, Arg: jopt.Required, Doc: "The broker's ID."},
	{Names: []string{"broker-defaults"}, Doc: "The config defaults for all brokers."},
	{Names: []string{"broker-logger"}, Arg: jopt.Required, Doc: "The broker's ID for its logger config."},
	{Names: []string{"ip-defaults"}, Doc: "The config defaults for all IPs."},
	{Names: []string{"ip"}, Arg: jopt.Required, Doc: "The IP address."},
	{Names: []string{"group"}, Arg: jopt.Required, Doc: "The group's ID."},
	{Names: []string{"client-metrics"}, Arg: jopt.Required, Doc: "The client metrics config resource name."},
})

func addConfigDoc() string {
	var b strings.Builder
	b.WriteString("Key Value pairs of configs to add. Square brackets can be used to group values which contain commas: " +
		"'k1=v1,k2=[v1,v2,v2],k3=v3'. The following is a list of valid configurations: ")
	for _, kind := range []struct{ name, keys string }{
		{"topics", kafkaKeys(config.Topic)},
		{"brokers", tabbed(dynamicBrokerKeys())},
		{"users", tabbed(slices.Concat(scramMechanisms, clientQuotaKeys))},
		{"clients", tabbed(clientQuotaKeys)},
		{"ips", tabbed(ipQuotaKeys)},
		{"client-metrics", kafkaKeys(config.ClientMetrics)},
		{"groups", kafkaKeys(config.Group)},
	} {
		b.WriteString("For entity-type '" + kind.name + "': \n" + kind.keys + "\n")
	}
	b.WriteString("Entity types 'users' and 'clients' may be specified together to update config for clients of a specific user.")
	return b.String()
}

func tabbed(names []string) string { return "\t" + strings.Join(names, "\n\t") }

// dynamicBrokerKeys are Kafka's brokers' keys that can be changed at run time.
func dynamicBrokerKeys() []string {
	names := slices.Clone(config.DynamicQuotas)
	for _, k := range config.Keys(config.Broker) {
		if k.Update != config.ReadOnly && k.Flags&config.Own == 0 {
			names = append(names, k.Name)
		}
	}
	slices.Sort(names)
	return names
}
