package mutants

// mutants are the planted bugs. They are of the kinds that have cost users of
// other systems their data: a sync forgotten, an acknowledgement too early, an
// offset given twice, a check left out.
var mutants = []mutant{
	// The log.
	{
		name: "segment not synced", file: "internal/log/syncqueue.go",
		old: "		return d.h.f.Sync()", new: "		return nil",
		pkg: "internal/log", run: "TestCrashAtEveryCall",
	},
	{
		name: "directory of a segment not synced", file: "internal/log/syncqueue.go",
		old: "	if fresh.newNames {", new: "	if fresh.newNames && l == nil {",
		pkg: "internal/log", run: "TestCrashAtEveryCall",
	},
	{
		name: "directory of a partition not synced", file: "internal/log/syncqueue.go",
		old: "	if !fresh.newDir {", new: "	if !fresh.newDir || l != nil {",
		pkg: "internal/log", run: "TestCrashAtEveryCall",
	},
	{
		name: "durable before the sync", file: "internal/log/append.go",
		old: "	l.end.Store(next)\n	return len(seg.idx.tail)", new: "	l.end.Store(next)\n	l.durable.Store(next)\n	return len(seg.idx.tail)",
		pkg: "internal/log", run: "TestCrashAtEveryCall|TestDurableIsTold|TestFailedSync",
	},
	{
		name: "recovery point ahead of the sync", file: "internal/log/syncqueue.go",
		old: "	m.durable = to\n	named", new: "	m.durable = m.endMark()\n	named",
		pkg: "internal/log", run: "TestConcurrent|TestCrashAtEveryCall",
	},
	{
		name: "a failed sync is forgiven", file: "internal/log/syncqueue.go",
		old: "		err = l.dir.ioError(\"sync \"+l.path, err)\n", new: "		l.syncLater(dirty, fresh)\n		return err\n",
		pkg: "internal/log", run: "TestFailedSync",
	},
	{
		name: "a short write stays", file: "internal/log/append.go",
		old: "	if n > 0 || !isNoSpace(err) {", new: "	if n < 0 {",
		pkg: "internal/log", run: "TestShortWrite|TestFullDisk",
	},
	{
		name: "one batch too few is remembered", file: "internal/log/producers.go",
		old: "const rememberedBatches = 5", new: "const rememberedBatches = 4",
		pkg: "internal/log", run: "TestStories|TestCrashAtEveryCall",
	},
	{
		name: "producers forgotten by recovery", file: "internal/log/replay.go",
		old: "	if it.base < r.producersFrom || it.hdr.ProducerID() < 0 {", new: "	if it.base >= 0 {",
		pkg: "internal/log", run: "TestStories|TestCrashAtEveryCall",
	},
	{
		name: "an old epoch may write", file: "internal/log/producers.go",
		old: "	if i.epoch < p.epoch {\n		return nil", new: "	if i.epoch < p.epoch-100 {\n		return nil",
		pkg: "internal/log", run: "TestStories",
	},
	{
		name: "offsets used again", file: "internal/log/recover.go",
		old: "		return o.skipTo(max(lost, o.start))", new: "		_ = lost",
		pkg: "internal/log", run: "TestLostOffsets", quick: true,
	},
	{
		name: "damage is cut away", file: "internal/log/recover.go",
		old: "			if torn {", new: "			if torn || it.bad {",
		pkg: "internal/log", run: "TestFlippedBit|TestBadBatchAmong",
	},
	{
		name: "a torn tail stays", file: "internal/log/recover.go",
		old: "			if torn {", new: "			if torn && !it.bad {",
		pkg: "internal/log", run: "TestTornTail|TestCrashAtEveryCall",
	},
	{
		name: "recovery without checksums", file: "internal/log/recover.go",
		old: "rules{sparse: s.sparse, crc: true}", new: "rules{sparse: s.sparse}",
		pkg: "internal/log", run: "TestFlippedBit",
	},
	{
		name: "what recovery read is not synced", file: "internal/log/recover.go",
		old: "	if changed {\n		if err := o.syncTail()", new: "	if changed && l == nil {\n		if err := o.syncTail()",
		pkg: "internal/log", run: "TestKilledRecovery|TestNamesOfAKilledProcess|TestCrashAtEveryCall",
	},
	{
		name: "a new start offset is not durable", file: "internal/log/partition_meta.go",
		old: "	_, err = f.WriteAt(b, 0)\n	if err == nil {\n		err = f.Sync()", new: "	_, err = f.WriteAt(b, 0)\n	if err != nil {\n		err = f.Sync()",
		pkg: "internal/log", run: "TestCrashAtEveryCall|TestStartOfAKilledProcess",
	},
	{
		name: "segments go before their start is durable", file: "internal/log/retain.go",
		old: "		if err := l.moveStart(start); err != nil {\n			return nil, err\n		}", new: "		l.setStart(start)",
		pkg: "internal/log", run: "TestCrashAtEveryCall",
	},
	{
		name: "retention takes what is too young", file: "internal/log/retain.go",
		old: "nowMs-s.largest() > c.RetentionAge.Milliseconds()", new: "nowMs-s.largest() > c.RetentionAge.Milliseconds()/2",
		pkg: "internal/log", run: "TestStories",
	},
	{
		name: "leader epochs are not noted", file: "internal/log/append.go",
		old: "		if e := h.LeaderEpoch(); e > m.epochs.latest() {", new: "		if e := h.LeaderEpoch(); e > m.epochs.latest()+1 {",
		pkg: "internal/log", run: "TestStories|TestCrashAtEveryCall",
	},
	{
		name: "a truncation is not synced", file: "internal/log/truncate.go",
		old: "		err = h.f.Sync()\n	}\n	if err == nil {\n		err = l.fs().SyncDir(l.path)", new: "		err = error(nil)\n	}\n	if err == nil {\n		err = l.fs().SyncDir(l.path)",
		pkg: "internal/log", run: "TestCrashAtEveryCall",
	},

	// The partition.
	{
		name: "acknowledged before it is committed", file: "internal/broker/replica/partition.go",
		old: "	if p.HighWatermark() >= offset {\n		w.Committed(nil)", new: "	if p.HighWatermark() >= offset-1 {\n		w.Committed(nil)",
		pkg: "internal/broker/replica", run: ".",
	},
	{
		name: "visible before it is durable", file: "internal/broker/replica/partition.go",
		old: "	if !s.Log.FlushBeforeAck {\n		p.committed(", new: "	if s != nil {\n		p.committed(",
		pkg: "internal/broker/replica", run: "TestNothingIsVisible", quick: true,
	},
	{
		name: "a duplicate is acknowledged early", file: "internal/broker/replica/partition.go",
		old: "	if !appended.Duplicate {", new: "	if appended.Duplicate {\n		appended.LastOffset = -1\n	} else {",
		pkg: "internal/broker/replica", run: "TestNothingIsVisible",
	},
	{
		name: "a deposed leader appends", file: "internal/broker/replica/partition.go",
		old: "	if err := p.CheckLeader(o.LeaderEpoch); err != nil {\n		return log.Appended{}, err", new: "	if err := p.CheckLeader(-1); err != nil {\n		return log.Appended{}, err",
		pkg: "internal/broker/replica", run: ".",
	},

	// The coordinator.
	{
		name: "answered before the commit", file: "internal/broker/coordinator/executor.go",
		old: "	if last < e.mu.committed && res.Event == nil {", new: "	if res.Event == nil {",
		pkg: "internal/broker/groups", run: ".", quick: true,
	},
	{
		name: "a failed append is not taken back", file: "internal/broker/coordinator/group/shard.go",
		old: "	for n > 0 && s.undo[n-1].at >= offset {", new: "	for n > 0 && s.undo[n-1].at > offset {",
		pkg: "internal/broker/coordinator/group", run: ".",
	},
	{
		name: "foreign records go unnoticed", file: "internal/broker/coordinator/append.go",
		old: "	if got != last {", new: "	if got < 0 {",
		pkg: "internal/broker/groups", run: ".",
	},
	{
		name: "uncommitted offsets are told", file: "internal/broker/coordinator/group/offsets.go",
		old: "		if !c.isOffset || c.group != group {", new: "		if c.group != group || c.isOffset {",
		pkg: "internal/broker/coordinator/group", run: ".",
	},
	{
		name: "a deleted offset comes back", file: "internal/broker/coordinator/group/offsets.go",
		old: "	if old == nil {\n		return\n	}\n	s.remember(change{at: at, group: group, topic: topic, partition: partition, isOffset: true, oldOffset: old})", new: "	if old == nil || at > 0 {\n		return\n	}\n	s.remember(change{at: at, group: group, topic: topic, partition: partition, isOffset: true, oldOffset: old})",
		pkg: "internal/broker/coordinator/group", run: ".",
	},
	{
		name: "an old generation may sync", file: "internal/broker/coordinator/group/sync.go",
		old: "	case req.Generation != g.generation:", new: "	case req.Generation > g.generation:",
		pkg: "internal/broker/coordinator/group", run: ".",
	},

	// The metadata quorum.
	{
		name: "a vote is not synced", file: "internal/cluster/quorum/statefile.go",
		old: "	if _, err := s.file.WriteAt(slot, 0); err != nil {\n		return fmt.Errorf(\"write quorum state: %w\", err)\n	}\n	if err := s.file.Sync(); err != nil {", new: "	if _, err := s.file.WriteAt(slot, 0); err != nil {\n		return fmt.Errorf(\"write quorum state: %w\", err)\n	}\n	if err := error(nil); err != nil {",
		pkg: "internal/cluster/quorum", run: ".",
	},
	{
		name: "metadata entries are not synced", file: "internal/cluster/quorum/entrylog.go",
		old: "	if err := s.file.Sync(); err != nil {\n		return &syncError{fmt.Errorf(\"sync %s: %w\", s.path, err)}\n	}\n	l.remember(entries)", new: "	l.remember(entries)",
		pkg: "internal/cluster/quorum", run: ".",
	},
	{
		name: "a damaged entry is replayed", file: "internal/cluster/quorum/segment.go",
		old: "	if !ok || h.index != i || h.term != ref.term || crc32.Checksum(data, castagnoli) != h.dataCRC {", new: "	if !ok || h.index != i || h.term != ref.term {",
		pkg: "internal/cluster/quorum", run: ".",
	},
	{
		name: "decisions of another epoch count", file: "internal/cluster/quorum/apply.go",
		old: "	if b.term != e.GetTerm() {", new: "	if b.term > e.GetTerm()+1 {",
		pkg: "internal/cluster/quorum", run: "TestBatchOfAnotherTerm",
	},

	// Records.
	{
		name: "wrong checksums pass", file: "internal/kafka/record/batch.go",
		old: "func (b Batch) ComputeCRC() uint32 { return crc32.Checksum(b[posAttributes:], castagnoli) }", new: "func (b Batch) ComputeCRC() uint32 { _ = crc32.Checksum; return b.CRC() }",
		pkg: "internal/kafka/record", run: ".", quick: true,
	},
}
