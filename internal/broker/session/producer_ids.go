package session

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ProducerIDs gives out producer ids from blocks that the controller allocates:
// no id is given out twice in the cluster, ever (RPCProducerIdManager). What is
// left of a block when the broker stops is lost.
type ProducerIDs struct {
	session *Session
	mu      sync.Mutex
	next    int64
	end     int64
}

// NewProducerIDs returns a source without a block. It fetches under the
// session's broker epoch.
func NewProducerIDs(s *Session) *ProducerIDs { return &ProducerIDs{session: s} }

// Next returns an id that nobody has had before.
func (p *ProducerIDs) Next(ctx context.Context) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == p.end {
		if err := p.fetch(ctx); err != nil {
			return 0, fmt.Errorf("allocate producer ids: %w", err)
		}
	}
	id := p.next
	p.next++
	return id, nil
}

func (p *ProducerIDs) fetch(ctx context.Context) error {
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.SetVersion(allocateVersion)
	req.BrokerID, req.BrokerEpoch = p.session.opts.BrokerID, p.session.BrokerEpoch()
	resp, err := submit[*kmsg.AllocateProducerIDsResponse](ctx, p.session.opts, req)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return err
	}
	if resp.ProducerIDLen <= 0 || resp.ProducerIDStart < 0 {
		return fmt.Errorf("the controller gave an empty block: %w", kerr.CoordinatorLoadInProgress)
	}
	p.next, p.end = resp.ProducerIDStart, resp.ProducerIDStart+int64(resp.ProducerIDLen)
	return nil
}
