package telemetry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Builders of protocol buffers, for what the tests push.

func lengthed(number uint64, b []byte) []byte {
	out := binary.AppendUvarint(nil, number<<3|wireBytes)
	return append(binary.AppendUvarint(out, uint64(len(b))), b...)
}

func fixed(number, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(binary.AppendUvarint(nil, number<<3|wireFixed64), v)
}

func varint(number, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, number<<3|wireVarint), v)
}

func join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func label(number uint64, key, value string) []byte {
	return lengthed(number, join(lengthed(1, []byte(key)), lengthed(2, lengthed(1, []byte(value)))))
}

// metricsData is MetricsData of one resource with one scope.
func metricsData(resource []byte, metrics ...[]byte) []byte {
	var scope []byte
	for _, m := range metrics {
		scope = append(scope, lengthed(2, m)...)
	}
	return lengthed(1, join(lengthed(2, scope), lengthed(1, resource))) // the resource comes last, as it may
}

func gauge(name string, v float64, attributes ...[]byte) []byte {
	return join(lengthed(1, []byte(name)), lengthed(5, lengthed(1, join(fixed(4, math.Float64bits(v)), join(attributes...)))))
}

func counter(name string, v uint64, temporality uint64) []byte {
	return join(lengthed(7, join(lengthed(1, fixed(6, v)), varint(2, temporality), varint(3, 1))), lengthed(1, []byte(name)))
}

func histogram(name string, temporality, count uint64, sum float64, bounds []float64, buckets ...uint64) []byte {
	p := join(fixed(4, count), fixed(5, math.Float64bits(sum)))
	for _, b := range buckets {
		p = append(p, fixed(6, b)...)
	}
	var packed []byte
	for _, b := range bounds {
		packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(b))
	}
	p = append(p, lengthed(7, packed)...)
	return join(lengthed(1, []byte(name)), lengthed(9, join(lengthed(1, p), varint(2, temporality))))
}

// world is Clients with a clock that the test moves.
type world struct {
	*Clients
	at    time.Time
	fresh byte
}

func newWorld(subscriptions ...Subscription) *world {
	w := &world{at: time.Unix(1_700_000_000, 0)}
	w.Clients = NewClients(func(_ int8, data []byte) ([]byte, error) { return data, nil }, func() time.Time { return w.at })
	w.SetSubscriptions(subscriptions)
	return w
}

func (w *world) id() ClientID {
	w.fresh++
	return ClientID{0: w.fresh, 15: 9}
}

func everything() Subscription {
	return Subscription{Name: "all", Metrics: []string{"*"}, Interval: time.Second}
}

var someone = Client{ClientID: "app", SoftwareName: "test", SoftwareVersion: "1", Address: "127.0.0.1", Port: "7"}

func (w *world) get(t *testing.T, id ClientID) Assignment {
	t.Helper()
	a, err := w.Get(id, someone, w.id)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w *world) push(t *testing.T, a Assignment, data []byte) {
	t.Helper()
	if err := w.Push(Push{ID: a.ID, SubscriptionID: a.SubscriptionID, Data: data}, someone, 1<<20); err != nil {
		t.Fatal(err)
	}
}

// scrape is what /metrics says of pushed metrics.
func (w *world) scrape(t testing.TB) string {
	t.Helper()
	m := NewMetrics()
	if err := m.RegisterClients(w.Clients); err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(rec.Body)
	if err != nil || rec.Code != 200 {
		t.Fatalf("status %d, %v: %.500s", rec.Code, err, body)
	}
	var lines []string
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, clientPrefix) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func TestPushedMetricsAreServed(t *testing.T) {
	w := newWorld(everything())
	a := w.get(t, ClientID{})
	for range 2 {
		w.push(t, a, metricsData(label(1, "client_rack", "r1"),
			gauge("org.apache.kafka.producer.io.ratio", 0.5, label(7, "node.id", "3"), label(7, "client_id", "liar")),
			counter("org.apache.kafka.producer.record.send.total", 7, 1),
			counter("steady", 9, 2),
			histogram("latency", 1, 3, 2.5, []float64{1, 10}, 1, 1, 1)))
		w.at = w.at.Add(time.Second)
	}
	who := fmt.Sprintf(`client_id="app",client_instance_id="%s",client_rack="r1"`, a.ID)
	want := strings.ReplaceAll(`kafka_client_latency_bucket{WHO,le="1"} 2
kafka_client_latency_bucket{WHO,le="10"} 4
kafka_client_latency_bucket{WHO,le="+Inf"} 6
kafka_client_latency_sum{WHO} 5
kafka_client_latency_count{WHO} 6
kafka_client_producer_io_ratio{WHO,node_id="3"} 0.5
kafka_client_producer_record_send_total{WHO} 14
kafka_client_steady{WHO} 9
`, "WHO", who)
	if got := w.scrape(t); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	w.at = w.at.Add(clientExpiry)
	if got := w.scrape(t); got != "" || w.mu.series != 0 || len(w.mu.families) != 0 || len(w.mu.known) != 0 {
		t.Errorf("a silent client is still there: %s, %d series, %d names", got, w.mu.series, len(w.mu.families))
	}
}

