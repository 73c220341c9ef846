package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// script is a handler whose answers the test decides.
type script func(r *Request)

func (s script) Serve(r *Request) { s(r) }

// start serves s on loopback and returns its address.
func start(t *testing.T, s script, l Limits) (*Server, string) {
	t.Helper()
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, nl, s, l), nl.Addr().String()
}

// startOn serves s on a listener until the test ends.
func startOn(t *testing.T, nl net.Listener, s script, l Limits) *Server {
	t.Helper()
	srv := New(s, l, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx, Listener{Name: "PLAINTEXT", Net: nl}) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("the server did not stop: a goroutine hangs")
		}
	})
	return srv
}

// pipes is a listener whose connections are pipes in memory, for a synctest
// bubble.
type pipes struct {
	accepted chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

func newPipes() *pipes { return &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Net: "pipe", Name: "pipe"} }

func (p *pipes) dial(t *testing.T) net.Conn {
	ours, theirs := net.Pipe()
	p.accepted <- theirs
	t.Cleanup(func() { _ = ours.Close() })
	return ours
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func frame(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func readFrame(t *testing.T, c io.Reader) []byte {
	t.Helper()
	var n [4]byte
	if _, err := io.ReadFull(c, n[:]); err != nil {
		t.Fatalf("read length: %v", err)
	}
	b := make([]byte, binary.BigEndian.Uint32(n[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatalf("read %d bytes: %v", len(b), err)
	}
	return b
}

func write(t *testing.T, c io.Writer, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

func echo(r *Request) { r.Reply(Bytes(frame(bytes.Clone(r.Body)))) }

func TestFramesOfEverySizeComeBack(t *testing.T) {
	_, addr := start(t, echo, Limits{})
	c := dial(t, addr)
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 100, firstBuffer - 4, firstBuffer - 3, firstBuffer, 70_000, 600_000, 5 << 20, 7} {
		body := make([]byte, n)
		for i := range body {
			body[i] = byte(rnd.Uint32())
		}
		go func() { _, _ = c.Write(frame(body)) }() // a failure shows in the read
		if got := readFrame(t, c); !bytes.Equal(got, body) {
			t.Fatalf("frame of %d bytes came back as %d other bytes", n, len(got))
		}
	}
}

func TestFrameByteByByte(t *testing.T) {
	_, addr := start(t, echo, Limits{})
	c := dial(t, addr)
	for _, b := range append(frame([]byte("slow")), frame([]byte("er"))...) {
		write(t, c, []byte{b})
	}
	if got := string(readFrame(t, c)) + string(readFrame(t, c)); got != "slower" {
		t.Fatalf("got %q", got)
	}
}

func TestAnswersLeaveInTheOrderOfTheRequests(t *testing.T) {
	var mu sync.Mutex
	parked := map[byte]*Request{}
	arrived := make(chan struct{}, 10)
	_, addr := start(t, func(r *Request) {
		if r.Body[0] >= 'a' {
			echo(r)
		} else {
			mu.Lock()
			parked[r.Body[0]] = r
			mu.Unlock()
		}
		arrived <- struct{}{}
	}, Limits{})
	c := dial(t, addr)
	for _, b := range []byte("1a2b3c") {
		write(t, c, frame([]byte{b}))
	}
	for range 6 {
		<-arrived
	}
	mu.Lock()
	defer mu.Unlock()
	for _, b := range []byte("321") {
		parked[b].Reply(Bytes(frame([]byte{b})))
	}
	var got []byte
	for range 6 {
		got = append(got, readFrame(t, c)...)
	}
	if string(got) != "1a2b3c" {
		t.Fatalf("order %q", got)
	}
}

func TestWakeBuildsInTurnAndMayWaitAgain(t *testing.T) {
	tries := 0
	requests := make(chan *Request, 1)
	_, addr := start(t, func(r *Request) { requests <- r }, Limits{})
	c := dial(t, addr)
	write(t, c, frame([]byte("x")))
	r := <-requests
	again := make(chan struct{})
	var build func() (Out, bool) = func() (Out, bool) {
		if tries++; tries == 1 {
			close(again)
			return Out{}, false
		}
		return Bytes(frame([]byte("done"))), true
	}
	r.Wake(build)
	<-again
	r.Wake(build)
	if got := string(readFrame(t, c)); got != "done" || tries != 2 {
		t.Fatalf("%q after %d tries", got, tries)
	}
}

func TestNoReplyLeavesNoTrace(t *testing.T) {
	_, addr := start(t, func(r *Request) {
		if r.Body[0] == '0' {
			r.NoReply()
			return
		}
		echo(r)
	}, Limits{})
	c := dial(t, addr)
	write(t, c, append(append(frame([]byte("0")), frame([]byte("1"))...), frame([]byte("0"))...))
	write(t, c, frame([]byte("2")))
	if got := string(readFrame(t, c)) + string(readFrame(t, c)); got != "12" {
		t.Fatalf("got %q", got)
	}
}

func TestFilesAreSentFromTheirOffset(t *testing.T) {
	content := make([]byte, 3<<20)
	for i := range content {
		content[i] = byte(i * 7)
	}
	name := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, withFd := range []bool{true, false} {
		released := make(chan struct{}, 1)
		_, addr := start(t, func(r *Request) {
			head := binary.BigEndian.AppendUint32(nil, 2+5000+2<<20)
			r.Reply(Out{Parts: []Part{
				{Bytes: append(head, '<')},
				{File: file{f, withFd}, Off: 11, N: 5000},
				{File: file{f, withFd}, Off: 1 << 20, N: 2 << 20},
				{Bytes: []byte(">")},
			}, Release: func() { released <- struct{}{} }})
		}, Limits{})
		c := dial(t, addr)
		write(t, c, frame([]byte("x")))
		want := bytes.Join([][]byte{{'<'}, content[11:5011], content[1<<20:], {'>'}}, nil)
		if got := readFrame(t, c); !bytes.Equal(got, want) {
			t.Fatalf("withFd=%v: %d bytes differ from the %d wanted", withFd, len(got), len(want))
		}
		<-released
	}
}

type file struct {
	*os.File
	withFd bool
}

func (f file) Fd() (uintptr, bool)    { return f.File.Fd(), f.withFd }
func (f file) Failed(err error) error { return err }

func TestMalformedFramesEndTheirConnectionOnly(t *testing.T) {
	srv, addr := start(t, echo, Limits{MaxRequestBytes: 1 << 20})
	honest := dial(t, addr)
	for name, b := range map[string][]byte{
		"length -1":       {0xff, 0xff, 0xff, 0xff},
		"length 0":        {0, 0, 0, 0},
		"length too much": {0, 0x10, 0, 1},
		"HTTP":            []byte("GET / HTTP/1.1\r\n\r\n"),
		"TLS":             {0x16, 3, 1, 2, 0, 1, 0, 1},
		"SSH":             []byte("SSH-2.0-OpenSSH\r\n"),
	} {
		c := dial(t, addr)
		write(t, c, b)
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: read %d bytes, %v; want the end of the connection", name, n, err)
		}
	}
	if got := srv.Stats.Malformed.Load(); got != 6 {
		t.Errorf("counted %d malformed frames, want 6", got)
	}
	write(t, honest, frame([]byte("still here")))
	if got := string(readFrame(t, honest)); got != "still here" {
		t.Fatalf("got %q", got)
	}
}

func TestReadingPausesAtTheBoundOfRequestsInFlight(t *testing.T) {
	requests := make(chan *Request, 100)
	_, addr := start(t, func(r *Request) { requests <- r }, Limits{MaxInFlight: 3})
	c := dial(t, addr)
	for range 10 {
		write(t, c, frame([]byte("p")))
	}
	first := []*Request{<-requests, <-requests, <-requests}
	select {
	case <-requests:
		t.Fatal("a fourth request was read")
	case <-time.After(50 * time.Millisecond): // nothing to wait for: the absence is the point
	}
	first[0].Reply(Bytes(frame([]byte("1"))))
	readFrame(t, c)
	<-requests
}

func TestDropTellsWhoWaitsForTheConnection(t *testing.T) {
	dropped := make(chan struct{})
	parked := make(chan struct{})
	_, addr := start(t, func(r *Request) {
		r.OnDrop(func() { close(dropped) })
		close(parked)
	}, Limits{})
	c := dial(t, addr)
	write(t, c, frame([]byte("x")))
	<-parked
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-dropped:
	case <-time.After(time.Minute):
		t.Fatal("nobody told the waiter")
	}
}

// A client that takes its response slowly, but takes it, is not cut off.
func TestSlowReaderIsNotStale(t *testing.T) {
	const chunk, chunks = 1 << 20, 12
	synctest.Test(t, func(t *testing.T) {
		nl := newPipes()
		startOn(t, nl, func(r *Request) {
			r.Reply(Bytes(frame(make([]byte, chunk*chunks))))
		}, Limits{FrameTimeout: 30 * time.Second})
		c := nl.dial(t)
		write(t, c, frame([]byte("x")))
		buf := make([]byte, chunk)
		for got := 0; got < chunk*chunks; {
			n, err := io.ReadFull(c, buf[:min(chunk, 4+chunk*chunks-got)])
			if got += n; err != nil {
				t.Fatalf("cut off after %d bytes: %v", got, err)
			}
			time.Sleep(20 * time.Second)
		}
	})
}

// A client that takes nothing is cut off.
func TestSilentReaderIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nl := newPipes()
		startOn(t, nl, func(r *Request) { r.Reply(Bytes(frame(make([]byte, 8<<20)))) }, Limits{FrameTimeout: 30 * time.Second})
		c := nl.dial(t)
		write(t, c, frame([]byte("x")))
		time.Sleep(time.Minute)
		if n, err := io.ReadFull(c, make([]byte, 8<<20)); err == nil {
			t.Errorf("read %d bytes of a response that nobody took for a minute", n)
		}
	})
}

