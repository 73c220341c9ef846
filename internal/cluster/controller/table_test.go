package controller

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// nothing allows nobody anything.
type nothing struct{}

func (nothing) Allowed(kmsg.ACLOperation, kmsg.ACLResourceType, string) bool { return false }

// TestTable holds that rows are in order, that each has the request of its key,
// in every version, and that who is allowed nothing changes nothing.
func TestTable(t *testing.T) {
	if !slices.IsSortedFunc(table[:], func(a, b row) int { return int(a.key) - int(b.key) }) {
		t.Fatal("rows are not sorted by key")
	}
	for _, r := range table {
		req := kmsg.RequestForKey(r.key)
		for version := int16(0); version <= req.MaxVersion(); version++ {
			w := newCluster(t, 2)
			w.handle(createRequest(topicRequest("t", 1, 1)))
			req := sampleRequest(r.key)
			req.SetVersion(version)
			d, err := w.c.Handle(w.img, w.now, w.rnd, req, Requester{Authorizer: nothing{}})
			if err != nil {
				t.Fatalf("%s: %v", kmsg.NameForKey(r.key), err)
			}
			if len(d.Records) != 0 {
				t.Errorf("%s version %d: %d records for who may do nothing", kmsg.NameForKey(r.key), version, len(d.Records))
			}
			if d.Reply.Key() != r.key || d.Reply.GetVersion() != version {
				t.Errorf("%s version %d: reply for %d version %d", kmsg.NameForKey(r.key), version, d.Reply.Key(), d.Reply.GetVersion())
			}
			checkReply(t, d.Reply)
			if !slices.ContainsFunc(errorCodes(reflect.ValueOf(d.Reply)), authorizationError) {
				t.Errorf("%s version %d: no authorization error: %+v", kmsg.NameForKey(r.key), version, d.Reply)
			}
		}
	}
	if Handles(0) || !Handles(19) {
		t.Error("Handles does not tell what the table has")
	}
	w := newCluster(t, 0)
	if _, err := w.c.Handle(w.img, w.now, w.rnd, kmsg.NewPtrProduceRequest(), Requester{}); !errors.Is(err, ErrUnhandled) {
		t.Errorf("Produce: %v", err)
	}
}

func authorizationError(code int16) bool {
	for _, e := range []*kerr.Error{
		kerr.ClusterAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed,
	} {
		if code == e.Code {
			return true
		}
	}
	return false
}

// sampleRequest gives a request that names the topic t or broker 0 wherever
// there is a list.
func sampleRequest(key int16) kmsg.Request {
	switch req := kmsg.RequestForKey(key).(type) {
	case *kmsg.CreateTopicsRequest:
		req.Topics = append(req.Topics, topicRequest("n", 1, 1))
		return req
	case *kmsg.DeleteTopicsRequest:
		req.TopicNames = []string{"t"}
		req.Topics = []kmsg.DeleteTopicsRequestTopic{{Topic: ptr("u")}}
		return req
	case *kmsg.CreatePartitionsRequest:
		req.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "t", Count: 3}}
		return req
	case *kmsg.AlterConfigsRequest:
		req.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: 2, ResourceName: "t"}}
		return req
	case *kmsg.IncrementalAlterConfigsRequest:
		req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{incremental(2, "t", configChange{"k", opSet, ptr("v")})}
		return req
	case *kmsg.ElectLeadersRequest:
		req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: "t", Partitions: []int32{0}}}
		return req
	case *kmsg.AlterPartitionAssignmentsRequest:
		req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{
			Topic: "t", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Replicas: []int32{1}}},
		}}
		return req
	default:
		return req
	}
}

// checkReply holds that a reply can be sent, and reads the same on the other side.
func checkReply(t *testing.T, resp kmsg.Response) {
	t.Helper()
	raw := resp.AppendTo(nil)
	again := kmsg.ResponseForKey(resp.Key())
	again.SetVersion(resp.GetVersion())
	if err := again.ReadFrom(raw); err != nil {
		t.Errorf("%s version %d: %v", kmsg.NameForKey(resp.Key()), resp.GetVersion(), err)
		return
	}
	if twice := again.AppendTo(nil); !cmp.Equal(raw, twice) {
		t.Errorf("%s version %d: not the same again", kmsg.NameForKey(resp.Key()), resp.GetVersion())
	}
}

// errorCodes gives all fields of a response that are called ErrorCode.
func errorCodes(v reflect.Value) []int16 {
	var out []int16
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out = errorCodes(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			out = append(out, errorCodes(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "ErrorCode" {
				out = append(out, int16(v.Field(i).Int()))
				continue
			}
			out = append(out, errorCodes(v.Field(i))...)
		}
	}
	return out
}

// TestZeroRequests holds that a request in which everything has its default
// gets an answer, in every version.
func TestZeroRequests(t *testing.T) {
	for _, r := range table {
		for version := int16(0); version <= kmsg.RequestForKey(r.key).MaxVersion(); version++ {
			w := newCluster(t, 1)
			req := kmsg.RequestForKey(r.key)
			req.SetVersion(version)
			checkReply(t, w.handle(req))
		}
	}
}

// TestDeterminism holds that a decision depends on its arguments alone.
func TestDeterminism(t *testing.T) {
	var first [][]byte
	for run := range 20 {
		w := newCluster(t, 5)
		w.rnd = rand.New(rand.NewPCG(7, 7))
		req := createRequest(topicRequest("a", 9, 3), topicRequest("b", 9, 3))
		for _, k := range []string{"z", "y", "x", "w", "v"} {
			req.Topics[0].Configs = append(req.Topics[0].Configs, kmsg.CreateTopicsRequestTopicConfig{Name: k, Value: ptr("1")})
		}
		var got [][]byte
		for _, req := range []kmsg.Request{req, registrationOf(2, func(r *kmsg.BrokerRegistrationRequest) { r.IncarnationID = [16]byte{9} })} {
			d, err := w.c.Handle(w.img, w.now, w.rnd, req, Requester{})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range d.Records {
				b, err := metadata.Append(nil, r)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, b)
			}
			got = append(got, d.Reply.AppendTo(nil))
			w.apply(d.Records)
		}
		if run == 0 {
			first = got
		} else if d := cmp.Diff(first, got); d != "" {
			t.Fatalf("run %d:\n%s", run, d)
		}
	}
}
