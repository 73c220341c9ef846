package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/headrace/headrace/internal/config"
)

// info tells what the node's directories hold; it fails if something is wrong with them.
func (c *storage) info() error {
	conf, err := c.loadConfig()
	if err != nil {
		return err
	}
	var found, problems []string
	var first *config.Meta
	for _, dir := range storageDirs(conf) {
		st, err := os.Stat(dir)
		switch {
		case err != nil:
			problems = append(problems, dir+" does not exist")
			continue
		case !st.IsDir():
			problems = append(problems, dir+" is not a directory")
			continue
		}
		found = append(found, dir)
		file := filepath.Join(dir, config.MetaFile)
		if _, err := os.Stat(file); err != nil {
			problems = append(problems, dir+" is not formatted.")
			continue
		}
		m, err := readMeta(dir)
		switch {
		case err != nil:
			problems = append(problems, fmt.Sprintf("Error loading %s: %s", file, err))
		case first == nil:
			first = &m
		case first.ClusterID != m.ClusterID:
			problems = append(problems, "Mismatched cluster IDs between storage directories.")
		case first.NodeID != m.NodeID:
			problems = append(problems, "Mismatched node IDs between storage directories.")
		}
	}
	c.printList("Found log directory:", "Found log directories:", found)
	if first != nil {
		c.printf("Found metadata: {cluster.id=%s, ", first.ClusterID)
		if first.DirectoryID != "" {
			c.printf("directory.id=%s, ", first.DirectoryID)
		}
		c.printf("node.id=%d, version=1}\n\n", first.NodeID)
	}
	if problems == nil {
		return nil
	}
	c.printList("Found problem:", "Found problems:", problems)
	return doneWith(exitFailed)
}

func (c *storage) printList(one, several string, lines []string) {
	switch len(lines) {
	case 0:
		return
	case 1:
		c.printf("%s\n", one)
	default:
		c.printf("%s\n", several)
	}
	for _, l := range lines {
		c.printf("  %s\n", l)
	}
	c.printf("\n")
}
