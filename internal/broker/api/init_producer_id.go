package api

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// producerIDTimeout bounds the wait for a block of producer ids.
const producerIDTimeout = 10 * time.Second

// initProducerID answers InitProducerId, versions 0 to 5, for producers without
// a transactional id: each gets an id that nobody has had before (KIP-98).
func (b *Broker) initProducerID(c *call, req *kmsg.InitProducerIDRequest) {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	id, err := b.newProducerID(req)
	if err != nil {
		resp.ErrorCode = b.code(c, err)
	} else {
		resp.ProducerID, resp.ProducerEpoch = id, 0
	}
	c.reply(resp)
}

func (b *Broker) newProducerID(req *kmsg.InitProducerIDRequest) (int64, error) {
	if req.TransactionalID != nil {
		if *req.TransactionalID == "" {
			return 0, fmt.Errorf("the transactional id is empty: %w", kerr.InvalidRequest)
		}
		return 0, fmt.Errorf("transactional id %q: this broker serves no transactions: %w", *req.TransactionalID, kerr.NotCoordinator)
	}
	ctx, cancel := context.WithTimeout(b.ctx, producerIDTimeout)
	defer cancel()
	return b.producers.Next(ctx)
}
