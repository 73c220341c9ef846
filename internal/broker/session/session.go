// Package session is this broker's side of the controller: it registers the
// broker, keeps it alive by heartbeats, takes it out in order, follows the
// metadata, and fetches blocks of producer ids.
package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// Controller takes requests to the active controller.
type Controller interface {
	// Submit sends a request in this broker's own name and returns its answer.
	// The error wraps a kerr code, or is that of ctx.
	Submit(ctx context.Context, req kmsg.Request) (kmsg.Response, error)
}

// Options say who this broker is.
type Options struct {
	BrokerID    int32
	ClusterID   string
	Incarnation metadata.UUID
	Listeners   []metadata.Endpoint
	Rack        *string
	LogDirs     []metadata.UUID
	// OfflineLogDirs are those of LogDirs that have failed by now. They are
	// asked for whenever the controller is spoken to, from several goroutines:
	// Poke tells it at once. nil: none ever fails.
	OfflineLogDirs func() []metadata.UUID
	// Features are the levels that this broker supports.
	Features []metadata.FeatureRange
	// Heartbeat is broker.heartbeat.interval.ms; 0 means Kafka's 2 s.
	Heartbeat time.Duration
	// Shutdown bounds a controlled shutdown; 0 means 10 s.
	Shutdown   time.Duration
	Controller Controller
	// Position is how far this broker has replayed the metadata.
	Position func() metadata.Position
	Logger   *slog.Logger
}

// Session keeps one incarnation of a broker registered. Make it with New, then
// call Run once.
type Session struct {
	opts     Options
	epoch    atomic.Int64 // of the registration, -1 before
	unfenced chan struct{}
	once     sync.Once
	poke     chan struct{}
	trouble  trouble // Run's own
}

// trouble is what the log was told last.
type trouble struct{ said string }

// news tells whether err says something else than the one before it; nil is the
// end of the trouble.
func (t *trouble) news(err error) bool {
	if err == nil {
		t.said = ""
		return false
	}
	before := t.said
	t.said = err.Error()
	return t.said != before
}

// Requests of brokers are sent in these versions, Kafka 4.3's highest.
const (
	registrationVersion = 4
	heartbeatVersion    = 2
	allocateVersion     = 0
)

