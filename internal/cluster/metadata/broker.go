package metadata

import "slices"

// Broker is a broker's registration (BrokerRegistration). It is immutable once
// it is part of an [Image].
type Broker struct {
	ID                   BrokerID
	Epoch                int64 // of the registration, greater with each
	IncarnationID        UUID  // of the process
	Listeners            []Endpoint
	Features             []FeatureRange
	Rack                 *string // nil if none
	Fenced               bool    // takes no part: clients do not see it, it leads nothing
	InControlledShutdown bool
	IsMigratingZkBroker  bool
	LogDirs              []UUID // online directories, sorted; empty if unknown
	CordonedLogDirs      []UUID // directories that get no new replicas, KIP-1066; nil if unknown
}

// Listener gives the endpoint of a listener by its name, and whether there is one.
func (b *Broker) Listener(name string) (Endpoint, bool) {
	i := slices.IndexFunc(b.Listeners, func(e Endpoint) bool { return e.Name == name })
	if i < 0 {
		return Endpoint{}, false
	}
	return b.Listeners[i], true
}

// Active tells whether the broker may lead and be in sync: registered, not
// fenced, not in controlled shutdown.
func (b *Broker) Active() bool { return b != nil && !b.Fenced && !b.InControlledShutdown }

// HasOnlineDir tells whether a replica in this directory is on line, as
// DirectoryId.isOnline: an unassigned directory counts, a lost one does not, and
// a broker from before KIP-858 names none.
func (b *Broker) HasOnlineDir(dir UUID) bool {
	switch {
	case dir == DirUnassigned || dir == DirMigrating:
		return true
	case dir == DirLost:
		return false
	}
	return len(b.LogDirs) == 0 || slices.Contains(b.LogDirs, dir)
}

func newBroker(r *RegisterBrokerRecord) *Broker {
	b := &Broker{
		ID: r.BrokerID, Epoch: r.BrokerEpoch, IncarnationID: r.IncarnationID,
		Listeners: r.Endpoints, Features: r.Features, Rack: r.Rack,
		Fenced: r.Fenced, InControlledShutdown: r.InControlledShutdown,
		IsMigratingZkBroker: r.IsMigratingZkBroker,
		LogDirs:             sortedUUIDs(r.LogDirs), CordonedLogDirs: sortedUUIDs(r.CordonedLogDirs),
	}
	return b
}

// record gives the record that registers the broker as it is.
func (b *Broker) record() *RegisterBrokerRecord {
	return &RegisterBrokerRecord{
		BrokerID: b.ID, IsMigratingZkBroker: b.IsMigratingZkBroker,
		IncarnationID: b.IncarnationID, BrokerEpoch: b.Epoch,
		Endpoints: b.Listeners, Features: b.Features, Rack: b.Rack,
		Fenced: b.Fenced, InControlledShutdown: b.InControlledShutdown,
		LogDirs: b.LogDirs, CordonedLogDirs: b.CordonedLogDirs,
	}
}

// sortedUUIDs gives a sorted copy; nil stays nil.
func sortedUUIDs(in []UUID) []UUID {
	out := slices.Clone(in)
	slices.SortFunc(out, UUID.Compare)
	return out
}
