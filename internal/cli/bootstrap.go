package cli

import (
	"github.com/headrace/headrace/internal/cli/argparse"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// bootstrapGroup holds --bootstrap-server and --bootstrap-controller.
const bootstrapGroup = "bootstrap"

// bootstrapProperties adds to props whom to ask, as CommandLineUtils.initializeBootstrapProperties.
func bootstrapProperties(v *argparse.Values, props map[string]string) error {
	const server, controllers = "bootstrap.servers", "bootstrap.controllers"
	switch {
	case v.Has("--bootstrap-server"):
		props[server] = v.String("--bootstrap-server")
		delete(props, controllers)
	case v.Has("--bootstrap-controller"):
		props[controllers] = v.String("--bootstrap-controller")
		delete(props, server)
	default:
		return &javaerr.Exception{
			Class:   "org.apache.kafka.server.util.CommandLineUtils$InitializeBootstrapException",
			Message: "You must specify either --bootstrap-controller or --bootstrap-server.",
		}
	}
	return nil
}
