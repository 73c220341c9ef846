package config

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// MetaFile is the name of the file in each log directory that says whose
// directory it is.
const MetaFile = "meta.properties"

// Meta is the content of meta.properties (MetaProperties.java): the identity
// that a format, or the first start, gives a directory for good.
type Meta struct {
	ClusterID   string
	NodeID      int32
	DirectoryID string // Kafka's text form of a Uuid
}

// metaVersion is the format's version since KIP-631.
const metaVersion = "1"

// metaSum begins the first line, a comment for everybody else: the CRC-32C of
// all lines below. Kafka's files have none.
const metaSum = "#crc32c="

// ErrDamagedMeta says that the file is not what was written.
var ErrDamagedMeta = errors.New(MetaFile + " is damaged: its checksum does not fit. Restore the file from a backup, or remove " +
	"its first line if you have changed it by hand and are sure of the ids")

// checkSum compares the checksum, if there is one. A flipped bit in the word that
// marks it leaves it out, and all else as it was.
func checkSum(b []byte) error {
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	text, ok := bytes.CutPrefix(line, []byte(metaSum))
	if ok && string(text) != sumOf(rest) {
		return ErrDamagedMeta
	}
	return nil
}

func sumOf(b []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// ParseMeta reads the file's bytes. Version 0, of ZooKeeper's time, is refused.
func ParseMeta(b []byte) (Meta, error) {
	if err := checkSum(b); err != nil {
		return Meta{}, err
	}
	props, err := ParseProperties(b)
	if err != nil {
		return Meta{}, fmt.Errorf("%s:%w", MetaFile, err)
	}
	m := Meta{NodeID: -1}
	version := ""
	for _, p := range props {
		switch p.Key {
		case "version":
			version = p.Value
		case "cluster.id":
			m.ClusterID = p.Value
		case "directory.id":
			m.DirectoryID = p.Value
		case "node.id":
			id, err := strconv.ParseInt(p.Value, 10, 32)
			if err != nil || id < 0 {
				return Meta{}, fmt.Errorf("%s:%d: node.id %q is not a number of 0 or more", MetaFile, p.Line, p.Value)
			}
			m.NodeID = int32(id)
		}
	}
	switch {
	case version != metaVersion:
		return Meta{}, fmt.Errorf("%s: version %q is not %s", MetaFile, version, metaVersion)
	case m.ClusterID == "":
		return Meta{}, errors.New(MetaFile + ": cluster.id is missing")
	case m.NodeID < 0:
		return Meta{}, errors.New(MetaFile + ": node.id is missing")
	}
	return m, nil
}

// Encode gives the file's bytes.
func (m Meta) Encode() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "cluster.id=%s\n", m.ClusterID)
	if m.DirectoryID != "" {
		fmt.Fprintf(&b, "directory.id=%s\n", m.DirectoryID)
	}
	fmt.Fprintf(&b, "node.id=%d\nversion=%s\n", m.NodeID, metaVersion)
	return []byte(metaSum + sumOf([]byte(b.String())) + "\n" + b.String())
}
