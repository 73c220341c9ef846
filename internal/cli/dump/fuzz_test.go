package dump

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/headrace/headrace/internal/kafka/schema"
)

// Any bytes may be in a file of any name: an error, or what is found wrong, is an answer; a panic is none.
func FuzzFile(f *testing.F) {
	names := []string{
		"0.log", "0.index", "0.timeindex", "0.txnindex", "0.snapshot", "0.idx", "quorum-state",
		"00000000000000000042-0000000007.checkpoint",
	}
	err := filepath.WalkDir(filepath.Join("..", "testdata", "dump-files"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for i := range names {
			f.Add(uint8(i), b)
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	decoders := []Decoder{Metadata{}, RemoteLog{}, Coordinator{Coordinator: schema.Groups(), Members: true}, Coordinator{Coordinator: schema.Shares()}}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		path := filepath.Join(dir, names[int(kind)%len(names)])
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for i, decoder := range decoders {
			d := New(io.Discard, io.Discard, Options{
				Deep: true, Contents: true, MaxMessageBytes: 5 << 20, MaxBytes: All, Decoder: decoder, JSON: i%2 == 0,
			})
			if err := d.File(path); errors.Is(err, fs.ErrPermission) {
				t.Fatal(err)
			}
			_ = d.Close()
		}
	})
}
