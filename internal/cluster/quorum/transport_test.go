package quorum

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/peer"
	"github.com/headrace/headrace/internal/vfs"
)

// serveRaft answers frames of the private API on a listener, as a controller
// listener does, until the listener is closed.
func serveRaft(t *testing.T, l net.Listener, n *Node, wg *sync.WaitGroup) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		wg.Go(func() {
			defer c.Close()
			for {
				var length [4]byte
				if _, err := io.ReadFull(c, length[:]); err != nil {
					return
				}
				frame := make([]byte, binary.BigEndian.Uint32(length[:]))
				if _, err := io.ReadFull(c, frame); err != nil {
					return
				}
				be := binary.BigEndian
				if key := int16(be.Uint16(frame)); key != APIKey {
					t.Errorf("API key %d", key)
					return
				}
				body := frame[10+int(be.Uint16(frame[8:])):]
				answer, err := n.HandleRaft(context.Background(), c.RemoteAddr().String(), body)
				if err != nil {
					return
				}
				out := be.AppendUint32(nil, uint32(4+len(answer)))
				out = append(append(out, frame[4:8]...), answer...)
				if _, err := c.Write(out); err != nil {
					return
				}
			}
		})
	}
}

// TestThreeNodesOverTCP runs three nodes on real connections and files.
func TestThreeNodesOverTCP(t *testing.T) {
	var listeners []net.Listener
	var voters []VoterAddress
	for id := range int32(3) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		_, port, err := net.SplitHostPort(l.Addr().String())
		must(t, err)
		p, err := strconv.ParseUint(port, 10, 16)
		must(t, err)
		listeners = append(listeners, l)
		voters = append(voters, VoterAddress{NodeID: id, Host: "127.0.0.1", Port: uint16(p)})
	}
	var nodes []*Node
	var wg, conns sync.WaitGroup
	var pools []*peer.Pool
	for i, v := range voters {
		pool := peer.New(peer.Options{ClientID: strconv.Itoa(i)})
		n, err := Open(Options{
			FS: vfs.New(), Dir: t.TempDir() + "/__cluster_metadata-0", NodeID: v.NodeID, Voters: voters,
			Endpoints: []Endpoint{{Name: "CONTROLLER", Host: v.Host, Port: v.Port}}, Controller: &configController{},
			Transport: NewTransport(pool),
		})
		must(t, err)
		nodes, pools = append(nodes, n), append(pools, pool)
		wg.Go(func() { must(t, n.Run(context.Background())) })
		wg.Go(func() { serveRaft(t, listeners[i], n, &conns) })
	}
	var leader *Node
	for deadline := time.Now().Add(time.Minute); leader == nil && time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		for _, n := range nodes {
			if n.Active() {
				leader = n
			}
		}
	}
	if leader == nil {
		t.Fatal("no leader within a minute")
	}
	for i := range 100 {
		_, err := leader.Submit(t.Context(), setConfig("k", strconv.Itoa(i)), controller.Requester{})
		must(t, err)
	}
	seen := make(chan struct{}, len(nodes))
	for _, n := range nodes {
		done := false
		cancel := n.Subscribe(func(img *metadata.Image, _ *metadata.Delta) {
			if !done && configOf(img, "k") == "99" {
				done = true
				seen <- struct{}{}
			}
		})
		defer cancel()
	}
	for range nodes {
		<-seen
	}
	for i := range nodes {
		must(t, listeners[i].Close())
		must(t, nodes[i].Close())
	}
	for _, p := range pools {
		must(t, p.Close())
	}
	wg.Wait()
	conns.Wait()
}
