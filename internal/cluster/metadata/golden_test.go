package metadata

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// golden is one line of testdata/kafka-records.txt, which
// test/golden/capture/MetadataRecords.java prints with Apache Kafka 4.3.1.
type golden struct {
	name    string // of the record, its version and the case
	version int16
	control bool
	bytes   []byte
	json    map[string]any
}

func goldens(t testing.TB) []golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/kafka-records.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []golden
	for line := range strings.Lines(string(raw)) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 5)
		g := golden{name: strings.Join(f[:3], " "), version: int16(f[1][0] - '0'), control: f[2] == "control"}
		if g.bytes, err = hex.DecodeString(f[3]); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(f[4]), &g.json); err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	return out
}

// TestGoldenRecords reads what Kafka wrote, compares each field with Kafka's own
// account of it, and writes the same bytes again.
func TestGoldenRecords(t *testing.T) {
	seen := map[RecordType]int16{}
	for _, g := range goldens(t) {
		if g.control {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			r, version, err := DecodeVersion(g.bytes)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(g.name, r.Type().String()+" ") || version != g.version {
				t.Fatalf("decoded %v version %d", r.Type(), version)
			}
			compareJSON(t, reflect.ValueOf(r).Elem(), g.json)
			b, err := AppendVersion(nil, r, g.version)
			if err != nil || !bytes.Equal(b, g.bytes) {
				t.Fatalf("encoded %x, %v\nwant    %x", b, err, g.bytes)
			}
			seen[r.Type()] = max(seen[r.Type()], version)
		})
	}
	for key, s := range schemas {
		if v, ok := seen[key]; !ok || v != s.maxVersion {
			t.Errorf("%s: golden bytes up to version %d, want %d", s.name, v, s.maxVersion)
		}
	}
}

func TestGoldenControlRecords(t *testing.T) {
	types := map[string]ControlRecord{
		"LeaderChange": &LeaderChange{}, "SnapshotHeader": &SnapshotHeader{}, "SnapshotFooter": &SnapshotFooter{},
		"KRaftVersion": &KRaftVersion{}, "Voters": &Voters{},
	}
	for _, g := range goldens(t) {
		if !g.control {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			name, _, _ := strings.Cut(g.name, " ")
			key, _, err := AppendControl(nil, nil, types[name])
			if err != nil {
				t.Fatal(err)
			}
			r, err := DecodeControl(key, g.bytes)
			if err != nil {
				t.Fatal(err)
			}
			compareJSON(t, reflect.ValueOf(r).Elem(), g.json)
			if _, b, err := AppendControl(nil, nil, r); err != nil || !bytes.Equal(b, g.bytes) {
				t.Fatalf("encoded %x, %v\nwant    %x", b, err, g.bytes)
			}
		})
	}
}

// kafkaNames has Kafka's name, in lower case, of each field that has another.
var kafkaNames = map[string]string{
	"elr": "eligibleleaderreplicas", "min": "minsupportedversion", "max": "maxsupportedversion",
	"state": "zkmigrationstate", "issuetimestampms": "issuetimestamp", "maxtimestampms": "maxtimestamp",
	"expirationtimestampms": "expirationtimestamp", "lastcontainedlogtimestampms": "lastcontainedlogtimestamp",
}

// nestedNames has those of structs whose short names differ from case to case.
var nestedNames = map[string]map[string]string{
	"QuotaEntity":       {"type": "entitytype", "name": "entityname"},
	"Voter":             {"id": "voterid", "directoryid": "voterdirectoryid"},
	"LeaderChangeVoter": {"id": "voterid", "directoryid": "voterdirectoryid"},
}

// compareJSON compares a struct with Kafka's JSON: each key with the field of
// its name; a field without a key must have its default.
func compareJSON(t *testing.T, v reflect.Value, want map[string]any) {
	t.Helper()
	left := map[string]any{}
	for key, value := range want {
		if nested, ok := value.(map[string]any); ok && strings.EqualFold(key, "kRaftVersionFeature") {
			left["kraftmin"], left["kraftmax"] = nested["minSupportedVersion"], nested["maxSupportedVersion"]
			continue
		}
		left[strings.ToLower(key)] = value
	}
	for i := range v.NumField() {
		name := strings.ToLower(v.Type().Field(i).Name)
		if other, ok := nestedNames[v.Type().Name()][name]; ok {
			name = other
		} else if other, ok := kafkaNames[name]; ok {
			name = other
		}
		value, ok := left[name]
		delete(left, name)
		if !ok {
			if f := v.Field(i); !f.IsZero() && !slices.Contains([]int64{-1, -2}, signed(f)) && !(f.Kind() == reflect.Slice && f.Len() == 0) {
				t.Errorf("%s is %v, Kafka does not name it", name, f)
			}
			continue
		}
		compareValue(t, name, v.Field(i), value)
	}
	if len(left) > 0 {
		t.Errorf("fields of Kafka without one here: %v", left)
	}
}

func signed(v reflect.Value) int64 {
	if v.CanInt() {
		return v.Int()
	}
	return 0
}

func compareValue(t *testing.T, name string, v reflect.Value, want any) {
	t.Helper()
	equal := func(got any) {
		t.Helper()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-Kafka +here):\n%s", name, d)
		}
	}
	switch v.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		equal(float64(v.Int()))
	case reflect.Uint16:
		equal(float64(v.Uint()))
	case reflect.Float64:
		equal(v.Float())
	case reflect.Bool:
		equal(v.Bool())
	case reflect.String:
		equal(v.String())
	case reflect.Array:
		equal(UUID(v.Bytes()).String())
	case reflect.Pointer:
		if v.IsNil() {
			equal(nil)
			return
		}
		compareValue(t, name, v.Elem(), want)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			var b []byte
			raw, _ := json.Marshal(want)
			if err := json.Unmarshal(raw, &b); err != nil || !bytes.Equal(b, v.Bytes()) {
				t.Errorf("%s is %x, Kafka has %v", name, v.Bytes(), want)
			}
			return
		}
		list, _ := want.([]any)
		if len(list) != v.Len() {
			t.Errorf("%s has %d elements, Kafka's has %d", name, v.Len(), len(list))
			return
		}
		for i, w := range list {
			compareValue(t, name, v.Index(i), w)
		}
	case reflect.Struct:
		nested, _ := want.(map[string]any)
		compareJSON(t, v, nested)
	default:
		t.Errorf("%s: kind %v", name, v.Kind())
	}
}
