package headrace

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/telemetry"
)

// TestDiskMetrics: what the disks do is told, directory by directory.
func TestDiskMetrics(t *testing.T) {
	dir := t.TempDir()
	n, addr, stop := startNode(t, dir)
	defer stop()
	produceAndConsume(t, addr, 0)
	m := telemetry.NewMetrics()
	if err := m.Register(n.diskMetrics()...); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	label := `{logDirectory="` + dir + `"`
	for _, want := range []string{
		"\n# TYPE kafka_log_logflushstats_logflushrateandtime_seconds histogram\n",
		"\nkafka_log_logflushstats_logflushrateandtime_seconds_bucket" + label + `,le="0.001"} `,
		"\nheadrace_log_damage_found_total" + label + "} 0\n",
		"\nheadrace_log_damaged_ranges" + label + "} 0\n",
		"\nheadrace_log_scrub_bytes_total" + label + "} 0\n",
		"\nheadrace_log_scrub_progress_ratio" + label + "} 0\n",
		"\nheadrace_log_scrub_last_finished_timestamp_seconds" + label + "} 0\n",
	} {
		if !strings.Contains(string(body), want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	if strings.Contains(string(body), "_seconds_count"+label+"} 0\n") {
		t.Error("no sync was counted")
	}
}