// New returns a session that has not registered yet.
func New(o Options) *Session {
	if o.Heartbeat <= 0 {
		o.Heartbeat = 2 * time.Second
	}
	if o.Shutdown <= 0 {
		o.Shutdown = 10 * time.Second
	}
	if o.OfflineLogDirs == nil {
		o.OfflineLogDirs = func() []metadata.UUID { return nil }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Session{opts: o, unfenced: make(chan struct{}), poke: make(chan struct{}, 1)}
	s.epoch.Store(-1)
	return s
}

// BrokerEpoch is the epoch of the registration, -1 before there is one.
func (s *Session) BrokerEpoch() int64 { return s.epoch.Load() }

// Unfenced is closed when the controller has let the broker in for the first
// time.
func (s *Session) Unfenced() <-chan struct{} { return s.unfenced }

// Poke makes the next heartbeat due at once. It never blocks.
func (s *Session) Poke() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// Run registers and sends heartbeats until ctx ends. It then returns without
// having told the controller: see Leave.
func (s *Session) Run(ctx context.Context) error {
	if err := s.register(ctx); err != nil {
		return err
	}
	ticker := time.NewTicker(s.opts.Heartbeat)
	defer ticker.Stop()
	for {
		err := s.beat(ctx)
		if s.trouble.news(err) && ctx.Err() == nil {
			s.opts.Logger.Warn("heartbeat failed; the next ones are sent as ever", "error", err)
		}
		if err != nil && ctx.Err() == nil {
			if errors.Is(err, kerr.StaleBrokerEpoch) || errors.Is(err, kerr.BrokerIDNotRegistered) {
				if err := s.register(ctx); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-s.poke:
		}
	}
}

// maxRegisterWait bounds the time between two attempts to register. Whatever
// keeps the controller away, a broker is wanted soon after it has come.
const maxRegisterWait = time.Second

// register registers this incarnation, trying again while the controller is
// not there or still believes in an earlier one. The log hears of each reason
// once.
func (s *Session) register(ctx context.Context) error {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, maxRegisterWait) {
		epoch, err := s.tryRegister(ctx)
		if err == nil {
			s.epoch.Store(epoch)
			s.trouble.news(nil)
			s.opts.Logger.Info("registered", "broker", s.opts.BrokerID, "epoch", epoch)
			return nil
		}
		if ctx.Err() != nil {
			return nil
		}
		if fatalRegistration(err) {
			return fmt.Errorf("the controller refuses broker %d: %w", s.opts.BrokerID, err)
		}
		if s.trouble.news(err) {
			s.opts.Logger.Info("registration is tried again until the controller takes it", "broker", s.opts.BrokerID, "error", err)
		}
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

func fatalRegistration(err error) bool {
	return errors.Is(err, kerr.InconsistentClusterID) || errors.Is(err, kerr.InvalidRegistration) || errors.Is(err, kerr.UnsupportedVersion)
}

func (s *Session) tryRegister(ctx context.Context) (int64, error) {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.SetVersion(registrationVersion)
	req.BrokerID, req.ClusterID, req.IncarnationID = s.opts.BrokerID, s.opts.ClusterID, s.opts.Incarnation
	req.Rack, req.PreviousBrokerEpoch = s.opts.Rack, -1
	for _, e := range s.opts.Listeners {
		req.Listeners = append(req.Listeners, kmsg.BrokerRegistrationRequestListener{
			Name: e.Name, Host: e.Host, Port: e.Port, SecurityProtocol: e.SecurityProtocol,
		})
	}
	for _, f := range s.opts.Features {
		req.Features = append(req.Features, kmsg.BrokerRegistrationRequestFeature{Name: f.Name, MinSupportedVersion: f.Min, MaxSupportedVersion: f.Max})
	}
	for _, d := range s.usableDirs() {
		req.LogDirs = append(req.LogDirs, d)
	}
	resp, err := submit[*kmsg.BrokerRegistrationResponse](ctx, s.opts, req)
	if err != nil {
		return 0, err
	}
	return resp.BrokerEpoch, kerr.ErrorForCode(resp.ErrorCode)
}

// usableDirs are the log directories that a registration names: those that work.
// A registration without any is refused, so a broker that has lost them all
// names them all, and its heartbeats say that they are gone.
func (s *Session) usableDirs() []metadata.UUID {
	offline := s.opts.OfflineLogDirs()
	usable := slices.DeleteFunc(slices.Clone(s.opts.LogDirs), func(d metadata.UUID) bool { return slices.Contains(offline, d) })
	if len(usable) == 0 {
		return s.opts.LogDirs
	}
	return usable
}

// beat sends heartbeats until the controller is content: a broker that is
// fenced only because it is behind asks again as soon as it has caught up.
func (s *Session) beat(ctx context.Context) error {
	resp, err := s.heartbeat(ctx, false)
	if err != nil {
		return err
	}
	if !resp.IsFenced {
		s.once.Do(func() { close(s.unfenced) })
	}
	return nil
}

func (s *Session) heartbeat(ctx context.Context, shutdown bool) (*kmsg.BrokerHeartbeatResponse, error) {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.SetVersion(heartbeatVersion)
	req.BrokerID, req.BrokerEpoch = s.opts.BrokerID, s.epoch.Load()
	req.CurrentMetadataOffset, req.WantShutdown = s.opts.Position().Offset, shutdown
	for _, d := range s.opts.OfflineLogDirs() {
		req.OfflineLogDirs = append(req.OfflineLogDirs, d)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Heartbeat+time.Second)
	defer cancel()
	resp, err := submit[*kmsg.BrokerHeartbeatResponse](ctx, s.opts, req)
	if err != nil {
		return nil, err
	}
	return resp, kerr.ErrorForCode(resp.ErrorCode)
}

// Leave asks the controller for a controlled shutdown and returns when it may
// go, or when the time for that is over. Run must have returned.
func (s *Session) Leave(ctx context.Context) error {
	if s.epoch.Load() < 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Shutdown)
	defer cancel()
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		resp, err := s.heartbeat(ctx, true)
		if err != nil {
			return fmt.Errorf("controlled shutdown: %w", err)
		}
		if resp.ShouldShutdown {
			return nil
		}
		if !sleep(ctx, wait) {
			return fmt.Errorf("controlled shutdown: %w", ctx.Err())
		}
	}
}

// submit sends a request of this broker itself.
func submit[R kmsg.Response](ctx context.Context, o Options, req kmsg.Request) (R, error) {
	var none R
	resp, err := o.Controller.Submit(ctx, req)
	if err != nil {
		return none, err
	}
	r, ok := resp.(R)
	if !ok {
		return none, fmt.Errorf("the controller answered %T to %T", resp, req)
	}
	return r, nil
}

// sleep waits, and reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
