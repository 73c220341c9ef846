//go:build linux

// Command floor is a null broker: what any broker of Kafka's protocol has to do, and nothing else. It reads frames, checks the
// checksum of a batch, puts the offset in, writes it with one call and answers; it serves fetches by sendfile from an index in
// memory. It has no metadata, no durability, no validation, no groups, no restart, and leaves its files to whoever made the
// directory. What it spends is what the kernel and the client's requests cost on this machine: bench/compare runs it as a third
// side, and states what Headrace spends as a multiple of it.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: floor server.properties")
		os.Exit(2)
	}
	keys, err := properties(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := os.MkdirAll(keys["log.dirs"], 0o700); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", address(keys["listeners"]))
	if err != nil {
		log.Fatal(err)
	}
	b := &broker{dir: keys["log.dirs"], addr: l.Addr().(*net.TCPAddr), topics: map[string]*topic{}}
	for {
		c, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go b.serve(c.(*net.TCPConn))
	}
}

// properties reads the lines key=value of a file.
func properties(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	keys := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if k, v, ok := strings.Cut(lines.Text(), "="); ok && !strings.HasPrefix(k, "#") {
			keys[k] = v
		}
	}
	return keys, lines.Err()
}

// address is that of the first listener.
func address(listeners string) string {
	first, _, _ := strings.Cut(listeners, ",")
	_, addr, _ := strings.Cut(first, "://")
	return addr
}
