package config

import (
	"bytes"
	"testing"
)

func TestMetaRoundTrip(t *testing.T) {
	want := Meta{ClusterID: "4L6g3nShT-eMCtK--X86sw", NodeID: 7, DirectoryID: "MkU3OEVBNTcwNTJENDM2Qk"}
	got, err := ParseMeta(want.Encode())
	if err != nil || got != want {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestMetaRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no version":     "cluster.id=a\nnode.id=1\n",
		"version 0":      "version=0\ncluster.id=a\nbroker.id=1\n",
		"no cluster":     "version=1\nnode.id=1\n",
		"no node":        "version=1\ncluster.id=a\n",
		"node no number": "version=1\ncluster.id=a\nnode.id=x\n",
		"node negative":  "version=1\ncluster.id=a\nnode.id=-1\n",
	} {
		if m, err := ParseMeta([]byte(text)); err == nil {
			t.Errorf("%s: took %+v", name, m)
		}
	}
}

// TestMetaFlipped: no flipped bit gives a node another identity, or takes it.
func TestMetaFlipped(t *testing.T) {
	want := Meta{ClusterID: "4L6g3nShT-eMCtK--X86sw", NodeID: 7, DirectoryID: "MkU3OEVBNTcwNTJENDM2Qk"}
	whole := want.Encode()
	refused := 0
	for at := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[at] ^= 1 << bit
			switch got, err := ParseMeta(b); {
			case err != nil:
				refused++
			case got != want:
				t.Errorf("byte %d, bit %d: %+v", at, bit, got)
			}
		}
	}
	if refused < 8*(len(whole)-len(metaSum)) {
		t.Errorf("only %d of %d flips were noticed", refused, 8*len(whole))
	}
	kafkas := "#\n#Tue Nov 24 04:00:00 UTC 2026\ncluster.id=a\ndirectory.id=MkU3OEVBNTcwNTJENDM2Qk\nnode.id=1\nversion=1\n"
	if got, err := ParseMeta([]byte(kafkas)); err != nil || got.ClusterID != "a" || got.NodeID != 1 {
		t.Errorf("a file of Kafka's: %+v, %v", got, err)
	}
}
