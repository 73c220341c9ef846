package headrace

import (
	"strings"
	"testing"
)

func TestWhatIsNotServedYetIsRefusedWithWords(t *testing.T) {
	for name, c := range map[string]struct {
		properties map[string]string
		words      string
	}{
		"other voters":       {map[string]string{"controller.quorum.voters": "1@localhost:9093,2@localhost:9095", "controller.quorum.bootstrap.servers": ""}, "1 other controllers"},
		"a broker alone":     {map[string]string{"process.roles": "broker", "listeners": "PLAINTEXT://localhost:0"}, "process.roles"},
		"an authorizer":      {map[string]string{"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "listeners": "PLAINTEXT://localhost:0,CONTROLLER://localhost:0"}, "ACLs"},
		"a foreign quorum":   {map[string]string{"listeners": "PLAINTEXT://localhost:0,CONTROLLER://localhost:19393", "controller.quorum.bootstrap.servers": "localhost:9"}, "localhost:9,"},
		"TLS":                {map[string]string{"listeners": "SSL://localhost:0,CONTROLLER://localhost:0", "listener.security.protocol.map": "SSL:SSL,CONTROLLER:PLAINTEXT", "inter.broker.listener.name": "SSL"}, "SSL"},
		"a value of no type": {map[string]string{"num.partitions": "many"}, "num.partitions"},
	} {
		c.properties["log.dirs"] = t.TempDir()
		n, err := New(Config{Properties: c.properties})
		if err == nil {
			t.Errorf("%s: was taken", name)
			_ = n.Close() // nothing ran
			continue
		}
		if !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v; want %q in it", name, err, c.words)
		}
	}
}
