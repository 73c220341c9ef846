package session

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// dirs are log directories that a test lets fail.
type dirs struct {
	mu      sync.Mutex
	offline []metadata.UUID
}

func (d *dirs) fail(id metadata.UUID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.offline = append(d.offline, id)
}

func (d *dirs) failed() []metadata.UUID {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.offline)
}

// heard is what the controller was told of the directories, by request.
type heard struct {
	registered, offline [][][16]byte
}

// dirSession is a session with two directories. The controller forgets the
// broker when forget is set.
func dirSession(d *dirs, forget *bool, h *heard) *Session {
	f := &fakeController{
		register: func(n int) (int64, int16) { return int64(n), 0 },
		beat: func(n int, req *kmsg.BrokerHeartbeatRequest) kmsg.BrokerHeartbeatResponse {
			h.offline = append(h.offline, req.OfflineLogDirs)
			resp := unfenced(n, req)
			if *forget {
				resp.ErrorCode, *forget = kerr.StaleBrokerEpoch.Code, false
			}
			return resp
		},
	}
	f.registered = func(req *kmsg.BrokerRegistrationRequest) { h.registered = append(h.registered, req.LogDirs) }
	return New(Options{
		BrokerID: 1, ClusterID: "c", Controller: f, Position: func() metadata.Position { return metadata.Position{Offset: 9} },
		LogDirs: []metadata.UUID{{1}, {2}}, OfflineLogDirs: d.failed,
	})
}

func TestHeartbeatsTellOfFailedDirectories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d dirs
		var forget bool
		var h heard
		s := dirSession(&d, &forget, &h)
		stop := run(t, s)
		<-s.Unfenced()
		time.Sleep(time.Second) // the second heartbeat is due in another one
		d.fail(metadata.UUID{2})
		s.Poke()
		synctest.Wait()
		time.Sleep(2 * time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
		want := [][][16]byte{nil, {{2}}, {{2}}}
		if !slices.EqualFunc(h.offline, want, slices.Equal) {
			t.Errorf("the heartbeats said %v, want %v", h.offline, want)
		}
	})
}

func TestARegistrationNamesWhatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d dirs
		var forget bool
		var h heard
		s := dirSession(&d, &forget, &h)
		stop := run(t, s)
		<-s.Unfenced()
		for _, lost := range []metadata.UUID{{2}, {1}} {
			synctest.Wait()
			d.fail(lost)
			forget = true
			s.Poke()
		}
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		want := [][][16]byte{{{1}, {2}}, {{1}}, {{1}, {2}}}
		if !slices.EqualFunc(h.registered, want, slices.Equal) {
			t.Errorf("registered with %v, want %v", h.registered, want)
		}
		if last := h.offline[len(h.offline)-1]; len(last) != 2 {
			t.Errorf("with nothing left the last heartbeat says %v", last)
		}
	})
}
