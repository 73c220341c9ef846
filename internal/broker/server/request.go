package server

// Request is one frame and the place of its answer.
type Request struct {
	// Body is the frame without its length. It is valid only until Serve
	// returns; who needs it longer copies it.
	Body []byte

	conn *Conn
	// Under the ring's lock:
	ready    bool // out or build is set
	handling bool // Serve has not returned yet: the reader will flush
	out      Out
	build    func() (Out, bool)
	drop     func()
	frame    int // size of the request
	memory   int // that out holds while it waits to be sent
}

// Conn is the connection that the request came from.
func (r *Request) Conn() *Conn { return r.conn }

// Reply answers. The frame is sent when all earlier requests of the connection
// are answered. It never blocks on the client.
func (r *Request) Reply(o Out) { r.complete(o, nil, false) }

// NoReply ends a request that gets no answer (Produce with acks=0).
func (r *Request) NoReply() { r.complete(Out{}, nil, false) }

// Wake says that build may now be able to make the answer. It is called when
// the request's turn has come, in a goroutine of the connection, where it may
// read from disk. If it returns false the request goes on waiting, and build,
// before it returned, must have arranged for another Wake.
func (r *Request) Wake(build func() (Out, bool)) { r.complete(Out{}, build, false) }

// WakeHere is Wake by a goroutine that has nothing else to do, such as a timer's:
// it may be used to build and to send.
func (r *Request) WakeHere(build func() (Out, bool)) { r.complete(Out{}, build, true) }

// OnDrop sets what is called, once and without a lock, if the connection ends
// before the request is answered: who waits for the request's sake stops. It
// must be set in Serve or in a function that Wake got.
func (r *Request) OnDrop(f func()) { r.drop = f }

// Fail closes the connection without an answer, as Kafka does for requests
// that it cannot parse.
func (r *Request) Fail(reason string) {
	c := r.conn
	c.srv.Stats.Malformed.Add(1)
	c.srv.complain("closing connection: bad request", "peer", c.RemoteAddr(), "listener", c.listener.Name, "reason", reason)
	c.abort()
	r.complete(Out{}, nil, false)
}

// CountTrailing counts a request that had n bytes after its last field. They
// are ignored, as in Kafka; zero counts nothing.
func (r *Request) CountTrailing(n int) {
	if n > 0 {
		r.conn.srv.Stats.Trailing.Add(1)
	}
}

// complete notes the answer, or how to make it, and sees to it that it is sent;
// here says that the caller's goroutine may do that.
func (r *Request) complete(o Out, build func() (Out, bool), here bool) {
	c := r.conn
	c.ring.Lock()
	if c.ring.closed {
		c.ring.Unlock()
		o.release()
		return
	}
	r.out, r.build, r.ready = o, build, true
	c.readied(r, o.memory())
	start := !r.handling && !c.ring.flushing && len(c.ring.pending) > 0 && c.ring.pending[0] == r
	if start {
		c.ring.flushing = true
		c.progressed() // the client's time to take it begins
		// The reader is alive as long as the ring is not closed, so the
		// server's group cannot reach zero under this.
		if here {
			c.srv.wg.Add(1)
		} else {
			c.srv.wg.Go(c.flush)
		}
	}
	c.ring.Unlock()
	if start && here {
		defer c.srv.wg.Done()
		c.flush()
	}
}
