package server

import (
	"sync"
	"time"
)

const (
	// complaints is how many lines about clients the log gets in each
	// complaintInterval: one broken client, or one that means it, must not fill
	// a disk with them.
	complaints        = 20
	complaintInterval = 10 * time.Second
)

// quieter bounds how often something is said. The zero quieter has said nothing.
type quieter struct {
	mu      sync.Mutex
	since   time.Time
	said    int
	dropped int
}

// allows says whether to speak, and how often that was not so before.
func (q *quieter) allows(now time.Time) (yes bool, before int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.since) >= complaintInterval {
		q.since, q.said = now, 0
	}
	if q.said++; q.said > complaints {
		q.dropped++
		return false, 0
	}
	before, q.dropped = q.dropped, 0
	return true, before
}

// complain logs what is wrong with a client, not too often.
func (s *Server) complain(message string, args ...any) {
	yes, before := s.quiet.allows(time.Now())
	if !yes {
		return
	}
	if before > 0 {
		args = append(args, "notShownBefore", before)
	}
	s.logger.Warn(message, args...)
}
