package metadata

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAppendChoosesLowestVersion(t *testing.T) {
	for _, c := range []struct {
		record Record
		want   int16
	}{
		{&TopicRecord{Name: "t"}, 0},
		{&PartitionRecord{}, 0},
		{&PartitionRecord{Directories: []UUID{{1}}}, 1},
		{&PartitionRecord{ELR: []int32{1}}, 2},
		{NewPartitionChange(TopicID{}, 0), 0},
		{&PartitionChangeRecord{Leader: NoLeaderChange, LastKnownELR: []int32{}}, 2},
		{&BrokerRegistrationChangeRecord{Fenced: Fence}, 0},
		{&BrokerRegistrationChangeRecord{InControlledShutdown: 1}, 1},
		{&BrokerRegistrationChangeRecord{CordonedLogDirs: []UUID{}}, 3},
		{&RegisterBrokerRecord{LogDirs: []UUID{{1}}}, 3},
		{&RegisterBrokerRecord{IsMigratingZkBroker: true}, 2},
	} {
		b, err := Append([]byte("prefix"), c.record)
		if err != nil || !bytes.HasPrefix(b, []byte("prefix")) {
			t.Fatalf("%v: %q, %v", c.record.Type(), b, err)
		}
		got, version, err := DecodeVersion(b[len("prefix"):])
		if err != nil || version != c.want {
			t.Errorf("%v %+v: version %d, %v, want %d", c.record.Type(), c.record, version, err, c.want)
		}
		again, _ := Append(nil, got)
		if !bytes.Equal(again, b[len("prefix"):]) {
			t.Errorf("%v: not the same again", c.record.Type())
		}
	}
}

func TestAppendVersionRefusesLoss(t *testing.T) {
	for _, c := range []struct {
		record  Record
		version int16
	}{
		{&PartitionRecord{Directories: []UUID{{1}}}, 0},
		{&PartitionRecord{ELR: []int32{1}}, 1},
		{&RegisterBrokerRecord{LogDirs: []UUID{{1}}}, 2},
		{&TopicRecord{}, 1},
		{&TopicRecord{}, -1},
	} {
		if b, err := AppendVersion([]byte{7}, c.record, c.version); !errors.Is(err, ErrMalformed) || !bytes.Equal(b, []byte{7}) {
			t.Errorf("%v version %d: %x, %v", c.record.Type(), c.version, b, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct{ hex, text string }{
		"empty":             {"", "varint"},
		"frame version 0":   {"000200", "frame version 0"},
		"frame version 2":   {"020200", "frame version 2"},
		"unknown type":      {"01066300", "unknown record type 6"},
		"unknown version":   {"010201", "version 1"},
		"truncated":         {"010200" + "0361", "exceeds"},
		"null name":         {"010200" + "00", "null"},
		"not UTF-8":         {"010200" + "02ff" + strings.Repeat("00", 17), "UTF-8"},
		"trailing bytes":    {"010900" + strings.Repeat("00", 17) + "00", "after the record"},
		"huge length":       {"010200" + "ffffffff0f", "exceeds"},
		"huge varint":       {"010200" + "ffffffffffffffffff01", "varint"},
		"tag out of order":  {"010500" + strings.Repeat("00", 20) + "02" + "01" + "04" + "00000001" + "00" + "01" + "00", "after tag"},
		"tag twice":         {"010500" + strings.Repeat("00", 20) + "02" + "05" + "01" + "00" + "05" + "01" + "00", "after tag"},
		"tag too new":       {"010500" + strings.Repeat("00", 20) + "01" + "06" + "01" + "01", "not valid in version 0"},
		"tag with a tail":   {"010500" + strings.Repeat("00", 20) + "01" + "05" + "02" + "0000", "after tag"},
		"very many tags":    {"011400" + "7f", "tagged fields"},
		"unknown tag's end": {"011400" + "01" + "09" + "05" + "00", "wanted"},
	} {
		raw, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := Decode(raw); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	// A tag that a newer schema may have added is passed over.
	if r, err := Decode([]byte{1, 20, 0, 1, 9, 2, 0, 0}); err != nil {
		t.Errorf("unknown tag: %+v, %v", r, err)
	}
}

// FuzzDecode holds that Decode neither panics nor reads what it would not write:
// what it accepts comes back the same after encoding.
func FuzzDecode(f *testing.F) {
	for _, g := range goldens(f) {
		if !g.control {
			f.Add(g.bytes)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, version, err := DecodeVersion(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		encoded, err := AppendVersion(nil, r, version)
		if err != nil {
			t.Fatalf("%v version %d: %v", r.Type(), version, err)
		}
		again, err := Decode(encoded)
		if err != nil {
			t.Fatal(err)
		}
		// Bytes, since a float may be NaN.
		if twice, err := AppendVersion(nil, again, version); err != nil || !bytes.Equal(twice, encoded) {
			t.Fatalf("%v: %s", err, cmp.Diff(r, again))
		}
		lowest, err := Append(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		if again, err = Decode(lowest); err != nil {
			t.Fatal(err)
		}
		if twice, err := Append(nil, again); err != nil || !bytes.Equal(twice, lowest) {
			t.Fatalf("%v: %s", err, cmp.Diff(r, again))
		}
	})
}

// FuzzDecodeControl is FuzzDecode for control records.
func FuzzDecodeControl(f *testing.F) {
	for _, g := range goldens(f) {
		for key := range byte(8) {
			f.Add([]byte{0, 0, 0, key}, g.bytes)
		}
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		r, err := DecodeControl(key, value)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		k, v, err := AppendControl(nil, nil, r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeControl(k, v)
		if err != nil || !cmp.Equal(r, again) {
			t.Fatalf("%v: %s", err, cmp.Diff(r, again))
		}
	})
}

func TestUUIDText(t *testing.T) {
	u, err := ParseUUID("ESIzRFVmd4gAAAAAAAAAiA")
	if err != nil || u.String() != "ESIzRFVmd4gAAAAAAAAAiA" || u[0] != 0x11 || u[15] != 0x88 {
		t.Errorf("%x, %v", u, err)
	}
	if id, err := ParseTopicID("ESIzRFVmd4gAAAAAAAAAiA=="); err != nil || UUID(id) != u {
		t.Errorf("%x, %v", id, err)
	}
	for _, bad := range []string{"", "ESIzRFVmd4gAAAAAAAAA", "ESIzRFVmd4gAAAAAAAAA+A", "ESIzRFVmd4gAAAAAAAAAiAAA"} {
		if u, err := ParseUUID(bad); err == nil {
			t.Errorf("ParseUUID(%q) = %x", bad, u)
		}
	}
	if !ReservedUUID(DirLost) || !ReservedUUID(UUID(MetadataTopicID)) || ReservedUUID(u) {
		t.Error("reserved ids are not those of Kafka")
	}
}
