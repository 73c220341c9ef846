package quorum

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/vfs"
)

func loneOptions(fsys vfs.FS, dir string) Options {
	return Options{
		FS: fsys, Dir: dir, NodeID: 1, BootID: "boot-1",
		Endpoints:  []Endpoint{{Name: "CONTROLLER", Host: "localhost", Port: 9093}},
		Voters:     []VoterAddress{{NodeID: -1, Host: "localhost", Port: 9093}},
		Controller: &configController{}, Bootstrap: testBootstrap,
	}
}

// running opens and runs a node; stop closes it and checks that it ended well.
func running(t testing.TB, o Options) (n *Node, stop func()) {
	t.Helper()
	n, err := Open(o)
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- n.Run(context.Background()) }()
	return n, func() {
		t.Helper()
		must(t, n.Close())
		must(t, <-ended)
	}
}

func TestLoneVoterIsActiveWhenOpenReturns(t *testing.T) {
	n, err := Open(loneOptions(vfs.NewMem(), "/data/__cluster_metadata-0"))
	must(t, err)
	defer func() { must(t, n.Close()) }()
	if !n.Active() {
		t.Fatal("the lone voter is not the active controller")
	}
	if level := n.Image().Features().Level(metadata.FeatureMetadataVersion); level != 20 {
		t.Fatalf("metadata.version is %d after Open, want the bootstrap's 20", level)
	}
	leader, epoch, ok := n.Leader()
	if !ok || leader.NodeID != 1 || epoch < 1 {
		t.Fatalf("Leader() = %+v, %d, %v", leader, epoch, ok)
	}
	if len(n.ClusterID()) != 22 || n.Identity().RaftID == 0 || n.Identity().DirectoryID.IsZero() {
		t.Fatalf("cluster id %q, identity %+v", n.ClusterID(), n.Identity())
	}
}

func TestSubmitAnswersWhenReplayed(t *testing.T) {
	n, stop := running(t, loneOptions(vfs.NewMem(), "/m"))
	defer stop()
	for i := range 100 {
		value := fmt.Sprint(i)
		_, err := n.Submit(t.Context(), setConfig("a", value), controller.Requester{})
		must(t, err)
		if got := configOf(n.Image(), "a"); got != value {
			t.Fatalf("after Submit the image has %q, want %q", got, value)
		}
	}
}

