package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// previousEpochVersion is the first version of BrokerRegistration that tells
// the last broker epoch, by which a clean stop is known.
const previousEpochVersion = 3

// unknownEpoch is the epoch of a broker that was never registered. It differs
// from the -1 that a broker sends which knows of no previous epoch.
const unknownEpoch = -2

// registerBroker registers a new incarnation of a broker, or amends the
// registration of the present one (ClusterControlManager.registerBroker).
func (c *Controller) registerBroker(x *exchange, req *kmsg.BrokerRegistrationRequest, resp *kmsg.BrokerRegistrationResponse) error {
	if req.ClusterID != c.cfg.ClusterID {
		return faultf(kerr.InconsistentClusterID, "Expected cluster ID %s, but got cluster ID %s", c.cfg.ClusterID, req.ClusterID)
	}
	if req.IsMigratingZkBroker {
		return faultf(kerr.BrokerIDNotRegistered, "Controller does not support registering ZK brokers.")
	}
	dirs := uuids(req.LogDirs)
	slices.SortFunc(dirs, metadata.UUID.Compare)
	if err := c.checkRegistration(x, req, dirs); err != nil {
		return err
	}
	existing := x.img.Broker(req.BrokerID)
	r := registration(req, dirs)
	if existing != nil && existing.IncarnationID == r.IncarnationID {
		r.Fenced, r.InControlledShutdown = existing.Fenced, existing.InControlledShutdown
		r.BrokerEpoch, r.CordonedLogDirs = existing.Epoch, existing.CordonedLogDirs
	} else {
		stored := int64(unknownEpoch)
		if existing != nil {
			stored = existing.Epoch
		}
		clean := req.Version >= previousEpochVersion && req.PreviousBrokerEpoch == stored
		c.endIncarnation(x, req.BrokerID, clean, dirs)
		// The epoch is the offset of this record, as in Kafka; in any case it
		// is greater than that of the last registration.
		r.BrokerEpoch = max(x.img.Position().Offset, stored) + 1
		delete(c.contacts, req.BrokerID)
	}
	x.emit(r)
	resp.BrokerEpoch = r.BrokerEpoch
	return nil
}

func refuseRegisterBroker(_ *kmsg.BrokerRegistrationRequest, resp *kmsg.BrokerRegistrationResponse, f *fault) {
	resp.ErrorCode, resp.BrokerEpoch = f.code(), -1
}

// registration gives the record for a request, fenced and without an epoch.
func registration(req *kmsg.BrokerRegistrationRequest, dirs []metadata.UUID) *metadata.RegisterBrokerRecord {
	r := &metadata.RegisterBrokerRecord{
		BrokerID: req.BrokerID, IncarnationID: req.IncarnationID, Rack: req.Rack,
		Fenced: true, LogDirs: dirs,
	}
	for _, l := range req.Listeners {
		r.Endpoints = append(r.Endpoints, metadata.Endpoint{
			Name: l.Name, Host: l.Host, Port: l.Port, SecurityProtocol: l.SecurityProtocol,
		})
	}
	for _, f := range req.Features {
		r.Features = append(r.Features, metadata.FeatureRange{
			Name: f.Name, Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion,
		})
	}
	slices.SortFunc(r.Features, compareFeatures)
	return r
}

// checkRegistration refuses a registration that does not fit the cluster.
func (c *Controller) checkRegistration(x *exchange, req *kmsg.BrokerRegistrationRequest, dirs []metadata.UUID) error {
	existing := x.img.Broker(req.BrokerID)
	if existing != nil && existing.IncarnationID != req.IncarnationID &&
		c.hasSession(existing, x.now) && !sharesDir(existing, dirs) {
		return faultf(kerr.DuplicateBrokerRegistration, "Another broker is registered with that broker id. "+
			"If the broker was recently restarted this should self-resolve once the heartbeat manager expires the broker's session.")
	}
	if metadataVersion(x.img) >= metadataVersion37IV2 {
		if err := checkDirs(x.img, req.BrokerID, dirs); err != nil {
			return err
		}
	}
	return checkFeatures(x.img, req)
}

// sharesDir tells whether a new process shows a log directory of the registered
// one. It holds the lock on it, so the registered one is dead. The others may be
// off line by now, or not configured any more.
//
// Deviation: Kafka lets a broker that restarts at once wait for the end of its
// predecessor's session.
func sharesDir(b *metadata.Broker, dirs []metadata.UUID) bool {
	return slices.ContainsFunc(b.LogDirs, func(d metadata.UUID) bool { return slices.Contains(dirs, d) })
}

