// Command recordschema makes the table of record layouts (schema_gen.go of internal/kafka/schema) of Apache Kafka's
// message definitions.
//
//	go -C tools run ./recordschema [-o file] [directory of Kafka's jars]
//
// Without an argument it reads the jars of Kafka 4.3.1 under ANCHORS_HOME (default ~/.cache/anchors). It stops at
// whatever a definition says that the table cannot hold.
package main

import (
	"archive/zip"
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/headrace/headrace/tools/definition"
)

const release = "4.3.1"

// family is one variable of the table.
type family struct {
	name, about string
	jar, files  string   // of the definitions
	only        []string // their names; nil: all
}

var families = []family{
	{"metadataRecords", "are those of __cluster_metadata, by API key.", "kafka-metadata", "common/metadata/*Record.json", nil},
	{"groupKeys", "are the keys in __consumer_offsets, by type.", "kafka-group-coordinator", "common/message/*Key.json", nil},
	{"groupValues", "are the values in __consumer_offsets, by type.", "kafka-group-coordinator", "common/message/*Value.json", nil},
	{"transactionKeys", "are the keys in __transaction_state, by type.", "kafka-transaction-coordinator", "common/message/*Key.json", nil},
	{"transactionValues", "are the values in __transaction_state, by type.", "kafka-transaction-coordinator", "common/message/*Value.json", nil},
	{"shareKeys", "are the keys in __share_group_state, by type.", "kafka-share-coordinator", "common/message/*Key.json", nil},
	{"shareValues", "are the values in __share_group_state, by type.", "kafka-share-coordinator", "common/message/*Value.json", nil},
	{"remoteLogRecords", "are those of __remote_log_metadata, by API key.", "kafka-storage", "message/Remote*Record.json", nil},
}

var named = []family{
	{"", "", "kafka-storage", "message/*.json", []string{"ProducerSnapshot"}},
	{"", "", "kafka-clients", "common/message/*.json", []string{
		"ConsumerProtocolAssignment", "ConsumerProtocolSubscription", "KRaftVersionRecord", "LeaderChangeMessage",
		"SnapshotFooterRecord", "SnapshotHeaderRecord", "VotersRecord",
	}},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("recordschema: ")
	out := flag.String("o", "", "the file to write; standard output if empty")
	flag.Parse()
	source := flag.Arg(0)
	if source == "" {
		source = jars()
	}
	if err := run(source, *out); err != nil {
		log.Fatal(err)
	}
}

// jars is where Kafka's jars are by default.
func jars() string {
	home := os.Getenv("ANCHORS_HOME")
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			log.Fatal(err)
		}
		home = filepath.Join(user, ".cache", "anchors")
	}
	return filepath.Join(home, "kafka", "libs")
}

func run(source, out string) error {
	w := newWriter()
	for _, f := range families {
		all, err := f.load(source)
		if err != nil {
			return err
		}
		slices.SortFunc(all, func(a, b definition.Message) int { return cmp.Compare(a.APIKey, b.APIKey) })
		if err := w.table(f.name, f.about, all); err != nil {
			return err
		}
	}
	var all []definition.Message
	for _, f := range named {
		some, err := f.load(source)
		if err != nil {
			return err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b definition.Message) int { return strings.Compare(a.Name, b.Name) })
	if err := w.table("namedMessages", "have no number.", all); err != nil {
		return err
	}
	text, err := w.done()
	if err != nil {
		return err
	}
	if out == "" {
		_, err := os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

// load reads the definitions of a family.
func (f family) load(source string) (all []definition.Message, err error) {
	file := filepath.Join(source, f.jar+"-"+release+".jar")
	r, err := zip.OpenReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	defer r.Close()
	names, err := fs.Glob(r, f.files)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if f.only != nil && !slices.Contains(f.only, strings.TrimSuffix(path.Base(name), ".json")) {
			continue
		}
		text, err := fs.ReadFile(r, name)
		if err != nil {
			return nil, err
		}
		m, err := definition.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if m.ValidVersions != "none" {
			all = append(all, m)
		}
	}
	if len(all) == 0 || f.only != nil && len(all) != len(f.only) {
		return nil, fmt.Errorf("%s lacks definitions", file)
	}
	return all, nil
}
