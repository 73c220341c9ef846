package controller

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// placer spreads replicas over racks and, within them, over brokers, in stripes:
// each partition starts one rack and one broker further than the one before
// (StripedReplicaPlacer). The first replica is on a broker that is not fenced.
//
// Deviation: leaders take turns of their own within a rack. In Kafka they share
// the followers' turns, so that with as many racks as brokers in each, say three
// by three, one broker of a rack leads for all until the next shuffle.
type placer struct {
	rnd      *rand.Rand
	racks    []*rack
	total    int // brokers
	unfenced int
	epoch    int
	offset   int // the rack that the next partition starts with
}

// rack is the brokers of one rack. Brokers without a rack are one rack.
type rack struct {
	name             *string
	unfenced, fenced ring
}

// ring gives each broker of a list once per epoch, one further in each epoch.
type ring struct {
	brokers []metadata.BrokerID
	index   int
	offset  int
	epoch   int
	turn    int // of leaders
}

func (r *ring) start(rnd *rand.Rand) {
	if len(r.brokers) > 0 {
		r.offset = rnd.IntN(len(r.brokers))
		r.turn = r.offset
	}
}

// lead gives the broker whose turn it is to lead, or -1 if there is none.
func (r *ring) lead() metadata.BrokerID {
	if len(r.brokers) == 0 {
		return -1
	}
	b := r.brokers[r.turn%len(r.brokers)]
	r.turn++
	return b
}

func (r *ring) shuffle(rnd *rand.Rand) {
	rnd.Shuffle(len(r.brokers), func(i, j int) { r.brokers[i], r.brokers[j] = r.brokers[j], r.brokers[i] })
}

// next gives the next broker, or -1 if each had its turn in this epoch.
func (r *ring) next(epoch int) metadata.BrokerID {
	if len(r.brokers) == 0 {
		return -1
	}
	if r.epoch != epoch {
		r.epoch, r.index = epoch, 0
		r.offset = (r.offset + 1) % len(r.brokers)
	}
	if r.index >= len(r.brokers) {
		return -1
	}
	b := r.brokers[(r.index+r.offset)%len(r.brokers)]
	r.index++
	return b
}

func (k *rack) next(epoch int) metadata.BrokerID {
	if b := k.unfenced.next(epoch); b >= 0 {
		return b
	}
	return k.fenced.next(epoch)
}

// newPlacer gives a placer over the brokers that may get replicas: those not in
// controlled shutdown that have a directory which is not cordoned.
func newPlacer(img *metadata.Image, rnd *rand.Rand) *placer {
	p := &placer{rnd: rnd}
	for b := range img.AllBrokers() {
		if b.InControlledShutdown || !hasUncordonedDir(b) {
			continue
		}
		k := p.rack(b.Rack)
		p.total++
		if b.Fenced {
			k.fenced.brokers = append(k.fenced.brokers, b.ID)
		} else {
			p.unfenced++
			k.unfenced.brokers = append(k.unfenced.brokers, b.ID)
		}
	}
	slices.SortFunc(p.racks, compareRacks)
	for _, k := range p.racks {
		k.fenced.start(rnd)
		k.unfenced.start(rnd)
	}
	if len(p.racks) > 0 {
		p.offset = rnd.IntN(len(p.racks))
	}
	return p
}

func hasUncordonedDir(b *metadata.Broker) bool {
	if len(b.LogDirs) == 0 || b.CordonedLogDirs == nil {
		return true
	}
	return slices.ContainsFunc(b.LogDirs, func(d metadata.UUID) bool { return !slices.Contains(b.CordonedLogDirs, d) })
}

// compareRacks orders racks by name, no name first.
func compareRacks(a, b *rack) int {
	if a.name == nil || b.name == nil {
		return cmp.Compare(present(a.name), present(b.name))
	}
	return strings.Compare(*a.name, *b.name)
}

func present(s *string) int {
	if s == nil {
		return 0
	}
	return 1
}

func (p *placer) rack(name *string) *rack {
	for _, k := range p.racks {
		if compareRacks(k, &rack{name: name}) == 0 {
			return k
		}
	}
	k := &rack{name: name}
	p.racks = append(p.racks, k)
	return k
}

// place gives the replicas of the next partition.
func (p *placer) place(replicationFactor int) ([]metadata.BrokerID, *fault) {
	switch {
	case replicationFactor <= 0:
		return nil, faultf(kerr.InvalidReplicationFactor,
			"Invalid replication factor %d: the replication factor must be positive.", replicationFactor)
	case replicationFactor > p.total:
		return nil, faultf(kerr.InvalidReplicationFactor,
			"The target replication factor of %d cannot be reached because only %d broker(s) are registered "+
				"or some brokers have all their log directories cordoned.", replicationFactor, p.total)
	case p.unfenced == 0:
		return nil, faultf(kerr.InvalidReplicationFactor,
			"All brokers are currently fenced, or have all their log directories cordoned.")
	}
	if p.epoch == p.unfenced && p.unfenced > 1 {
		p.shuffle()
		p.epoch = 0
	}
	if p.offset == len(p.racks) {
		p.offset = 0
	}
	replicas := p.stripe(replicationFactor)
	p.epoch++
	p.offset++
	return replicas, nil
}

// stripe takes the leader from the first rack that has a broker for it, and
// the others from all racks in turn, without taking the leader's rack twice
// before each other rack had its turn.
func (p *placer) stripe(replicationFactor int) []metadata.BrokerID {
	replicas := make([]metadata.BrokerID, 0, replicationFactor)
	first := p.offset
	for {
		if b := p.racks[first].unfenced.lead(); b >= 0 {
			replicas = append(replicas, b)
			break
		}
		first = (first + 1) % len(p.racks)
	}
	for at := p.offset; len(replicas) < replicationFactor; at = (at + 1) % len(p.racks) {
		if at == first {
			first = -1
			continue
		}
		b := p.racks[at].next(p.epoch)
		if b == replicas[0] {
			b = p.racks[at].next(p.epoch)
		}
		if b >= 0 {
			replicas = append(replicas, b)
		}
	}
	return replicas
}

func (p *placer) shuffle() {
	p.rnd.Shuffle(len(p.racks), func(i, j int) { p.racks[i], p.racks[j] = p.racks[j], p.racks[i] })
	for _, k := range p.racks {
		k.fenced.shuffle(p.rnd)
		k.unfenced.shuffle(p.rnd)
	}
}
