package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// fakeController answers as the test says and remembers what it was asked.
type fakeController struct {
	mu       sync.Mutex
	register func(n int) (epoch int64, code int16)
	beat     func(n int, req *kmsg.BrokerHeartbeatRequest) kmsg.BrokerHeartbeatResponse
	// registered sees each registration; it may be nil.
	registered func(*kmsg.BrokerRegistrationRequest)
	// registrations and beats count what came.
	registrations, beats int
	blocks               int64
}

func (f *fakeController) Submit(_ context.Context, req kmsg.Request) (kmsg.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r := req.(type) {
	case *kmsg.BrokerRegistrationRequest:
		f.registrations++
		if f.registered != nil {
			f.registered(r)
		}
		resp := kmsg.NewPtrBrokerRegistrationResponse()
		resp.BrokerEpoch, resp.ErrorCode = f.register(f.registrations)
		return resp, nil
	case *kmsg.BrokerHeartbeatRequest:
		f.beats++
		resp := f.beat(f.beats, r)
		return &resp, nil
	case *kmsg.AllocateProducerIDsRequest:
		resp := kmsg.NewPtrAllocateProducerIDsResponse()
		resp.ProducerIDStart, resp.ProducerIDLen = f.blocks, 3
		f.blocks += 3
		return resp, nil
	}
	return nil, fmt.Errorf("unexpected %T", req)
}

func newSession(f *fakeController) *Session {
	return New(Options{
		BrokerID: 1, ClusterID: "c", Controller: f, Position: func() metadata.Position { return metadata.Position{Offset: 9} },
	})
}

func unfenced(int, *kmsg.BrokerHeartbeatRequest) kmsg.BrokerHeartbeatResponse {
	resp := kmsg.NewBrokerHeartbeatResponse()
	resp.IsFenced = false // the protocol's default is true
	return resp
}

// run runs the session in a bubble and returns the function that ends it.
func run(t *testing.T, s *Session) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() error { cancel(); return <-done }
}

func TestRegistersBeatsAndIsLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeController{
			register: func(n int) (int64, int16) {
				if n < 3 { // still believes in the one before
					return 0, kerr.DuplicateBrokerRegistration.Code
				}
				return 42, 0
			},
			beat: func(n int, req *kmsg.BrokerHeartbeatRequest) kmsg.BrokerHeartbeatResponse {
				if req.BrokerEpoch != 42 || req.CurrentMetadataOffset != 9 {
					t.Errorf("heartbeat %+v", req)
				}
				resp := unfenced(n, req)
				resp.IsFenced = n == 1
				return resp
			},
		}
		s := newSession(f)
		stop := run(t, s)
		synctest.Wait()
		select {
		case <-s.Unfenced():
			t.Error("let in too early")
		default:
		}
		time.Sleep(time.Second)
		s.Poke()
		<-s.Unfenced()
		if s.BrokerEpoch() != 42 {
			t.Errorf("epoch %d", s.BrokerEpoch())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestRegistersAnewWhenTheControllerHasForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeController{
			register: func(n int) (int64, int16) { return int64(n), 0 },
			beat: func(n int, req *kmsg.BrokerHeartbeatRequest) kmsg.BrokerHeartbeatResponse {
				resp := unfenced(n, req)
				if n == 2 {
					resp.ErrorCode = kerr.StaleBrokerEpoch.Code
				}
				return resp
			},
		}
		s := newSession(f)
		stop := run(t, s)
		time.Sleep(10 * time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if s.BrokerEpoch() != 2 {
			t.Errorf("epoch %d after %d registrations", s.BrokerEpoch(), f.registrations)
		}
	})
}

func TestAForeignClusterEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeController{register: func(int) (int64, int16) { return 0, kerr.InconsistentClusterID.Code }}
		if err := newSession(f).Run(t.Context()); !errors.Is(err, kerr.InconsistentClusterID) {
			t.Errorf("got %v", err)
		}
	})
}

func TestLeaveWaitsForTheControllersWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeController{
			register: func(int) (int64, int16) { return 1, 0 },
			beat: func(n int, req *kmsg.BrokerHeartbeatRequest) kmsg.BrokerHeartbeatResponse {
				resp := unfenced(n, req)
				resp.ShouldShutdown = req.WantShutdown && n > 3
				return resp
			},
		}
		s := newSession(f)
		stop := run(t, s)
		<-s.Unfenced()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if err := s.Leave(t.Context()); err != nil || f.beats != 4 {
			t.Errorf("left after %d heartbeats, %v", f.beats, err)
		}
		f.beat = unfenced // never lets it go
		began := time.Now()
		if err := s.Leave(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 15*time.Second {
			t.Errorf("gave up after %s, %v", time.Since(began), err)
		}
	})
}

func TestProducerIDsAreNeverGivenOutTwice(t *testing.T) {
	f := &fakeController{}
	p := NewProducerIDs(newSession(f))
	for want := range int64(10) {
		if id, err := p.Next(t.Context()); err != nil || id != want {
			t.Fatalf("got %d, %v, want %d", id, err, want)
		}
	}
	if f.blocks != 12 {
		t.Errorf("fetched up to %d", f.blocks)
	}
}

func TestFollowerShowsWhatWasActedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		newest := metadata.Position{Offset: -1}
		release := make(chan struct{})
		f := NewFollower(func(*metadata.Delta) { <-release }, func() metadata.Position { return newest })
		img, delta, err := metadata.Empty().Apply([]metadata.Record{&metadata.TopicRecord{Name: "t", TopicID: metadata.TopicID{1}}}, metadata.Position{Offset: 5})
		if err != nil {
			t.Fatal(err)
		}
		newest = img.Position()
		go f.Take(img, delta)
		waited := make(chan error, 1)
		go func() { waited <- f.Await(t.Context()) }()
		synctest.Wait()
		if f.Image().Topic("t") != nil || len(waited) > 0 {
			t.Error("the topic shows before the broker has acted on it")
		}
		close(release)
		if err := <-waited; err != nil || f.Image().Topic("t") == nil {
			t.Errorf("after acting: %v", err)
		}
		newest.Offset = 6
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Await(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nothing came: %v", err)
		}
	})
}

// TestTheLogHearsOfEachReasonOnce: a controller that stays away does not fill
// the log.
func TestTheLogHearsOfEachReasonOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeController{
			register: func(n int) (int64, int16) {
				switch {
				case n < 50:
					return 0, kerr.KafkaStorageError.Code
				case n < 100:
					return 0, kerr.DuplicateBrokerRegistration.Code
				}
				return 42, 0
			},
			beat: func(n int, req *kmsg.BrokerHeartbeatRequest) kmsg.BrokerHeartbeatResponse {
				resp := unfenced(n, req)
				if n%100 < 50 {
					resp.ErrorCode = kerr.NotController.Code
				}
				return resp
			},
		}
		var said bytes.Buffer
		s := newSession(f)
		s.opts.Logger = slog.New(slog.NewTextHandler(&said, nil))
		stop := run(t, s)
		time.Sleep(10 * time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if f.registrations != 100 || f.beats < 200 {
			t.Errorf("%d registrations, %d heartbeats", f.registrations, f.beats)
		}
		for text, want := range map[string]int{"registration is tried again": 2, "heartbeat failed": 3, "registered": 1} {
			if n := strings.Count(said.String(), `msg="`+text) + strings.Count(said.String(), "msg="+text); n != want {
				t.Errorf("%q is said %d times, not %d: %s", text, n, want, said.String())
			}
		}
	})
}
