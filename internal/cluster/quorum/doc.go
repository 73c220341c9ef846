// Package quorum keeps the metadata log: the ordered batches of metadata
// records on which a majority of voters has agreed. Consensus is
// go.etcd.io/raft; this package is its only importer and adds what Raft leaves
// open: storage, identity and founding, transport, and the state machine that
// replays committed batches into a [metadata.Image].
//
// The parts, from the inside out:
//
//   - Storage: log segments, snapshots and the state file, all with CRCs and
//     all through vfs.
//   - Core: one voter's Raft as a step function. No goroutine, clock or disk.
//   - Machine: committed and speculative image; pure.
//   - Voter: Core, Machine and Storage driven in the right order (durable
//     before messages leave, committed before answers leave). It does I/O but
//     has no goroutine and no clock, so the simulation drives the same code.
//   - Node: the shell with the goroutine, the ticker and the connections.
//
// Offsets and epochs are Kafka's: an entry's Raft index is its offset in
// __cluster_metadata-0, its Raft term is its leader epoch (KIP-595).
package quorum
