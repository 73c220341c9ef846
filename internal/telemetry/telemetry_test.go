package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestAdminServesMetricsHealthAndProfiles(t *testing.T) {
	m := NewMetrics()
	err := m.Register(Metric{
		Name: "kafka_server_brokertopicmetrics_messagesin_total", MBean: "kafka.server:type=BrokerTopicMetrics,name=MessagesInPerSec",
		Help: "Records appended.", Labels: []string{"topic"},
		Read: func(emit func(float64, ...string)) { emit(7, "a"); emit(2, "b") },
	})
	if err != nil {
		t.Fatal(err)
	}
	ready := errors.New("the broker is still fenced")
	a := &Admin{Metrics: m, Ready: func() error { return ready }, Logger: slog.New(slog.DiscardHandler)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, l) }()
	for _, c := range []struct {
		path string
		code int
		want string
	}{
		{"/metrics", 200, `kafka_server_brokertopicmetrics_messagesin_total{topic="a"} 7`},
		{"/metrics", 200, "go_goroutines"},
		{"/healthz", 200, "ok"},
		{"/readyz", 503, "still fenced"},
		{"/debug/pprof/cmdline", 200, "telemetry"},
		{"/nothing", 404, ""},
	} {
		code, body := get(t, "http://"+l.Addr().String()+c.path)
		if code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %.200q, want %d with %q", c.path, code, body, c.code, c.want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestNewLoggerRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, o := range []LogOptions{{Format: "xml"}, {Level: "loud"}} {
		if _, err := NewLogger(io.Discard, o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	var b strings.Builder
	l, err := NewLogger(&b, LogOptions{Format: "json", Level: "warn"})
	if err != nil {
		t.Fatal(err)
	}
	l.Info("quiet")
	l.Warn("heard")
	if got := b.String(); !strings.Contains(got, `"msg":"heard"`) || strings.Contains(got, "quiet") {
		t.Errorf("logged %q", got)
	}
}
