package controller

import (
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// contact is what the controller has heard from one incarnation of a broker
// (BrokerHeartbeatManager.BrokerHeartbeatState).
type contact struct {
	epoch int64
	// last is when the broker was heard from.
	last time.Time
	// offset is how far its replay of the metadata log has come; -1 if unknown.
	offset int64
	// shutdownOffset is the offset of the records that moved its leaderships
	// away; -1 before controlled shutdown.
	shutdownOffset int64
}

// contactOf gives the contact with a registered broker. One that was not heard
// from yet begins its session now: a new controller gives each the full time.
func (c *Controller) contactOf(b *metadata.Broker, now time.Time) *contact {
	k := c.contacts[b.ID]
	if k == nil || k.epoch != b.Epoch {
		k = &contact{epoch: b.Epoch, last: now, offset: -1, shutdownOffset: -1}
		c.contacts[b.ID] = k
	}
	return k
}

// hasSession tells whether a broker may still be alive.
func (c *Controller) hasSession(b *metadata.Broker, now time.Time) bool {
	if b.Fenced && c.contacts[b.ID] == nil {
		return false
	}
	return now.Sub(c.contactOf(b, now).last) < c.cfg.SessionTimeout
}

// brokerState is what a heartbeat moves a broker between (BrokerControlState).
type brokerState int8

const (
	stateFenced brokerState = iota
	stateUnfenced
	stateControlledShutdown
	stateShutdownNow
)

// checkEpoch refuses a request of a broker that is not registered, or of an
// incarnation that is no longer (ClusterControlManager.checkBrokerEpoch).
func checkEpoch(img *metadata.Image, broker metadata.BrokerID, epoch int64) (*metadata.Broker, error) {
	b := img.Broker(broker)
	if b == nil {
		return nil, faultf(kerr.StaleBrokerEpoch, "No broker registration found for broker id %d", broker)
	}
	if b.Epoch != epoch {
		return nil, faultf(kerr.StaleBrokerEpoch, "Expected broker epoch %d, but got broker epoch %d", b.Epoch, epoch)
	}
	return b, nil
}

// brokerHeartbeat keeps a broker's session, and unfences, fences or stops it as
// it wishes (ReplicationControlManager.processBrokerHeartbeat).
func (c *Controller) brokerHeartbeat(x *exchange, req *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) error {
	b, err := checkEpoch(x.img, req.BrokerID, req.BrokerEpoch)
	if err != nil {
		return err
	}
	k := c.contactOf(b, x.now)
	next := c.nextState(x.img, b, k, req)
	switch {
	case next == stateFenced || next == stateShutdownNow:
		if !b.Fenced {
			c.fence(x, b)
		}
		k.shutdownOffset = -1
	case next == stateUnfenced && b.Fenced:
		c.unfence(x, b)
	case next == stateControlledShutdown && k.shutdownOffset < 0:
		c.beginShutdown(x, b)
		k.shutdownOffset = x.img.Position().Offset + 1
	}
	k.last, k.offset = x.now, req.CurrentMetadataOffset
	c.directoriesOffline(x, b, uuids(req.OfflineLogDirs))
	directoriesCordoned(x, b, req.CordonedLogDirs)
	resp.IsCaughtUp = req.CurrentMetadataOffset >= b.Epoch
	resp.IsFenced = next == stateFenced || next == stateShutdownNow
	resp.ShouldShutdown = next == stateShutdownNow
	return nil
}

func refuseBrokerHeartbeat(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse, f *fault) {
	resp.ErrorCode, resp.IsFenced = f.code(), true
}

// nextState decides where a heartbeat moves a broker
// (BrokerHeartbeatManager.calculateNextBrokerState).
func (c *Controller) nextState(img *metadata.Image, b *metadata.Broker, k *contact, req *kmsg.BrokerHeartbeatRequest) brokerState {
	leads := img.LeaderCount(b.ID) > 0
	switch {
	case b.Fenced && req.WantShutdown:
		return stateShutdownNow
	case b.Fenced && (req.WantFence || req.CurrentMetadataOffset < b.Epoch):
		// It has not read its own registration yet, so it does not know what
		// it would have to lead.
		return stateFenced
	case b.Fenced:
		return stateUnfenced
	case k.shutdownOffset >= 0:
		// It may go when nobody that is active still believes that it leads.
		if leads || k.shutdownOffset > c.lowestActiveOffset(img) {
			return stateControlledShutdown
		}
		return stateShutdownNow
	case req.WantFence && req.WantShutdown:
		return stateShutdownNow
	case req.WantFence:
		return stateFenced
	case req.WantShutdown && leads:
		return stateControlledShutdown
	case req.WantShutdown:
		return stateShutdownNow
	}
	return stateUnfenced
}

// lowestActiveOffset is how far the slowest of the brokers that are neither
// fenced nor stopping has replayed the metadata log.
func (c *Controller) lowestActiveOffset(img *metadata.Image) int64 {
	lowest := int64(math.MaxInt64)
	for b := range img.AllBrokers() {
		k := c.contacts[b.ID]
		switch {
		case b.Fenced || k != nil && k.epoch == b.Epoch && k.shutdownOffset >= 0:
		case k == nil || k.epoch != b.Epoch:
			return -1
		default:
			lowest = min(lowest, k.offset)
		}
	}
	return lowest
}

// directoriesOffline takes the replicas in failed directories out of ISRs and
// leaderships (KIP-858).
func (c *Controller) directoriesOffline(x *exchange, b *metadata.Broker, offline []metadata.UUID) {
	isOffline := func(d metadata.UUID) bool { return slices.Contains(offline, d) }
	if metadataVersion(x.img) < metadataVersion37IV2 || !slices.ContainsFunc(b.LogDirs, isOffline) {
		return
	}
	c.updatePartitions(x, removeBroker(b.ID), func(p *metadata.Partition) bool {
		dir, ok := p.Directory(b.ID)
		return ok && isOffline(dir) && slices.Contains(b.LogDirs, dir)
	})
	remaining := slices.DeleteFunc(slices.Clone(b.LogDirs), isOffline)
	if len(remaining) == 0 {
		return // the record has no way to say "none": an empty list means no change
	}
	x.emit(&metadata.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, LogDirs: remaining})
}

// directoriesCordoned records which directories get no new replicas (KIP-1066).
// Nil stands for a broker that does not say.
func directoriesCordoned(x *exchange, b *metadata.Broker, cordoned [][16]byte) {
	if cordoned == nil || metadataVersion(x.img) < metadata.MetadataVersion43IV0 {
		return
	}
	dirs := uuids(cordoned)
	slices.SortFunc(dirs, metadata.UUID.Compare)
	dirs = slices.Compact(dirs)
	if b.CordonedLogDirs != nil && slices.Equal(b.CordonedLogDirs, dirs) {
		return
	}
	x.emit(&metadata.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, CordonedLogDirs: dirs})
}
