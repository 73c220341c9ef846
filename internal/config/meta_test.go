package config

import "testing"

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
