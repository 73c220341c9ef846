package headrace

// fileShares is how a node divides what the process may open, so that neither
// connections nor partitions can take the other's.
type fileShares struct {
	segments    int // open segment files of one log directory
	connections int
}

const (
	// filesForOthers is what the node opens beside segments and connections: its
	// listeners, metadata, state logs, and what the runtime needs.
	filesForOthers = 48
	// fewestSegments is what a directory gets however little there is.
	fewestSegments = 16
	// mostSegments bounds a directory's cache where the system has no bound.
	mostSegments = 1 << 16
)

// shareFiles divides limit open files between dirs log directories and the
// connections: half each, after what others need.
func shareFiles(limit, dirs int) fileShares {
	left := max(limit-min(filesForOthers, limit/2), 2)
	segments := min(max(left/2/max(dirs, 1), fewestSegments), mostSegments)
	return fileShares{segments: segments, connections: max(left-segments*max(dirs, 1), left/4)}
}
