package shard

import (
	"errors"
	"math"
	"testing"
)

func TestFields(t *testing.T) {
	f := NewFields([]byte{
		0x7f, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, // integers
		0, 1, 'a', 0xff, 0xff, 0, 0, 0, 1, 9, 0xff, 0xff, 0xff, 0xff, // "a", null, bytes, null array
		2, 'b', 0, 3, // "b", null, two elements
	})
	if a, b, c, d := f.Int8(), f.Int16(), f.Int32(), f.Int64(); a != 127 || b != 1 || c != 2 || d != 3 {
		t.Errorf("integers %d %d %d %d", a, b, c, d)
	}
	if s := f.Text(); s != "a" || f.NullableText() != nil {
		t.Errorf("string %q", s)
	}
	if b := f.Bytes(); len(b) != 1 || b[0] != 9 || f.NullableCount(1) != -1 {
		t.Errorf("bytes %v", b)
	}
	f.SetFlexible(true)
	if s := f.Text(); s != "b" || f.NullableText() != nil || f.Err("x") != nil {
		t.Errorf("compact string %q, %v", s, f.Err("x"))
	}
	// Two elements of a byte each do not fit into what is left.
	if n := f.Count(1); n != 0 || !f.Bad() || !errors.Is(f.Err("x"), ErrMalformedRecord) {
		t.Errorf("count %d, %v", n, f.Err("x"))
	}
	if f.Int64() != 0 || f.Text() != "" {
		t.Error("a bad record still gives fields")
	}
}

func TestFieldsRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		flex bool
		f    func(*Fields)
	}{
		"cut integer":      {[]byte{1}, false, func(f *Fields) { f.Int16() }},
		"null string":      {[]byte{0xff, 0xff}, false, func(f *Fields) { f.Text() }},
		"negative string":  {[]byte{0xff, 0xfe}, false, func(f *Fields) { f.Text() }},
		"null bytes":       {[]byte{0}, true, func(f *Fields) { f.Bytes() }},
		"null array":       {[]byte{0}, true, func(f *Fields) { f.Count(1) }},
		"negative count":   {[]byte{0xff, 0xff, 0xff, 0xfe}, false, func(f *Fields) { f.NullableCount(1) }},
		"many tags":        {[]byte{0xff, 0xff, 0xff, 0xff, 0x07}, true, func(f *Fields) { f.Tags(nil) }},
		"endless varint":   {[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, true, func(f *Fields) { f.Text() }},
		"tag over the end": {[]byte{1, 0, 9, 1}, true, func(f *Fields) { f.Tags(func(int, []byte) { t.Error("a cut tag is told") }) }},
	} {
		f := NewFields(c.b)
		f.SetFlexible(c.flex)
		if c.f(&f); !f.Bad() {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestPartitionFor(t *testing.T) {
	// "polygenelubricants" is the word whose hash is the smallest integer.
	if h := javaHash("polygenelubricants"); h != math.MinInt32 || PartitionFor("polygenelubricants", 50) != 0 {
		t.Errorf("hash %d", h)
	}
}
