// Package log keeps one replica's bytes: a [Log] per partition, each a chain of
// segment files that hold Kafka's record batches byte for byte, and a [Dir] per
// log directory, which owns what the logs share: the lock, the state log, the
// open files, the sync workers and the delayed deletes.
//
// # Durability
//
// [Log.EndOffset] is where the next batch goes; everything below it has been
// written. [Log.DurableOffset] is the part that is known to be on stable
// storage: a power cut loses nothing below it. The sync workers move it, and
// tell by the function given to [Log.OnDurable].
//
// # Failure
//
// After a failed sync or an I/O error nothing that the kernel says about the
// file can be believed, so the whole Dir fails for good: every call on its logs
// answers kerr.KafkaStorageError until the directory is opened again. A full
// disk is not a failure: the Dir turns read-only until space returns.
//
// # Locks
//
// Order: Log.wr, Log.syncing, Log.mem, then the Dir's own. Log.mem guards
// memory only and is never held over I/O, so readers do not wait for a write
// that is stuck in writeback.
package log
