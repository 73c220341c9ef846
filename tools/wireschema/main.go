// Command wireschema makes the table of request layouts (schema_gen.go of
// internal/kafka/wire) of Apache Kafka's message definitions.
//
//	go -C tools run ./wireschema [-o file] [directory or kafka-clients jar]
//
// Without an argument it reads the jar of Kafka 4.3.1 under ANCHORS_HOME
// (default ~/.cache/anchors). It stops at whatever a definition says that the
// table cannot hold.
package main

import (
	"archive/zip"
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/headrace/headrace/tools/definition"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("wireschema: ")
	out := flag.String("o", "", "the file to write; standard output if empty")
	flag.Parse()
	source := flag.Arg(0)
	if source == "" {
		source = jar()
	}
	if err := run(source, *out); err != nil {
		log.Fatal(err)
	}
}

// jar is where Kafka's definitions are by default.
func jar() string {
	home := os.Getenv("ANCHORS_HOME")
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			log.Fatal(err)
		}
		home = filepath.Join(user, ".cache", "anchors")
	}
	return filepath.Join(home, "kafka", "libs", "kafka-clients-4.3.1.jar")
}

func run(source, out string) error {
	messages, err := load(source)
	if err != nil {
		return err
	}
	text, err := write(messages)
	if err != nil {
		return err
	}
	if out == "" {
		_, err := os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

// load reads the definitions of all requests that exist, by API key.
func load(source string) ([]definition.Message, error) {
	files, pattern := os.DirFS(source), "*Request.json"
	if info, err := os.Stat(source); err != nil {
		return nil, err
	} else if !info.IsDir() {
		r, err := zip.OpenReader(source)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		defer r.Close()
		files, pattern = r, "common/message/*Request.json"
	}
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return nil, err
	}
	var all []definition.Message
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		m, err := definition.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if m.Type != "request" {
			return nil, fmt.Errorf("%s: type %q is not request", name, m.Type)
		}
		if m.ValidVersions != "none" {
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no definitions of requests", source)
	}
	slices.SortFunc(all, func(a, b definition.Message) int { return cmp.Compare(a.APIKey, b.APIKey) })
	return all, nil
}
