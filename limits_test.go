package headrace

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/config"
)

func TestConnectionLimits(t *testing.T) {
	c, err := config.FromMap(map[string]string{
		"process.roles": "broker,controller", "node.id": "1", "controller.listener.names": "CONTROLLER",
		"listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0", "controller.quorum.voters": "1@127.0.0.1:9093",
		"max.connections": "100", "max.connection.creation.rate": "20", "listener.name.plaintext.max.connections": "70",
		"max.connections.per.ip": "0", "max.connections.per.ip.overrides": "127.0.0.1:7, [::1]:8",
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := connectionLimits(c)
	if err != nil {
		t.Fatal(err)
	}
	if l.Max != 100 || l.CreationRate != 20 || l.MaxPerIP != 0 || l.InterBroker != "PLAINTEXT" || len(l.PerIP) != 2 {
		t.Errorf("%+v", l)
	}
	if p := l.Listeners["PLAINTEXT"]; p.Max != 70 || p.CreationRate != 20 {
		t.Errorf("PLAINTEXT: %+v", p)
	}
	if p := l.Listeners["CONTROLLER"]; p.Max != 100 || p.CreationRate != 20 {
		t.Errorf("CONTROLLER: %+v", p)
	}
	for _, bad := range []string{"127.0.0.1", "127.0.0.1:x"} {
		if _, err := addressLimits(bad); err == nil || !strings.Contains(err.Error(), "max.connections.per.ip.overrides") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// refused says whether the broker refuses a new connection.
func refused(t *testing.T, addr string) bool {
	t.Helper()
	c := dialWire(t, addr)
	req := kmsg.NewPtrApiVersionsRequest()
	f := kmsg.NewRequestFormatter()
	if _, err := c.conn.Write(f.AppendRequest(nil, req, 1)); err != nil {
		return true
	}
	err := skipAnswer(c.conn)
	if err != nil && !errors.Is(err, io.EOF) && !isReset(err) {
		t.Fatal(err)
	}
	_ = c.conn.Close()
	return err != nil
}

// The limits on connections follow the dynamic configs of the broker and of the
// cluster.
func TestConnectionLimitsChangeWhileRunning(t *testing.T) {
	_, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	c := dialWire(t, addr)
	if refused(t, addr) {
		t.Fatal("there is no limit yet")
	}
	setClusterDefault(t, c, "max.connections.per.ip", "1")
	if !refused(t, addr) {
		t.Error("max.connections.per.ip=1 does not hold")
	}
	setClusterDefault(t, c, "max.connections.per.ip.overrides", "127.0.0.1:5")
	if refused(t, addr) {
		t.Error("max.connections.per.ip.overrides does not hold")
	}
	setClusterDefault(t, c, "max.connections.per.ip", "1000")
	idle, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = idle.Close() }()
	if err := introduceTo(idle); err != nil {
		t.Fatal(err)
	}
	setClusterDefault(t, c, "max.connections", "1")
	if n, err := idle.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("max.connections=1 does not hold")
	}
	ask[*kmsg.ApiVersionsResponse](c, kmsg.NewPtrApiVersionsRequest(), 0)
}

// introduceTo asks a broker what it speaks.
func introduceTo(c net.Conn) error {
	f := kmsg.NewRequestFormatter()
	if _, err := c.Write(f.AppendRequest(nil, kmsg.NewPtrApiVersionsRequest(), 1)); err != nil {
		return err
	}
	return skipAnswer(c)
}

// A client that asks the controller itself is not taken for one whose broker has
// passed it on: a broker that is not there is told in the controller's words. Loggers are those
// of the node that is asked, whichever it is.
func TestRequestsToTheControllerItself(t *testing.T) {
	n, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	alter := func(addr string, resource kmsg.ConfigResourceType, name, key, value string) (string, string) {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = resource, name
		r.Configs = append(r.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: key, Op: setOp, Value: &value})
		req.Resources, req.ValidateOnly = append(req.Resources, r), true
		got := ask[*kmsg.IncrementalAlterConfigsResponse](dialWire(t, addr), req, 1).Resources[0]
		text := ""
		if got.ErrorMessage != nil {
			text = *got.ErrorMessage
		}
		return codeOf(got.ErrorCode), text
	}
	for _, tc := range []struct {
		addr     string
		resource kmsg.ConfigResourceType
		name     string
		key      string
		value    string
		code     string
	}{
		{addr, kmsg.ConfigResourceTypeBroker, "9", "log.cleaner.threads", "1", "INVALID_REQUEST"},
		{n.Addr("CONTROLLER"), kmsg.ConfigResourceTypeBroker, "9", "log.cleaner.threads", "1", "BROKER_ID_NOT_REGISTERED"},
		{addr, kmsg.ConfigResourceTypeBrokerLogger, "1", "no.such", "INFO", "INVALID_CONFIG"},
		{n.Addr("CONTROLLER"), kmsg.ConfigResourceTypeBrokerLogger, "1", "no.such", "INFO", "INVALID_CONFIG"},
	} {
		if code, text := alter(tc.addr, tc.resource, tc.name, tc.key, tc.value); code != tc.code {
			t.Errorf("%v %s, %s=%s: %s %q, want %s", tc.resource, tc.name, tc.key, tc.value, code, text, tc.code)
		}
	}
}