func TestSubmitFromManyGoroutines(t *testing.T) {
	n, stop := running(t, loneOptions(vfs.NewMem(), "/m"))
	defer stop()
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 64 {
				if _, err := n.Submit(t.Context(), setConfig(fmt.Sprintf("k%d-%d", g, i), "v"), controller.Requester{}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for g := range 16 {
		for i := range 64 {
			if configOf(n.Image(), fmt.Sprintf("k%d-%d", g, i)) != "v" {
				t.Fatalf("k%d-%d is missing", g, i)
			}
		}
	}
}

func TestUnknownRequestIsRefused(t *testing.T) {
	n, stop := running(t, loneOptions(vfs.NewMem(), "/m"))
	defer stop()
	_, err := n.Submit(t.Context(), kmsg.NewPtrMetadataRequest(), controller.Requester{})
	if !errors.Is(err, controller.ErrUnhandled) {
		t.Fatalf("error %v, want ErrUnhandled", err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	fsys := vfs.NewMem()
	var identity Identity
	var cluster string
	for run := range 5 {
		n, stop := running(t, loneOptions(fsys, "/m"))
		for i := range run {
			if configOf(n.Image(), fmt.Sprint(i)) != "v" {
				t.Fatalf("run %d: what run %d has set is gone", run, i)
			}
		}
		if run > 0 && (n.Identity() != identity || n.ClusterID() != cluster) {
			t.Fatalf("run %d: identity or cluster id changed", run)
		}
		identity, cluster = n.Identity(), n.ClusterID()
		_, err := n.Submit(t.Context(), setConfig(fmt.Sprint(run), "v"), controller.Requester{})
		must(t, err)
		stop()
	}
}

func TestAnotherNodesDirectoryIsRefused(t *testing.T) {
	fsys := vfs.NewMem()
	n, err := Open(loneOptions(fsys, "/m"))
	must(t, err)
	must(t, n.Close())
	o := loneOptions(fsys, "/m")
	o.NodeID = 2
	if n, err := Open(o); err == nil {
		t.Errorf("opened the directory of node 1 as node 2")
		must(t, n.Close())
	}
	o = loneOptions(fsys, "/m")
	o.ClusterID = "another-cluster-id-xxx"
	if n, err := Open(o); err == nil {
		t.Errorf("opened the directory of another cluster")
		must(t, n.Close())
	}
}

func TestSubscribersSeeEveryImageInOrder(t *testing.T) {
	n, stop := running(t, loneOptions(vfs.NewMem(), "/m"))
	defer stop()
	type seen struct{ from, to int64 }
	var mu sync.Mutex
	var got []seen
	all := make(chan struct{})
	cancel := n.Subscribe(func(img *metadata.Image, delta *metadata.Delta) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, seen{delta.Old.Position().Offset, img.Position().Offset})
		if configOf(img, "last") != "" {
			close(all)
		}
	})
	for i := range 50 {
		_, err := n.Submit(t.Context(), setConfig("k", fmt.Sprint(i)), controller.Requester{})
		must(t, err)
	}
	_, err := n.Submit(t.Context(), setConfig("last", "x"), controller.Requester{})
	must(t, err)
	<-all
	cancel()
	if got[0].from != -1 {
		t.Errorf("the first delta starts at %d, want the empty image", got[0].from)
	}
	for i := 1; i < len(got); i++ {
		if got[i].from != got[i-1].to {
			t.Fatalf("image %d follows %d, the one before was %d", got[i].to, got[i].from, got[i-1].to)
		}
	}
}

func TestSubmitAfterCloseFails(t *testing.T) {
	n, stop := running(t, loneOptions(vfs.NewMem(), "/m"))
	stop()
	_, err := n.Submit(context.Background(), setConfig("a", "b"), controller.Requester{})
	if !errors.Is(err, ErrStopped) || !errors.Is(err, kerr.NotController) {
		t.Fatalf("error %v, want ErrStopped and NotController", err)
	}
}

func TestControllerTickIsProposed(t *testing.T) {
	o := loneOptions(vfs.NewMem(), "/m")
	value := "1"
	o.Controller = &configController{due: []metadata.Record{
		&metadata.ConfigRecord{ResourceType: metadata.ResourceType(kmsg.ConfigResourceTypeBroker), ResourceName: "1", Name: "ticked", Value: &value},
	}}
	n, err := Open(o)
	must(t, err)
	defer func() { must(t, n.Close()) }()
	if configOf(n.Image(), "ticked") != "1" {
		t.Fatal("what the controller's tick decided was not committed at once")
	}
}

func TestLoneVoterStartIsFast(t *testing.T) {
	dir := t.TempDir()
	for _, what := range []string{"founding", "restart"} {
		start := time.Now()
		n, err := Open(loneOptions(vfs.OS{}, dir+"/__cluster_metadata-0"))
		must(t, err)
		t.Logf("%s: active after %v", what, time.Since(start))
		must(t, n.Close())
	}
}

func BenchmarkSubmitMem(b *testing.B) {
	n, stop := running(b, loneOptions(vfs.NewMem(), "/m"))
	defer stop()
	b.ReportAllocs()
	for b.Loop() {
		_, err := n.Submit(b.Context(), setConfig("a", "b"), controller.Requester{})
		must(b, err)
	}
}

// BenchmarkThousandProposals submits 1,000 requests at once, as a burst of
// topic creations would.
func BenchmarkThousandProposals(b *testing.B) {
	for _, disk := range []string{"mem", "os"} {
		b.Run(disk, func(b *testing.B) {
			var fsys vfs.FS = vfs.NewMem()
			if disk == "os" {
				fsys = vfs.OS{}
			}
			n, stop := running(b, loneOptions(fsys, b.TempDir()))
			defer stop()
			for b.Loop() {
				var wg sync.WaitGroup
				for range 1000 {
					wg.Go(func() {
						_, err := n.Submit(b.Context(), setConfig("a", "b"), controller.Requester{})
						must(b, err)
					})
				}
				wg.Wait()
			}
		})
	}
}
