package sim

import (
	"time"
)

// Net is the network between nodes: every message has its own delay, so that
// messages overtake each other; some are lost, some arrive twice; and edges can
// be cut, one way or both.
type Net struct {
	world *World
	// Settings, drawn from the seed.
	Least, Most      time.Duration // delay
	SlowPercent      int           // of messages that take up to fifty times as long
	DropPercent      int
	DuplicatePercent int

	cut map[edge]bool
}

type edge struct{ from, to int }

// NewNet gives a network with settings from the seed.
func NewNet(w *World) *Net {
	n := &Net{world: w, Least: 100 * time.Microsecond, cut: map[edge]bool{}}
	n.Most = w.Between(time.Millisecond, 30*time.Millisecond)
	n.SlowPercent = w.Rand.IntN(6)
	if w.Chance(60) {
		n.DropPercent = w.Rand.IntN(15)
	}
	if w.Chance(60) {
		n.DuplicatePercent = w.Rand.IntN(15)
	}
	return n
}

// Send delivers a message between voters after a while, or not at all, or
// twice. The edge must be whole when it leaves and when it arrives.
func (n *Net) Send(from, to int, what string, deliver func()) {
	n.send(from, to, n.DuplicatePercent, what, deliver)
}

// SendOnce is Send for a connection that never repeats a message, as that of a
// client: if it breaks, the client knows.
func (n *Net) SendOnce(from, to int, what string, deliver func()) {
	n.send(from, to, 0, what, deliver)
}

func (n *Net) send(from, to, duplicatePercent int, what string, deliver func()) {
	w := n.world
	if n.cut[edge{from, to}] || w.Chance(n.DropPercent) {
		w.Note("lost %s", what)
		return
	}
	copies := 1
	if w.Chance(duplicatePercent) {
		copies = 2
		w.Reach("message duplicated")
	}
	for range copies {
		delay := w.Between(n.Least, n.Most)
		if w.Chance(n.SlowPercent) {
			delay = w.Between(n.Most, 50*n.Most)
		}
		w.After(delay, "", func() {
			if n.cut[edge{from, to}] {
				w.Note("lost %s", what)
				return
			}
			w.Note("%s", what)
			deliver()
		})
	}
}

// Cut stops messages from one node to another.
func (n *Net) Cut(from, to int) { n.cut[edge{from, to}] = true }

// Heal mends every edge and ends loss and delay.
func (n *Net) Heal() { clear(n.cut) }

// Calm makes the network good for the rest of the run.
func (n *Net) Calm() {
	n.Heal()
	n.DropPercent, n.DuplicatePercent, n.SlowPercent = 0, 0, 0
}