func checkDirs(img *metadata.Image, broker metadata.BrokerID, sorted []metadata.UUID) error {
	if len(sorted) == 0 {
		return faultf(kerr.InvalidRegistration, "No directories specified in request")
	}
	for i, dir := range sorted {
		if metadata.ReservedUUID(dir) {
			return faultf(kerr.InvalidRegistration, "Reserved directory ID in request")
		}
		if i > 0 && sorted[i-1] == dir {
			return faultf(kerr.InvalidRegistration, "Duplicate directory ID in request")
		}
	}
	for b := range img.AllBrokers() {
		if b.ID == broker {
			continue
		}
		for _, dir := range b.LogDirs {
			if _, found := slices.BinarySearchFunc(sorted, dir, metadata.UUID.Compare); found {
				return faultf(kerr.InvalidRegistration, "Broker %d is already registered with directory %s", b.ID, dir)
			}
		}
	}
	return nil
}

// checkFeatures refuses a broker that does not know a level that is finalized.
func checkFeatures(img *metadata.Image, req *kmsg.BrokerRegistrationRequest) error {
	supported := make([]metadata.FeatureRange, 0, len(req.Features))
	for _, f := range req.Features {
		supported = append(supported, metadata.FeatureRange{Name: f.Name, Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion})
	}
	if !slices.ContainsFunc(supported, func(f metadata.FeatureRange) bool { return f.Name == metadata.FeatureMetadataVersion }) {
		return faultf(kerr.InvalidRegistration, "Request features do not contain '%s'", metadata.FeatureMetadataVersion)
	}
	for f := range img.Features().All() {
		if !slices.ContainsFunc(supported, func(s metadata.FeatureRange) bool { return s.Name == f.Name }) {
			supported = append(supported, metadata.FeatureRange{Name: f.Name})
		}
	}
	for _, s := range supported {
		finalized := img.Features().Level(s.Name)
		switch s.Name {
		case metadata.FeatureMetadataVersion:
			finalized = metadataVersion(img)
		case metadata.FeatureKRaftVersion:
			finalized = kraftVersion
		}
		if finalized < s.Min || finalized > s.Max {
			return faultf(kerr.UnsupportedVersion, "Unable to register because the broker does not support finalized version %d of %s. "+
				"The broker wants a version between %d and %d, inclusive.", finalized, s.Name, s.Min, s.Max)
		}
	}
	return nil
}

// unregisterBroker removes a broker for good.
func (c *Controller) unregisterBroker(x *exchange, req *kmsg.UnregisterBrokerRequest, _ *kmsg.UnregisterBrokerResponse) error {
	b := x.img.Broker(req.BrokerID)
	if b == nil {
		return faultf(kerr.BrokerIDNotRegistered, "Broker ID %d is not currently registered", req.BrokerID)
	}
	c.updatePartitions(x, removeBroker(b.ID), func(p *metadata.Partition) bool {
		return inISR(b.ID)(p) || inELR(b.ID)(p)
	})
	x.emit(&metadata.UnregisterBrokerRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch})
	delete(c.contacts, b.ID)
	return nil
}

func refuseUnregisterBroker(_ *kmsg.UnregisterBrokerRequest, resp *kmsg.UnregisterBrokerResponse, f *fault) {
	f.fill(&resp.ErrorCode, &resp.ErrorMessage)
}

// registerController registers a controller's endpoints and features (KIP-919).
func (c *Controller) registerController(x *exchange, req *kmsg.ControllerRegistrationRequest, _ *kmsg.ControllerRegistrationResponse) error {
	r := &metadata.RegisterControllerRecord{ControllerID: req.ControllerID, IncarnationID: req.IncarnationID}
	for _, l := range req.Listeners {
		r.Endpoints = append(r.Endpoints, metadata.Endpoint{
			Name: l.Name, Host: l.Host, Port: l.Port, SecurityProtocol: l.SecurityProtocol,
		})
	}
	for _, f := range req.Features {
		r.Features = append(r.Features, metadata.FeatureRange{
			Name: f.Name, Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion,
		})
	}
	slices.SortFunc(r.Features, compareFeatures)
	x.emit(r)
	return nil
}

func refuseRegisterController(_ *kmsg.ControllerRegistrationRequest, resp *kmsg.ControllerRegistrationResponse, f *fault) {
	f.fill(&resp.ErrorCode, &resp.ErrorMessage)
}

func uuids(in [][16]byte) []metadata.UUID {
	out := make([]metadata.UUID, 0, len(in))
	for _, u := range in {
		out = append(out, u)
	}
	return out
}
