package metadata

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/internal/kafka/record"
)

func TestBootstrapRoundTrip(t *testing.T) {
	want := []Record{
		&FeatureLevelRecord{Name: FeatureMetadataVersion, FeatureLevel: 25},
		&FeatureLevelRecord{Name: FeatureGroupVersion, FeatureLevel: 1},
	}
	b, err := EncodeBootstrap(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeBootstrap(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for n := range len(b) {
		if _, err := DecodeBootstrap(b[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were taken for a whole file", n, len(b))
		}
	}
	b[len(b)/2] ^= 1
	if _, err := DecodeBootstrap(b); !errors.Is(err, record.ErrCorrupt) {
		t.Errorf("a flipped bit: %v", err)
	}
}
