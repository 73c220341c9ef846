// Package dump shows what the files of a broker hold: segments and all that lies beside them, Kafka's and Headrace's
// own. It reads files, whoever uses them, and changes nothing.
package dump

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/headrace/headrace/internal/cluster/quorum"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/log"
)

// Options say what to show.
type Options struct {
	// Deep shows the records of each batch; Contents their keys and values too.
	Deep, Contents bool
	// SkipMetadata leaves out what is not key or value.
	SkipMetadata bool
	// VerifyOnly compares indexes with the segments and does not print them; SanityOnly looks only whether a broker
	// would make them again.
	VerifyOnly, SanityOnly bool
	// MaxMessageBytes is the size of the largest batch that an index is looked up for.
	MaxMessageBytes int64
	// MaxBytes bounds what is read of a segment; All means no bound.
	MaxBytes int64
	Decoder  Decoder
	// JSON prints an object per line instead of text.
	JSON bool
}

// All is the MaxBytes that bounds nothing.
const All = 1<<31 - 1

// Dumper shows files, one after another. Close tells what was found wrong.
type Dumper struct {
	Options
	out      *bufio.Writer
	err      io.Writer
	problems problems
	payload  []byte // of a compressed batch
	expand   record.Decompressor
	file     string // being shown
}

// New returns a Dumper that writes to out, and what is wrong to err.
func New(out, err io.Writer, o Options) *Dumper {
	return &Dumper{Options: o, out: bufio.NewWriterSize(out, 64<<10), err: err, problems: newProblems()}
}

// Close writes what is buffered, and then what does not fit together in the files.
func (d *Dumper) Close() error {
	if d.JSON {
		d.problems.emit(d)
		return d.out.Flush()
	}
	err := d.out.Flush()
	d.problems.write(d.err)
	return err
}

// Abort writes what is buffered, for who gives up because of err, and returns it.
func (d *Dumper) Abort(err error) error { return errors.Join(d.out.Flush(), err) }

// suffixes are Kafka's files by the end of their name.
var suffixes = map[string]func(*Dumper) error{
	".log":        (*Dumper).segment,
	".checkpoint": (*Dumper).segment,
	".index":      (*Dumper).offsetIndex,
	".timeindex":  (*Dumper).timeIndex,
	".snapshot":   (*Dumper).producerSnapshot,
	".txnindex":   (*Dumper).transactionIndex,
}

// own are Headrace's files, by what they begin with.
var own = []struct {
	is   func([]byte) bool
	show func(*Dumper) error
}{
	{log.IsStateLog, (*Dumper).stateLog},
	{log.IsIndex, (*Dumper).segmentIndex},
	{isPartitionMetadata, (*Dumper).partitionMetadata},
	{quorum.IsSegment, (*Dumper).metadataEntries},
	{quorum.IsSnapshot, (*Dumper).metadataSnapshot},
	{quorum.IsState, (*Dumper).quorumState},
}

func isPartitionMetadata(b []byte) bool { return bytes.HasPrefix(b, []byte("version: ")) }

// File shows one file. A file of no kind that is known is told of, and passed over.
func (d *Dumper) File(path string) error {
	d.file = cleanJava(path)
	if !d.JSON {
		fmt.Fprintf(d.out, "Dumping %s\n", d.file)
	}
	head, err := readHead(d.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, kind := range own {
		if kind.is(head) {
			return kind.show(d)
		}
	}
	name := filepath.Base(d.file)
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		if show := suffixes[name[i:]]; show != nil {
			return show(d)
		}
	}
	if err := d.out.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(d.err, "Ignoring unknown file %s\n", d.file)
	return nil
}

// cleanJava is the path as java.io.File prints it: without doubled and trailing slashes.
func cleanJava(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return path
}

func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, 16)
	n, err := io.ReadFull(f, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return b[:n], err
}

// open is FileRecords.open: a missing file is Java's exception.
func open(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, &javaerr.Exception{Class: "java.nio.file.NoSuchFileException", Message: path, Cause: err}
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// readFile reads a whole file; those that come here are small.
func readFile(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &javaerr.Exception{Class: "java.nio.file.NoSuchFileException", Message: path, Cause: err}
	}
	return b, err
}

// item is something that is shown: as a line or several of text, or as a JSON object by its exported fields.
type item interface{ text(w *bufio.Writer) }

// emit shows an item of a kind.
func (d *Dumper) emit(kind string, it item) error {
	if !d.JSON {
		it.text(d.out)
		return nil
	}
	head, err := json.Marshal(struct {
		File string `json:"file"`
		Type string `json:"type"`
	}{d.file, kind})
	if err != nil {
		return err
	}
	body, err := json.Marshal(it)
	if err != nil {
		return err
	}
	_, err = d.out.Write(head[:len(head)-1])
	if len(body) > len("{}") {
		err = errors.Join(err, d.out.WriteByte(','))
	}
	_, werr := d.out.Write(append(body[1:], '\n'))
	return errors.Join(err, werr)
}

func illegalArgument(format string, args ...any) error {
	return &javaerr.Exception{Class: "java.lang.IllegalArgumentException", Message: fmt.Sprintf(format, args...)}
}
