package headrace

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/record"
)

// wireClient speaks the protocol without a client library, so that a test says
// exactly what goes over the wire.
type wireClient struct {
	t    *testing.T
	conn net.Conn
	next int32
}

func dialWire(t *testing.T, addr string) *wireClient {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &wireClient{t: t, conn: conn}
}

// send writes a request without waiting for its answer.
func (c *wireClient) send(req kmsg.Request) {
	c.t.Helper()
	c.next++
	f := kmsg.NewRequestFormatter(kmsg.FormatterClientID("wire"))
	if _, err := c.conn.Write(f.AppendRequest(nil, req, c.next)); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads the next answer.
func (c *wireClient) receive(resp kmsg.Response) {
	c.t.Helper()
	var head [8]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		c.t.Fatalf("%T: %v", resp, err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(c.conn, body); err != nil {
		c.t.Fatalf("%T: %v", resp, err)
	}
	if resp.IsFlexible() && resp.Key() != int16(kmsg.ApiVersions) {
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		c.t.Fatalf("%T: %v", resp, err)
	}
}

// ask sends a request of a version and returns the answer.
func ask[R kmsg.Response](c *wireClient, req kmsg.Request, version int16) R {
	c.t.Helper()
	req.SetVersion(version)
	c.send(req)
	resp, ok := req.ResponseKind().(R)
	if !ok {
		c.t.Fatalf("%T is not the answer to %T", resp, req)
	}
	c.receive(resp)
	return resp
}

// wireNode starts a node in memory with a topic of n partitions.
func wireNode(t *testing.T, topic string, n int32) *wireClient {
	t.Helper()
	_, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	c := dialWire(t, addr)
	req := kmsg.NewPtrCreateTopicsRequest()
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = topic, n, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, ct), 60_000
	if resp := ask[*kmsg.CreateTopicsResponse](c, req, 7); resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("create topic: %v", kerr.ErrorForCode(resp.Topics[0].ErrorCode))
	}
	return c
}

