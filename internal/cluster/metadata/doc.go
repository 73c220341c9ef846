// Package metadata holds the cluster's metadata: the records of the metadata
// log in Apache Kafka's schemas (KIP-500, KIP-631), and the immutable [Image]
// that a sequence of records replays into.
//
// The package is a pure core. Nothing here reads a clock, a file, a socket or a
// random source, starts a goroutine or takes a lock, and no output depends on
// the order of a Go map: two nodes that apply the same records hold equal
// images and derive equal deltas.
//
// An Image and everything reachable from it is immutable. Readers need no lock
// and may keep pointers and slices for as long as they like, but must not write
// to them.
package metadata
