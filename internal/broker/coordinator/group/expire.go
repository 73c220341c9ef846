package group

// expireOffsets removes offsets that are older than the retention, and groups
// that are empty and have none left (GroupCoordinatorShard.cleanupGroupMetadata).
func (s *Shard) expireOffsets(o *op) {
	for _, id := range sortedKeys(s.groups) {
		g := s.groups[id]
		if s.expireGroupOffsets(o, g) && g.empty() {
			g.appendTombstones(s, o)
		}
	}
	if n := len(o.res.Records); n > 0 {
		o.note("expired offsets and groups", "tombstones", n)
	}
	s.timers.Set(&s.expiry, o.now.Add(s.cfg.OffsetsRetentionCheckInterval))
}

// expireGroupOffsets says whether the group has no offset left.
func (s *Shard) expireGroupOffsets(o *op, g group) bool {
	id := g.groupID()
	offsets := s.offsets[id]
	if offsets == nil {
		return true
	}
	base, ok := g.expiry()
	if !ok {
		return false
	}
	all := true
	for _, topic := range offsets.sortedTopics() {
		if g.subscribedTo(topic) {
			all = false
			continue
		}
		for _, p := range offsets.sortedPartitions(topic) {
			if !s.expired(offsets.get(topic, p), base, o.nowMs()) {
				all = false
				continue
			}
			s.emitOffsetTombstone(o, id, topic, p)
		}
	}
	return all
}

// expired applies the retention; an offset with an expiry of its own (from
// OffsetCommit before version 5) keeps to that (OffsetExpirationConditionImpl).
func (s *Shard) expired(v *offset, base func(*offset) int64, nowMs int64) bool {
	if v.expireMs != noExpiry {
		return nowMs >= v.expireMs
	}
	return nowMs-base(v) >= s.cfg.OffsetsRetention.Milliseconds()
}