// A request that was woken, but whose answer was never built, is dropped too.
func TestDropAfterWake(t *testing.T) {
	dropped := make(chan struct{})
	requests := make(chan *Request, 2)
	_, addr := start(t, func(r *Request) {
		if r.Body[0] == 'b' {
			r.OnDrop(func() { close(dropped) })
		}
		requests <- r
	}, Limits{})
	c := dial(t, addr)
	write(t, c, append(frame([]byte("a")), frame([]byte("b"))...)) // a is never answered
	<-requests
	(<-requests).Wake(func() (Out, bool) { return Out{}, false })
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-dropped:
	case <-time.After(time.Minute):
		t.Fatal("nobody told the waiter")
	}
}

// A frame comes in pieces that end everywhere, after others that have made the
// connection's buffers large.
func TestFramesInPieces(t *testing.T) {
	srv, addr := start(t, echo, Limits{})
	c := dial(t, addr)
	rnd := rand.New(rand.NewPCG(3, 4))
	for round := range 60 {
		body := make([]byte, 1+rnd.IntN(1<<(4+rnd.IntN(19))))
		for i := range body {
			body[i] = byte(rnd.Uint32())
		}
		f := frame(body)
		go func() {
			for len(f) > 0 {
				n := min(len(f), 1+rnd.IntN(100<<10))
				if _, err := c.Write(f[:n]); err != nil {
					return // a failure shows in the read
				}
				f = f[n:]
				runtime.Gosched()
			}
		}()
		if got := readFrame(t, c); !bytes.Equal(got, body) {
			t.Fatalf("round %d: a frame of %d bytes came back as %d other bytes", round, len(body), len(got))
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for srv.Conns() > 0 {
		runtime.Gosched()
	}
	if n := srv.memory.taken(); n != 0 {
		t.Errorf("%d bytes are still charged", n)
	}
}

// A connection that was quiet is served as before, also when it is put to rest
// in the middle of something.
func TestRestedConnectionsAreServed(t *testing.T) {
	srv, addr := start(t, echo, Limits{})
	c := dial(t, addr)
	rest := func() {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		for conn := range srv.conns {
			_ = conn.nc.SetReadDeadline(time.Now()) // as rest, whatever it is doing
		}
	}
	for i := range 200 {
		body := bytes.Repeat([]byte("after a while"), 1+i%2*10_000)
		f := frame(body)
		cut := i * len(f) / 200
		write(t, c, f[:cut])
		rest()
		go func() { _, _ = c.Write(f[cut:]) }() // a failure shows in the read
		if i%3 == 0 {
			rest()
		}
		if got := readFrame(t, c); !bytes.Equal(got, body) {
			t.Fatalf("round %d: other bytes came back", i)
		}
	}
}

func TestMemoryIsGivenBackAfterManyRests(t *testing.T) {
	var i idleness
	now := time.Unix(0, 0).Add(time.Hour)
	for step, tc := range []struct {
		after    time.Duration
		rested   int
		requests int64
		want     bool
	}{
		{0, restedMany, 10_000, false},                   // it was busy
		{restAfter, 0, 10_010, true},                     // all are at rest
		{restAfter, 0, 10_010, false},                    // it has been done
		{restAfter, restedMany, 20_000, false},           // busy again
		{restAfter, 0, 20_000, false},                    // not so soon
		{releaseInterval, 1, 20_000, false},              // some more are going to rest
		{restAfter, 0, 20_000, true},                     // now
		{releaseInterval, restedMany - 1, 20_000, false}, // too few
		{releaseInterval, 0, 20_000, false},
	} {
		now = now.Add(tc.after)
		if got := i.due(now, tc.rested, tc.requests); got != tc.want {
			t.Errorf("step %d: %t", step, got)
		}
	}
}

// More requests than may be in flight come in one piece, and are all answered.
func TestManyRequestsInOnePiece(t *testing.T) {
	_, addr := start(t, echo, Limits{MaxInFlight: 4})
	c := dial(t, addr)
	const n = 1000
	write(t, c, bytes.Repeat(frame([]byte("a")), n))
	for range n {
		readFrame(t, c)
	}
}
