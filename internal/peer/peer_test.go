package peer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if left := leaked(); code == 0 && left != "" {
		fmt.Fprintln(os.Stderr, "a connection's goroutine is left behind:\n"+left)
		code = 1
	}
	os.Exit(code)
}

// leaked gives every stack if a connection's goroutine stays: one that has been
// joined may still be seen for a moment.
func leaked() string {
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() {
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "peer.(*conn)") {
			return ""
		}
		if time.Now().After(deadline) {
			return stacks
		}
	}
}

// request is what a fake node has received.
type request struct {
	key, version int16
	id           int32
	client       string
	body         []byte
}

// node answers requests on in-memory connections with what answer says.
type fakeNode struct {
	dials  atomic.Int32
	answer func(c net.Conn, r request) error
	wg     sync.WaitGroup
}

func (f *fakeNode) dial(context.Context, string) (net.Conn, error) {
	f.dials.Add(1)
	here, there := net.Pipe()
	f.wg.Go(func() {
		defer there.Close()
		r := bufio.NewReader(there)
		for {
			frame, err := readFrame(r, 1<<30)
			if err != nil {
				return
			}
			be := binary.BigEndian
			n := int(be.Uint16(frame[8:]))
			req := request{
				key: int16(be.Uint16(frame)), version: int16(be.Uint16(frame[2:])), id: int32(be.Uint32(frame[4:])),
				client: string(frame[10 : 10+n]), body: frame[10+n:],
			}
			if err := f.answer(there, req); err != nil {
				return
			}
		}
	})
	return here, nil
}

// respond writes a response without tagged fields.
func respond(c net.Conn, id int32, body []byte) error {
	b := binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))
	b = binary.BigEndian.AppendUint32(b, uint32(id))
	_, err := c.Write(append(b, body...))
	return err
}

func echo(c net.Conn, r request) error { return respond(c, r.id, r.body) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCallsArePipelined(t *testing.T) {
	var mu sync.Mutex
	var held []request
	n := &fakeNode{}
	n.answer = func(c net.Conn, r request) error {
		mu.Lock()
		defer mu.Unlock()
		held = append(held, r)
		if len(held) < 10 {
			return nil // answers nobody before it has ten, and then the last first
		}
		for _, h := range slices.Backward(held) {
			if err := respond(c, h.id, h.body); err != nil {
				return err
			}
		}
		return nil
	}
	p := New(Options{Dial: n.dial})
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			want := fmt.Sprint("body ", i)
			got, err := p.Call(t.Context(), "a", Frame{Key: 7777, Body: []byte(want)})
			if err != nil || string(got) != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
	wg.Wait()
	if n.dials.Load() != 1 {
		t.Errorf("%d connections were made, want 1", n.dials.Load())
	}
	must(t, p.Close())
	n.wg.Wait()
}

func TestDoSpeaksKafka(t *testing.T) {
	for _, version := range []int16{4, 5} { // DeleteTopics 3 and 4: without and with tagged fields in the headers
		n := &fakeNode{}
		n.answer = func(c net.Conn, r request) error {
			if r.key != 20 {
				return fmt.Errorf("key %d", r.key)
			}
			if r.client != "me" {
				t.Errorf("client id %q", r.client)
			}
			req := kmsg.NewPtrDeleteTopicsRequest()
			req.Version = r.version
			body := r.body
			if req.IsFlexible() {
				body = body[1:]
			}
			if err := req.ReadFrom(body); err != nil {
				t.Errorf("request: %v", err)
			}
			resp := kmsg.NewPtrDeleteTopicsResponse()
			resp.Version = r.version
			resp.ThrottleMillis = int32(len(req.TopicNames) + len(req.Topics))
			var out []byte
			if req.IsFlexible() {
				out = append(out, 1, 5, 3, 'x', 'y', 'z') // a tagged field in the header
			}
			return respond(c, r.id, resp.AppendTo(out))
		}
		p := New(Options{Dial: n.dial, ClientID: "me"})
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version = version - 1
		req.TopicNames = []string{"a", "b"}
		resp, err := p.Do(t.Context(), "a", req)
		must(t, err)
		if got := resp.(*kmsg.DeleteTopicsResponse).ThrottleMillis; got != 2 {
			t.Errorf("version %d: the node saw %d topics", req.Version, got)
		}
		must(t, p.Close())
		n.wg.Wait()
	}
}

func TestLostConnectionFailsItsCallsAndIsReplaced(t *testing.T) {
	n := &fakeNode{}
	n.answer = func(c net.Conn, r request) error {
		if n.dials.Load() == 1 {
			return io.EOF
		}
		return echo(c, r)
	}
	p := New(Options{Dial: n.dial})
	if _, err := p.Call(t.Context(), "a", Frame{}); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("first call: %v, want the end of the connection", err)
	}
	got, err := p.Call(t.Context(), "a", Frame{Body: []byte("again")})
	if err != nil || string(got) != "again" {
		t.Errorf("second call: %q, %v", got, err)
	}
	must(t, p.Close())
	n.wg.Wait()
}

func TestUnreachableAddressIsNotTriedAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		p := New(Options{Dial: func(context.Context, string) (net.Conn, error) {
			tries++
			return nil, syscall.ECONNREFUSED
		}})
		for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(time.Millisecond) {
			if _, err := p.Call(t.Context(), "a", Frame{}); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Fatalf("error %v, want ECONNREFUSED", err)
			}
		}
		if tries < 20 || tries > 30 {
			t.Errorf("%d tries in 10 s; want about one each 500 ms, and some more at first", tries)
		}
		must(t, p.Close())
	})
}

func TestSilentConnectionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNode{}
		n.answer = func(c net.Conn, r request) error {
			if n.dials.Load() == 1 {
				return nil
			}
			return echo(c, r)
		}
		p := New(Options{Dial: n.dial})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Call(ctx, "a", Frame{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the deadline's", err)
		}
		_, err := p.Call(t.Context(), "a", Frame{})
		must(t, err)
		if n.dials.Load() != 2 {
			t.Errorf("%d connections, want a second one after the first was silent", n.dials.Load())
		}
		must(t, p.Close())
		n.wg.Wait()
	})
}

func TestLateResponseIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNode{}
		n.answer = func(c net.Conn, r request) error {
			if string(r.body) == "slow" {
				time.Sleep(2 * time.Second)
			}
			return echo(c, r)
		}
		p := New(Options{Dial: n.dial})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := p.Call(ctx, "a", Frame{Body: []byte("slow")}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want Canceled", err)
		}
		got, err := p.Call(t.Context(), "a", Frame{Body: []byte("next")})
		if err != nil || string(got) != "next" {
			t.Errorf("got %q, %v", got, err)
		}
		if n.dials.Load() != 1 {
			t.Errorf("%d connections, want 1", n.dials.Load())
		}
		must(t, p.Close())
		n.wg.Wait()
	})
}

func TestIdleConnectionIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNode{answer: echo}
		p := New(Options{Dial: n.dial, IdleTimeout: time.Minute})
		for range 3 {
			_, err := p.Call(t.Context(), "a", Frame{})
			must(t, err)
			time.Sleep(61 * time.Second)
		}
		if n.dials.Load() != 3 {
			t.Errorf("%d connections, want 3", n.dials.Load())
		}
		must(t, p.Close())
		n.wg.Wait()
	})
}

func TestHostileResponsesEndTheConnection(t *testing.T) {
	for name, raw := range map[string][]byte{
		"wrong id":        {0, 0, 0, 4, 0, 0, 0, 99},
		"negative length": {0xff, 0xff, 0xff, 0xff},
		"huge length":     {0x7f, 0xff, 0xff, 0xff},
		"short frame":     {0, 0, 0, 1, 0},
		"tags cut short":  {0, 0, 0, 6, 0, 0, 0, 0, 9, 9},
	} {
		n := &fakeNode{answer: func(c net.Conn, _ request) error {
			_, err := c.Write(raw)
			return err
		}}
		p := New(Options{Dial: n.dial})
		if _, err := p.Call(t.Context(), "a", Frame{Flexible: true}); err == nil {
			t.Errorf("%s: no error", name)
		}
		must(t, p.Close())
		n.wg.Wait()
	}
}

func TestClosedPool(t *testing.T) {
	n := &fakeNode{answer: func(net.Conn, request) error { return nil }}
	p := New(Options{Dial: n.dial})
	failed := make(chan error)
	go func() {
		_, err := p.Call(context.Background(), "a", Frame{})
		failed <- err
	}()
	for n.dials.Load() == 0 {
		runtime.Gosched()
	}
	must(t, p.Close())
	if err := <-failed; !errors.Is(err, ErrClosed) {
		t.Errorf("call under way: %v, want ErrClosed", err)
	}
	if _, err := p.Call(context.Background(), "a", Frame{}); !errors.Is(err, ErrClosed) {
		t.Errorf("call after Close: %v, want ErrClosed", err)
	}
	n.wg.Wait()
}

func FuzzSkipTags(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{1, 5, 3, 'x', 'y', 'z'})
	f.Fuzz(func(t *testing.T, b []byte) {
		if rest, err := skipTags(b); err == nil && len(rest) >= len(b) {
			t.Errorf("nothing was skipped of %x", b)
		}
	})
}

func BenchmarkCall(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	n := &fakeNode{answer: echo}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				r := bufio.NewReader(c)
				for {
					frame, err := readFrame(r, 1<<20)
					if err != nil || echo(c, request{id: int32(binary.BigEndian.Uint32(frame[4:]))}) != nil {
						return
					}
				}
			}()
		}
	}()
	_ = n
	p := New(Options{})
	b.ReportAllocs()
	for b.Loop() {
		_, err := p.Call(b.Context(), l.Addr().String(), Frame{Key: 1})
		must(b, err)
	}
	must(b, p.Close())
	must(b, l.Close())
}
