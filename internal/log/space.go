package log

// Space returns the bytes that may still be written to the directory's file
// system, and its size in bytes.
func (d *Dir) Space() (free, total uint64, err error) { return d.fs.Free(d.path) }