func TestSubscriptions(t *testing.T) {
	w := newWorld(
		Subscription{Name: "a", Metrics: []string{"x.", "y."}, Interval: 3 * time.Second, Match: []string{"client_id=a.*", "client_source_port=7"}},
		Subscription{Name: "b", Metrics: []string{"x."}, Interval: 9 * time.Second, Match: []string{"client_software_name=test"}},
		Subscription{Name: "c", Metrics: []string{"z."}, Interval: time.Second, Match: []string{"client_id=ap"}},
		Subscription{Name: "d", Metrics: []string{"z."}, Interval: time.Second, Match: []string{"client_id=("}})
	a := w.get(t, ClientID{})
	if fmt.Sprint(a.Metrics) != "[y. x.]" || a.Interval != 3*time.Second || a.ID != (ClientID{0: 1, 15: 9}) {
		t.Errorf("%+v", a)
	}
	const javas = 1290599798 // by ClientMetricsManager, of "[y., x.]3000" and this id
	if a.SubscriptionID != javas {
		t.Errorf("subscription %d, want %d", a.SubscriptionID, javas)
	}
	if _, err := w.Get(a.ID, someone, w.id); !errors.Is(err, kerr.ThrottlingQuotaExceeded) {
		t.Errorf("asked twice: %v", err)
	}
	w.SetSubscriptions([]Subscription{everything()})
	err := w.Push(Push{ID: a.ID, SubscriptionID: a.SubscriptionID}, someone, 1<<20)
	if !errors.Is(err, kerr.UnknownSubscriptionID) {
		t.Errorf("an outdated subscription: %v", err)
	}
	if b := w.get(t, a.ID); b.SubscriptionID == a.SubscriptionID || fmt.Sprint(b.Metrics) != "[*]" {
		t.Errorf("%+v", b)
	}
}

func TestPushIsRefused(t *testing.T) {
	w := newWorld(everything())
	a := w.get(t, ClientID{})
	good := Push{ID: a.ID, SubscriptionID: a.SubscriptionID, Data: metricsData(nil, gauge("g", 1))}
	for _, c := range []struct {
		name   string
		change func(*Push)
		want   error
	}{
		{"no id", func(p *Push) { p.ID = ClientID{} }, kerr.InvalidRequest},
		{"Kafka's own id", func(p *Push) { p.ID = ClientID{15: 1} }, kerr.InvalidRequest},
		{"another subscription", func(p *Push) { p.SubscriptionID++ }, kerr.UnknownSubscriptionID},
		{"unknown compression", func(p *Push) { p.Compression = 9 }, kerr.UnsupportedCompressionType},
		{"too large", func(p *Push) { p.Data = make([]byte, 2000) }, kerr.TelemetryTooLarge},
		{"no metrics", func(p *Push) { p.Data = []byte("not a message") }, kerr.InvalidRecord},
		{"good", func(*Push) {}, nil},
	} {
		p := good
		c.change(&p)
		if err := w.Push(p, someone, 1000); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		w.at = w.at.Add(time.Second)
	}
	w.at = w.at.Add(-time.Second)
	if err := w.Push(good, someone, 1000); !errors.Is(err, kerr.ThrottlingQuotaExceeded) {
		t.Errorf("too soon: %v", err)
	}
	last := good
	last.Terminating = true
	if err := w.Push(last, someone, 1000); err != nil {
		t.Errorf("the last push may come early: %v", err)
	}
	if err := w.Push(good, someone, 1000); !errors.Is(err, kerr.InvalidRequest) {
		t.Errorf("after the last push: %v", err)
	}
}