// batchOf builds a batch of one record for each value.
func batchOf(t *testing.T, values ...string) []byte {
	t.Helper()
	var b record.Builder
	b.Reset(record.BatchOptions{})
	now := time.Now().UnixMilli()
	for _, v := range values {
		b.Append(now, nil, []byte(v))
	}
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func produceRequest(topic string, partition int32, acks int16, records []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	pt := kmsg.NewProduceRequestTopic()
	pp := kmsg.NewProduceRequestTopicPartition()
	pp.Partition, pp.Records = partition, records
	pt.Topic, pt.Partitions = topic, append(pt.Partitions, pp)
	req.Topics, req.Acks, req.TimeoutMillis = append(req.Topics, pt), acks, 60_000
	return req
}

func fetchRequest(topic string, partition int32, from int64, wait int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	ft := kmsg.NewFetchRequestTopic()
	fp := kmsg.NewFetchRequestTopicPartition()
	fp.Partition, fp.FetchOffset, fp.PartitionMaxBytes, fp.CurrentLeaderEpoch = partition, from, 1<<20, -1
	ft.Topic, ft.Partitions = topic, append(ft.Partitions, fp)
	req.Topics, req.MaxBytes, req.MinBytes, req.MaxWaitMillis, req.ReplicaID = append(req.Topics, ft), 1<<20, 1, wait, -1
	req.SessionEpoch = -1
	return req
}

func TestEveryVersionOfProduceAndFetch(t *testing.T) {
	c := wireNode(t, "v", 1)
	want := int64(0)
	for v := int16(3); v <= 12; v++ {
		resp := ask[*kmsg.ProduceResponse](c, produceRequest("v", 0, -1, batchOf(t, "a", "b")), v)
		p := resp.Topics[0].Partitions[0]
		if p.ErrorCode != 0 || p.BaseOffset != want {
			t.Fatalf("produce v%d: code %d, base offset %d, want %d", v, p.ErrorCode, p.BaseOffset, want)
		}
		want += 2
	}
	for v := int16(4); v <= 12; v++ {
		resp := ask[*kmsg.FetchResponse](c, fetchRequest("v", 0, 0, 0), v)
		p := resp.Topics[0].Partitions[0]
		if p.ErrorCode != 0 || p.HighWatermark != want {
			t.Fatalf("fetch v%d: code %d, high watermark %d, want %d", v, p.ErrorCode, p.HighWatermark, want)
		}
		n := int64(0)
		for rest := p.RecordBatches; len(rest) > 0; {
			b, r, err := record.Next(rest)
			if err != nil || b.CheckCRC() != nil || b.BaseOffset() != n {
				t.Fatalf("fetch v%d: batch at %d: %v", v, n, err)
			}
			n, rest = b.NextOffset(), r
		}
		if n != want {
			t.Fatalf("fetch v%d: batches up to offset %d, want %d", v, n, want)
		}
	}
}

// C03: versions 0 to 2 are advertised and get an error, not a disconnect.
func TestOldProduceGetsAnError(t *testing.T) {
	c := wireNode(t, "old", 1)
	for v := range int16(3) {
		resp := ask[*kmsg.ProduceResponse](c, produceRequest("old", 0, 1, []byte{0}), v)
		if code := resp.Topics[0].Partitions[0].ErrorCode; code != kerr.UnsupportedVersion.Code {
			t.Errorf("v%d: code %d", v, code)
		}
	}
}

// C01: a version above ours is answered in the form of version 0, with our range.
func TestApiVersionsAboveOurs(t *testing.T) {
	_, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	c := dialWire(t, addr)
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "a", "1"
	req.SetVersion(99)
	c.send(req)
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.SetVersion(0)
	c.receive(resp)
	if resp.ErrorCode != kerr.UnsupportedVersion.Code || len(resp.ApiKeys) != 1 || resp.ApiKeys[0].MaxVersion != 4 {
		t.Fatalf("%+v", resp)
	}
}

func TestLongPollWakesForARecordAndForTheDeadline(t *testing.T) {
	c := wireNode(t, "poll", 1)
	t0 := time.Now()
	if resp := ask[*kmsg.FetchResponse](c, fetchRequest("poll", 0, 0, 100), 12); len(resp.Topics[0].Partitions[0].RecordBatches) > 0 {
		t.Fatal("records out of nowhere")
	}
	if d := time.Since(t0); d < 90*time.Millisecond {
		t.Errorf("an empty fetch came back after %s, not 100 ms", d)
	}
	req := fetchRequest("poll", 0, 0, 600_000)
	req.SetVersion(12)
	c.send(req) // parked; the connection reads on
	other := dialWire(t, c.conn.RemoteAddr().String())
	ask[*kmsg.ProduceResponse](other, produceRequest("poll", 0, -1, batchOf(t, "wake")), 9)
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(12)
	c.receive(resp)
	if len(resp.Topics[0].Partitions[0].RecordBatches) == 0 {
		t.Fatal("the fetch was woken without records")
	}
}

// KIP-227, C24: only what is new is in an incremental answer; wrong epochs and
// unknown sessions are told so.
func TestIncrementalFetchSession(t *testing.T) {
	c := wireNode(t, "s", 2)
	ask[*kmsg.ProduceResponse](c, produceRequest("s", 0, -1, batchOf(t, "x")), 9)
	full := fetchRequest("s", 0, 0, 0)
	second := full.Topics[0].Partitions[0]
	second.Partition = 1
	full.Topics[0].Partitions = append(full.Topics[0].Partitions, second)
	full.SessionEpoch = 0
	first := ask[*kmsg.FetchResponse](c, full, 12)
	if first.SessionID == 0 || len(first.Topics) != 1 || len(first.Topics[0].Partitions) != 2 {
		t.Fatalf("full fetch: session %d, %+v", first.SessionID, first.Topics)
	}
	next := func(epoch int32, moved bool) *kmsg.FetchResponse {
		req := fetchRequest("s", 0, 1, 0)
		if !moved {
			req.Topics = nil
		}
		req.SessionID, req.SessionEpoch = first.SessionID, epoch
		return ask[*kmsg.FetchResponse](c, req, 12)
	}
	if r := next(1, true); r.ErrorCode != 0 || len(r.Topics) != 0 {
		t.Fatalf("nothing is new: %+v", r)
	}
	ask[*kmsg.ProduceResponse](c, produceRequest("s", 1, -1, batchOf(t, "y")), 9)
	if r := next(2, false); len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 || r.Topics[0].Partitions[0].Partition != 1 {
		t.Fatalf("partition 1 has news: %+v", r)
	}
	if r := next(9, false); r.ErrorCode != kerr.InvalidFetchSessionEpoch.Code {
		t.Fatalf("wrong epoch: code %d", r.ErrorCode)
	}
	req := fetchRequest("s", 0, 1, 0)
	req.SessionID, req.SessionEpoch = first.SessionID+1, 1
	if r := ask[*kmsg.FetchResponse](c, req, 12); r.ErrorCode != kerr.FetchSessionIDNotFound.Code {
		t.Fatalf("unknown session: code %d", r.ErrorCode)
	}
}

func TestProduceErrors(t *testing.T) {
	c := wireNode(t, "e", 1)
	bad := batchOf(t, "x")
	bad[20] ^= 1
	for name, tc := range map[string]struct {
		req  *kmsg.ProduceRequest
		code int16
	}{
		"acks 2":            {produceRequest("e", 0, 2, batchOf(t, "x")), kerr.InvalidRequiredAcks.Code},
		"no such topic":     {produceRequest("nope", 0, 1, batchOf(t, "x")), kerr.UnknownTopicOrPartition.Code},
		"no such partition": {produceRequest("e", 7, 1, batchOf(t, "x")), kerr.UnknownTopicOrPartition.Code},
		"null records":      {produceRequest("e", 0, 1, nil), kerr.InvalidRecord.Code},
		"wrong checksum":    {produceRequest("e", 0, 1, bad), kerr.CorruptMessage.Code},
		"two batches":       {produceRequest("e", 0, 1, append(batchOf(t, "x"), batchOf(t, "y")...)), kerr.InvalidRecord.Code},
	} {
		p := ask[*kmsg.ProduceResponse](c, tc.req, 9).Topics[0].Partitions[0]
		if p.ErrorCode != tc.code || p.BaseOffset != -1 {
			t.Errorf("%s: code %d, base offset %d, want code %d", name, p.ErrorCode, p.BaseOffset, tc.code)
		}
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	c := wireNode(t, "pipe", 1)
	for range 50 {
		req := produceRequest("pipe", 0, -1, batchOf(t, "x"))
		req.SetVersion(9)
		c.send(req)
	}
	for i := range int64(50) {
		resp := kmsg.NewPtrProduceResponse()
		resp.SetVersion(9)
		c.receive(resp)
		if got := resp.Topics[0].Partitions[0].BaseOffset; got != i {
			t.Fatalf("answer %d is for offset %d", i, got)
		}
	}
}

func TestUnservedRequestsEndTheConnection(t *testing.T) {
	c := wireNode(t, "x", 1)
	req := kmsg.NewPtrVoteRequest() // a voter's, not a client's
	req.SetVersion(0)
	c.send(req)
	if n, err := c.conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) && !isReset(err) {
		t.Fatalf("read %d bytes, %v; want the end of the connection", n, err)
	}
}

func isReset(err error) bool {
	_, ok := errors.AsType[*net.OpError](err)
	return ok && !errors.Is(err, os.ErrDeadlineExceeded)
}

// What acks=1 has acknowledged is below the end that the same client asks for
// next, although it is not yet on stable storage when it is acknowledged.
func TestTheEndHoldsWhatWasAcknowledged(t *testing.T) {
	c := wireNode(t, "end", 1)
	for n := range int64(200) {
		ask[*kmsg.ProduceResponse](c, produceRequest("end", 0, 1, batchOf(t, "x")), 9)
		req := kmsg.NewPtrListOffsetsRequest()
		lt := kmsg.NewListOffsetsRequestTopic()
		lp := kmsg.NewListOffsetsRequestTopicPartition()
		lp.Timestamp, lp.CurrentLeaderEpoch = -1, -1
		lt.Topic, lt.Partitions = "end", append(lt.Partitions, lp)
		req.ReplicaID, req.Topics = -1, append(req.Topics, lt)
		if got := ask[*kmsg.ListOffsetsResponse](c, req, 7).Topics[0].Partitions[0].Offset; got != n+1 {
			t.Fatalf("the end is %d after %d acknowledgements", got, n+1)
		}
	}
}

// A transactional batch outside of a transaction would hold readers up for ever.
func TestTransactionalBatchWithoutTransactionIsRefused(t *testing.T) {
	c := wireNode(t, "tx", 1)
	var b record.Builder
	b.Reset(record.BatchOptions{Transactional: true, Producer: &record.Producer{ID: 77, Epoch: 0, BaseSequence: 0}})
	b.Append(time.Now().UnixMilli(), nil, []byte("x"))
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	for v := int16(3); v <= 12; v++ {
		p := ask[*kmsg.ProduceResponse](c, produceRequest("tx", 0, -1, slices.Clone(batch)), v).Topics[0].Partitions[0]
		if p.ErrorCode != kerr.TransactionalIDAuthorizationFailed.Code {
			t.Errorf("v%d: code %d", v, p.ErrorCode)
		}
	}
}

// A Produce whose time is over at once says so, and is answered once.
func TestProduceWithoutTime(t *testing.T) {
	c := wireNode(t, "late", 1)
	for range 100 {
		req := produceRequest("late", 0, -1, batchOf(t, "x"))
		req.TimeoutMillis = 0
		code := ask[*kmsg.ProduceResponse](c, req, 9).Topics[0].Partitions[0].ErrorCode
		if code != 0 && code != kerr.RequestTimedOut.Code {
			t.Fatalf("code %d", code)
		}
	}
}

// A node without a file is its own quorum, wherever its controller listens.
func TestLoneNodeOnOtherPorts(t *testing.T) {
	reserve := func() net.Listener {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	one, other := reserve(), reserve() // both at once, or they could be the same
	_, _ = one.Close(), other.Close()  // only the numbers were wanted
	n, err := New(Config{Overrides: []string{
		"listeners=PLAINTEXT://" + one.Addr().String() + ",CONTROLLER://" + other.Addr().String(), "log.dirs=" + t.TempDir(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}
