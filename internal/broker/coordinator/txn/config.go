package txn

import "time"

// Config holds the broker's settings for transactions (Kafka's
// TransactionStateManagerConfig). Use DefaultConfig and change what is set.
type Config struct {
	// MaxTimeout is transaction.max.timeout.ms: the longest timeout that a
	// producer may ask for.
	MaxTimeout time.Duration
	// IDExpiration is transactional.id.expiration.ms: how long an id without a
	// transaction is kept after its last change.
	IDExpiration time.Duration
	// AbortInterval is transaction.abort.timed.out.transaction.cleanup.interval.ms:
	// transactions past their timeout are aborted at multiples of it.
	AbortInterval time.Duration
	// ExpiryInterval is transaction.remove.expired.transaction.cleanup.interval.ms:
	// how often expired ids are looked for.
	ExpiryInterval time.Duration
	// TwoPhaseCommit is transaction.two.phase.commit.enable (KIP-939).
	TwoPhaseCommit bool
	// TransactionVersion is the finalized level of the feature
	// transaction.version when the shard is made; SetTransactionVersion tells of
	// changes.
	TransactionVersion int16
}

// DefaultConfig is Kafka's defaults.
func DefaultConfig() Config {
	return Config{
		MaxTimeout:         15 * time.Minute,
		IDExpiration:       7 * 24 * time.Hour,
		AbortInterval:      10 * time.Second,
		ExpiryInterval:     time.Hour,
		TransactionVersion: 2,
	}
}

// How long a marker that failed waits before it is tried again: the first time,
// and at most, after doubling each time.
const (
	minRetry = 50 * time.Millisecond
	maxRetry = time.Second
)
