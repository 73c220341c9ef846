package sim

import (
	"hash/fnv"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// quorumHistory is what the checkers know: what every voter has applied, who
// led when, and through the clients what was acknowledged.
type quorumHistory struct {
	run     *quorumRun
	images  map[int64]uint64 // offset -> hash of the image, the same for all
	leaders map[int32]int    // term -> node
	high    int64            // highest offset that anybody has applied
}

func (h *quorumHistory) init(r *quorumRun) {
	h.run = r
	h.images = map[int64]uint64{}
	h.leaders = map[int32]int{}
}

// applied checks that a voter's image is the same that every other voter had at
// this offset: all replay the same batches in the same order.
func (h *quorumHistory) applied(n *voterNode, img *metadata.Image) {
	at := img.Position().Offset
	sum := imageHash(img)
	want, seen := h.images[at]
	if !seen {
		h.images[at] = sum
		h.high = max(h.high, at)
		return
	}
	if want != sum {
		h.run.Fail("node %d has another image at offset %d than a voter before it", n.id, at)
	}
}

// imageHash is equal for images with the same content and position.
func imageHash(img *metadata.Image) uint64 {
	f := fnv.New64a()
	var b []byte
	for r := range img.Snapshot() {
		var err error
		if b, err = metadata.Append(b[:0], r); err != nil {
			return 0
		}
		_, _ = f.Write(b) // never fails
	}
	p := img.Position()
	return f.Sum64() ^ uint64(p.Epoch)<<32 ^ uint64(p.TimeMs)
}

// leads checks that a term has one leader.
func (h *quorumHistory) leads(n *voterNode, term int32) {
	other, seen := h.leaders[term]
	switch {
	case !seen:
		h.leaders[term] = n.id
		h.run.Note("node %d leads in term %d", n.id, term)
		h.run.Reach("election")
		if len(h.leaders) > 1 {
			h.run.Reach("leader changed")
		}
	case other != n.id:
		h.run.Fail("term %d has two leaders, node %d and node %d", term, other, n.id)
	}
}
