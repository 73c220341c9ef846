package controller

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// producerIDBlock is how many producer ids a broker gets at a time
// (ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE).
const producerIDBlock = 1000

// allocateProducerIDs gives a broker the next block of producer ids (KIP-730).
func (c *Controller) allocateProducerIDs(x *exchange, req *kmsg.AllocateProducerIDsRequest, resp *kmsg.AllocateProducerIDsResponse) error {
	if _, err := checkEpoch(x.img, req.BrokerID, req.BrokerEpoch); err != nil {
		return err
	}
	first := x.img.NextProducerID()
	if first > math.MaxInt64-producerIDBlock {
		return faultf(kerr.UnknownServerError,
			"Exhausted all producerIds as the next block's end producerId has exceeded the int64 type limit")
	}
	x.emit(&metadata.ProducerIDsRecord{
		BrokerID: req.BrokerID, BrokerEpoch: req.BrokerEpoch, NextProducerID: first + producerIDBlock,
	})
	resp.ProducerIDStart, resp.ProducerIDLen = first, producerIDBlock
	return nil
}

func refuseAllocateProducerIDs(_ *kmsg.AllocateProducerIDsRequest, resp *kmsg.AllocateProducerIDsResponse, f *fault) {
	resp.ErrorCode = f.code()
}
