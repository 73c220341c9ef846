package controller

import (
	"time"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// contact is what the controller has heard from one incarnation of a broker
// (BrokerHeartbeatManager.BrokerHeartbeatState).
type contact struct {
	epoch int64
	// last is when the broker was heard from.
	last time.Time
	// offset is how far its replay of the metadata log has come.
	offset int64
	// shutdownOffset is the offset of the records that moved its leaderships
	// away; -1 before controlled shutdown.
	shutdownOffset int64
}

// Tick gives the records that are due by now: of a broker whose session has
// expired, of leaderships that should go back to the preferred replica, of
// unclean elections where they are allowed. The caller proposes them as one
// atomic batch and calls again, with the image that they make, until it gets
// none; after that, every 100 ms or so.
func (c *Controller) Tick(img *metadata.Image, now time.Time) []metadata.Record {
	return nil
}
