package schema

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/kafka/uuid"
)

// Every message in every version is read as it was written, and no beginning of it is taken for the whole.
func TestDecode(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, m := range every() {
		for _, version := range versionsOf(m) {
			for i := range 20 {
				data, want := sample(r, m, version, i == 0)
				got, rest, err := m.Decode(data, version)
				if err != nil || len(rest) > 0 || got.String() != want.String() {
					t.Fatalf("%s version %d: %x\ngot  %s, %v, %d bytes are left\nwant %s", m.Name, version, data, got, err, len(rest), want)
				}
				for n := range data {
					if _, _, err := m.Decode(data[:n], version); err == nil {
						t.Fatalf("%s version %d: %d of %d bytes are taken for it", m.Name, version, n, len(data))
					}
				}
			}
		}
	}
}

func TestVersions(t *testing.T) {
	if _, _, err := Metadata(2).Decode(nil, 1); err == nil || err.Error() != "Can't read version 1 of TopicRecord" {
		t.Error(err)
	}
	if Metadata(6) != nil || Groups().Key(99) != nil || RemoteLog(4) != nil || Named("x") != nil {
		t.Error("there are schemas of what there is not")
	}
	if got := Metadata(0).Constant() + " " + Metadata(28).Constant(); got != "REGISTER_BROKER_RECORD CLEAR_ELR_RECORD" {
		t.Error(got)
	}
}

func TestJSON(t *testing.T) {
	for _, c := range []struct {
		value Value
		want  string
	}{
		{nil, "null"},
		{true, "true"},
		{int64(-5), "-5"},
		{1e9, "1.0E9"},
		{math.Inf(1), `"Infinity"`},
		{"a\"b\\c\n\x01/ü😀", `"a\"b\\c\n\u0001/ü😀"`},
		{[]byte{0xfb, 0xff}, `"+/8="`},
		{uuid.UUID{0xfb, 0xff}, `"-_8AAAAAAAAAAAAAAAAAAA"`},
		{Object{{"a", []Value{int64(1), "b"}}, {"c", Object{}}}, `{"a":[1,"b"],"c":{}}`},
	} {
		if got := string(AppendJSON(nil, c.value)); got != c.want {
			t.Errorf("%#v: got %s, want %s", c.value, got, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		err  func() error
		want string
	}{
		{"null", func() error { _, err := Groups().Decode([]byte{0, 2, 0xff, 0xff}, nil); return err }, "Could not read record with version 2 from key's buffer due to: non-nullable field group was serialized as null."},
		{"no type", func() error { _, err := Groups().Decode([]byte{0}, nil); return err }, "Could not read version from key's buffer."},
		{"no version", func() error { _, err := Groups().Decode([]byte{0, 2, 0, 0}, []byte{1}); return err }, "Could not read version from value's buffer."},
		{"version", func() error { _, err := Groups().Decode([]byte{0, 2, 0, 0}, []byte{0, 9}); return err }, "Found an unknown record version 9 for 2 type"},
		{"list", func() error {
			_, _, _, err := DecodeMetadata([]byte{1, 3, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 9, 0})
			return err
		}, "Failed to deserialize record with type 3: Tried to allocate a collection of size 8, but there are only 1 bytes remaining."},
		{"garbage", func() error { _, _, _, err := DecodeMetadata([]byte{1, 20, 0, 0, 7}); return err }, "Found 1 byte(s) of garbage after 20"},
		{"frame", func() error { _, _, _, err := DecodeMetadata([]byte{2, 20, 0, 0}); return err }, "Could not deserialize metadata record due to unknown frame version 2(only frame version 1 is supported)"},
		{"id", func() error { _, _, _, err := DecodeMetadata([]byte{1, 99, 0, 0}); return err }, "org.apache.kafka.common.errors.UnsupportedVersionException: Unknown metadata id 99"},
	} {
		if err := c.err(); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
	_, err := Groups().Decode([]byte{0, 99, 0, 0}, nil)
	if unknown, ok := errors.AsType[*UnknownTypeError](err); !ok || unknown.Type != 99 {
		t.Error(err)
	}
}

// What a reader makes of any bytes is bounded by their number.
func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	all := every()
	for i, m := range all {
		data, _ := sample(r, m, m.versions.first, false)
		f.Add(uint8(i), uint8(m.versions.first), data)
	}
	f.Fuzz(func(t *testing.T, i, version uint8, data []byte) {
		m := all[int(i)%len(all)]
		if !m.Has(int16(version)) {
			return
		}
		o, rest, err := m.Decode(data, int16(version))
		if err != nil {
			return
		}
		if !strings.HasPrefix(o.String(), "{") || len(rest) > len(data) {
			t.Errorf("%s: %s", m.Name, fmt.Sprintf("%.200s", o))
		}
	})
}
