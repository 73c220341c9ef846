package quorum

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/vfs"
)

// A metadata log whose disk somebody else has filled goes on in the place of its
// ballast, and has it back when there is room.
func TestTheBallastKeepsTheMetadataGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 64 << 10
		mem := vfs.NewMem()
		path := filepath.Join("/m", ballastName)
		there := func() int64 {
			info, err := mem.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			return info.Size()
		}
		o := loneOptions(mem, "/m")
		o.BallastBytes = size
		n, stop := running(t, o)
		time.Sleep(time.Second)
		if there() != size {
			t.Fatalf("the ballast has %d bytes", there())
		}
		for cycle := range 10 {
			mem.SetQuota(mem.Used() + 10)
			for i := range 20 {
				_, err := n.Submit(t.Context(), setConfig("c", fmt.Sprintf("%d-%d", cycle, i)), controller.Requester{})
				must(t, err)
			}
			if there() != 0 {
				t.Fatalf("cycle %d: the ballast still has %d bytes", cycle, there())
			}
			mem.SetQuota(mem.Used() + size) // too little for the ballast and the rest
			time.Sleep(3 * time.Second)
			if there() != 0 {
				t.Fatalf("cycle %d: the ballast has taken the last bytes", cycle)
			}
			mem.SetQuota(0)
			time.Sleep(3 * time.Second)
			if there() != size {
				t.Fatalf("cycle %d: the ballast is not back", cycle)
			}
		}
		stop()

		// A start on a full disk needs its ballast too.
		mem.SetQuota(mem.Used())
		n, stop = running(t, o)
		defer stop()
		_, err := n.Submit(t.Context(), setConfig("start", "v"), controller.Requester{})
		must(t, err)
		if configOf(n.Image(), "start") != "v" || configOf(n.Image(), "c") != "9-19" {
			t.Errorf("after the start: %q, %q", configOf(n.Image(), "start"), configOf(n.Image(), "c"))
		}
	})
}

func TestABallastThatIsNotWantedIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		o := loneOptions(mem, "/m")
		for _, o.BallastBytes = range []int64{1000, 0} {
			_, stop := running(t, o)
			time.Sleep(time.Second)
			stop()
			if _, err := mem.Stat(filepath.Join("/m", ballastName)); (err == nil) != (o.BallastBytes > 0) {
				t.Errorf("with %d bytes: %v", o.BallastBytes, err)
			}
		}
	})
}