func TestClientsAreBounded(t *testing.T) {
	w := newWorld(everything())
	for i := range maxClients + 10 {
		id := ClientID{0: 1}
		binary.BigEndian.PutUint32(id[8:], uint32(i+2))
		if _, err := w.Get(id, someone, w.id); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.mu.byUse.Len(); n != maxClients || len(w.mu.known) != n {
		t.Errorf("%d clients", n)
	}
	a := w.get(t, ClientID{})
	var many [][]byte
	for i := range maxSeriesOfAClient + 50 {
		many = append(many, gauge(fmt.Sprint("m", i), 1))
	}
	w.push(t, a, metricsData(nil, many...))
	if w.mu.series != maxSeriesOfAClient || w.mu.dropped != 50 {
		t.Errorf("%d series, %d left out", w.mu.series, w.mu.dropped)
	}
	if err := decodeTooMany(); !errors.Is(err, ErrOTLP) {
		t.Errorf("more than %d points: %v", maxPoints, err)
	}
}

func decodeTooMany() error {
	var points []byte
	for range maxPoints + 1 {
		points = append(points, lengthed(1, nil)...)
	}
	_, err := decodeMetrics(metricsData(nil, join(lengthed(1, []byte("n")), lengthed(5, points))))
	return err
}

// TestNamesThatClash: names that Prometheus would take for the same, or for parts of a histogram, do not break /metrics.
func TestNamesThatClash(t *testing.T) {
	w := newWorld(everything())
	a := w.get(t, ClientID{})
	w.push(t, a, metricsData(nil,
		gauge("a.b", 1), counter("a_b", 2, 1), gauge("a-b", 3), gauge("h_count", 1),
		histogram("h", 1, 1, 1, nil), histogram("i", 1, 1, 1, nil), gauge("i.sum", 2), gauge("", 1),
		gauge("le", 1, label(7, "le", "x"), label(7, "__name__", "y"), label(7, "9", "z"), label(7, "a.b", "1"), label(7, "a_b", "2")),
		gauge("bad\xff", math.NaN(), label(7, "k\xff", "v\xff"))))
	got := w.scrape(t)
	for _, want := range []string{"kafka_client_a_b{", "kafka_client_h_count{", "kafka_client_i_sum{", `attribute_le="x"`, `attribute_name__="y"`, `attribute_9="z"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in\n%s", want, got)
		}
	}
}

// FuzzPush: whatever is pushed, /metrics can be read afterwards.
func FuzzPush(f *testing.F) {
	f.Add(metricsData(label(1, "k", "v"), gauge("g", 1, label(7, "a", "b")), counter("c", 1, 1), histogram("h", 2, 1, 1, []float64{1}, 1, 0)))
	f.Add([]byte{0x0a, 0x02, 0x12, 0x00})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		w := newWorld(everything())
		a := w.get(t, ClientID{})
		for range 2 {
			if err := w.Push(Push{ID: a.ID, SubscriptionID: a.SubscriptionID, Data: data}, someone, 1<<20); err != nil && !errors.Is(err, kerr.InvalidRecord) {
				t.Fatal(err)
			}
			w.at = w.at.Add(time.Second)
		}
		if w.mu.series > 0 {
			w.scrape(t)
		}
	})
}

// TestAClientEndsWithItsConnection: it may begin anew at once, and what it has
// pushed stays until it can have been read.
func TestAClientEndsWithItsConnection(t *testing.T) {
	w := newWorld(Subscription{Name: "all", Metrics: []string{"*"}, Interval: time.Hour})
	on := func(connection string) Client {
		c := someone
		c.Connection = connection
		return c
	}
	get := func(id ClientID, connection string) (Assignment, error) { return w.Get(id, on(connection), w.id) }
	a, err := get(ClientID{}, "first")
	if err != nil {
		t.Fatal(err)
	}
	push := Push{ID: a.ID, SubscriptionID: a.SubscriptionID, Terminating: true, Data: metricsData(nil, gauge("g", 1))}
	if err := w.Push(push, on("first"), 1<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := get(a.ID, "first"); !errors.Is(err, kerr.ThrottlingQuotaExceeded) {
		t.Errorf("asked twice: %v", err)
	}
	if _, err := get(a.ID, "second"); !errors.Is(err, kerr.ThrottlingQuotaExceeded) {
		t.Errorf("asked before the end of the first was noticed: %v", err)
	}
	w.Disconnected(a.ID, "first")
	w.Disconnected(ClientID{7: 7}, "first")
	b, err := get(a.ID, "second")
	if err != nil || b.ID != a.ID {
		t.Fatalf("%+v, %v", b, err)
	}
	if err := w.Push(push, on("second"), 1<<20); err != nil {
		t.Fatal(err)
	}
	w.Disconnected(a.ID, "first") // late
	if _, err := get(a.ID, "second"); !errors.Is(err, kerr.ThrottlingQuotaExceeded) {
		t.Errorf("asked twice: %v", err)
	}
	w.Disconnected(a.ID, "second")
	w.at = w.at.Add(clientExpiry - time.Second)
	if got := w.scrape(t); !strings.Contains(got, "kafka_client_g") {
		t.Errorf("gone too early: %q", got)
	}
	w.at = w.at.Add(2 * time.Second)
	if got := w.scrape(t); got != "" || len(w.mu.known) != 0 {
		t.Errorf("a client without a connection is still there: %s", got)
	}
}
