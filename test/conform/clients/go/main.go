// Command goclient is franz-go and sarama behind one command line.
//
//	goclient franz|sarama produce BOOTSTRAP TOPIC CODEC   records on standard input, a line of JSON each
//	goclient franz|sarama consume BOOTSTRAP TOPIC GROUP   prints each record, commits what it printed, leaves on SIGTERM
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

const (
	sessionTimeout = 6 * time.Second // the shortest that Kafka's default takes
	heartbeat      = 500 * time.Millisecond
)

// record is the adapters' form of a record; nil is Kafka's null.
type record struct {
	Partition int32        `json:"p"`
	Offset    int64        `json:"o"`
	Timestamp int64        `json:"ts"`
	Key       *string      `json:"k"`
	Value     *string      `json:"v"`
	Headers   [][2]*string `json:"h"`
}

type client struct {
	produce func(ctx context.Context, bootstrap, topic, codec string, records []record) error
	consume func(ctx context.Context, bootstrap, topic, group string, out *printer) error
}

func main() {
	clients := map[string]client{"franz": {franzProduce, franzConsume}, "sarama": {saramaProduce, saramaConsume}}
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: goclient franz|sarama produce|consume BOOTSTRAP TOPIC CODEC|GROUP")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c, bootstrap, topic, last := clients[os.Args[1]], os.Args[3], os.Args[4], os.Args[5]
	var err error
	switch os.Args[2] {
	case "produce":
		var records []record
		if records, err = read(os.Stdin); err == nil {
			err = c.produce(ctx, bootstrap, topic, last, records)
		}
	case "consume":
		err = c.consume(ctx, bootstrap, topic, last, &printer{w: bufio.NewWriterSize(os.Stdout, 1<<16)})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(r io.Reader) ([]record, error) {
	var records []record
	dec := json.NewDecoder(r)
	for {
		var rec record
		switch err := dec.Decode(&rec); err {
		case nil:
			records = append(records, rec)
		case io.EOF:
			return records, nil
		default:
			return nil, err
		}
	}
}

// printer writes records; a commit follows a flush, so that what is committed has been seen.
type printer struct {
	mu sync.Mutex
	w  *bufio.Writer
}

func (p *printer) print(r record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err = p.w.Write(append(b, '\n'))
	return err
}

func (p *printer) flush() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.w.Flush()
}

func raw(s *string) []byte {
	if s == nil {
		return nil
	}
	return append([]byte{}, *s...) // empty, not nil
}

func text(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}
