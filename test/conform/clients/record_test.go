package clients

import (
	"slices"
	"strings"
	"testing"
)

// stored puts records where a broker would.
func stored(sent []Record) []Record {
	next := map[int32]int64{}
	out := slices.Clone(sent)
	for i := range out {
		out[i].Offset = next[out[i].Partition]
		next[out[i].Partition]++
	}
	return out
}

func TestPlanSaysItsSourceAndHoldsEverything(t *testing.T) {
	var nullKey, nullValue, bothNull, empty, nullHeader, large int
	for _, r := range plan("me", "zstd", 400, 6, all()) {
		if r.source() != "me" {
			t.Fatalf("source %q of %s", r.source(), r.content(all()))
		}
		switch {
		case r.Key == nil && r.Value == nil:
			bothNull++
		case r.Key == nil:
			nullKey++
		case r.Value == nil:
			nullValue++
		case *r.Key == "" || *r.Value == "":
			empty++
		case len(*r.Value) > 10_000:
			large++
		}
		for _, h := range r.Headers {
			if h[1] == nil {
				nullHeader++
			}
		}
	}
	if slices.Contains([]int{nullKey, nullValue, bothNull, empty, nullHeader, large}, 0) {
		t.Errorf("null keys %d, values %d, both %d, empty %d, null headers %d, large %d: want some of each", nullKey, nullValue, bothNull, empty, nullHeader, large)
	}
}

func TestPlanKeepsToTheClientsPowers(t *testing.T) {
	for _, r := range plan("me", "none", 100, 6, Fields{}) {
		if r.Key != nil || r.Value == nil || r.Headers != nil || r.Timestamp != 0 || r.Partition != -1 || r.source() != "me" {
			t.Fatalf("a client that can nothing was given %s", r.content(all()))
		}
	}
}

// Each kind of damage that a broker could do is found.
func TestArrivedFindsDamage(t *testing.T) {
	chosen, free := all(), Fields{Keys: true}
	for _, f := range []Fields{chosen, free} {
		sent := plan("me", "none", 60, 6, f)
		put := stored(sent)
		if !f.Partition {
			for i := range put {
				put[i].Partition = int32(i % 3)
			}
		}
		if err := arrived(sent, put, f); err != nil {
			t.Fatalf("undamaged: %v", err)
		}
		damage := map[string]func([]Record) []Record{
			"lost":      func(r []Record) []Record { return r[:59] },
			"doubled":   func(r []Record) []Record { r[10] = r[4]; return r },
			"changed":   func(r []Record) []Record { r[8].Value = text("other"); return r },
			"null":      func(r []Record) []Record { r[0].Key = nil; return r },
			"reordered": func(r []Record) []Record { r[0], r[6] = r[6], r[0]; return r },
			"extra":     func(r []Record) []Record { return append(r, r[0]) },
		}
		if f.Headers {
			damage["header"] = func(r []Record) []Record { r[1].Headers = r[1].Headers[1:]; return r }
			damage["time"] = func(r []Record) []Record { r[1].Timestamp++; return r }
		}
		for name, do := range damage {
			if err := arrived(sent, do(slices.Clone(put)), f); err == nil {
				t.Errorf("%s (fields %+v): not found", name, f)
			}
		}
	}
}

func TestDigestSeesWhatItShows(t *testing.T) {
	one := map[at]Record{{0, 0}: {Key: text("k"), Value: nil}}
	two := map[at]Record{{0, 0}: {Key: text("k"), Value: text("")}}
	if digest(one, all()) == digest(two, all()) {
		t.Error("null and empty have one digest")
	}
	three := map[at]Record{{0, 0}: {Key: text("other"), Value: nil}}
	if digest(one, Fields{}) != digest(three, Fields{}) {
		t.Error("a field that is not shown changes the digest")
	}
}

func TestLines(t *testing.T) {
	got, err := lines([]Record{{Partition: 2, Timestamp: 5, Key: nil, Value: text("<v>"), Headers: [][2]*string{{text("h"), nil}}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"p":2,"ts":5,"k":null,"v":"<v>","h":[["h",null]]}`; strings.TrimSpace(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
