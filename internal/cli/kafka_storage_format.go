package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/vfs"
)

// formatting is what format was asked to do, checked.
type formatting struct {
	conf     *config.Config
	dirs     []string
	release  metadataVersion
	features map[string]int16
	voters   map[int32]admin.ID // nil: the quorum is static
}

// format writes meta.properties into every directory that has none, as Formatter. The node formats directories by
// itself on its first start; a format beforehand fixes the cluster's id.
func (c *storage) format() error {
	conf, err := c.loadConfig()
	if err != nil {
		return err
	}
	f := formatting{conf: conf, dirs: storageDirs(conf)}
	if err := c.readRelease(&f); err != nil {
		return err
	}
	if err := c.readVoters(&f); err != nil {
		return err
	}
	if err := c.finishFeatures(&f); err != nil {
		return err
	}
	if err := c.checkScram(); err != nil {
		return err
	}
	return c.write(f)
}

func (c *storage) readRelease(f *formatting) error {
	unstable := f.conf.Bool("unstable.feature.versions.enable")
	f.release = latestMetadataVersion()
	if unstable {
		f.release = metadataVersions[len(metadataVersions)-1]
	}
	if c.has("--release-version") {
		v, err := parseMetadataVersion(c.value("--release-version"), unstable)
		if err != nil {
			return terse(err.Error())
		}
		f.release = v
	}
	f.features = map[string]int16{}
	for _, word := range c.words["--feature"] {
		name, text, ok := strings.Cut(word, "=")
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 16)
		if !ok || err != nil {
			return &javaerr.Exception{Class: "java.lang.RuntimeException", Message: "Can't parse feature=level string " + word + ": equals sign not found."}
		}
		f.features[strings.TrimSpace(name)] = int16(n)
	}
	level, named := f.features["metadata.version"]
	if !named {
		return nil
	}
	if c.has("--release-version") {
		return terse("Use --release-version instead of --feature metadata.version=X to avoid ambiguity.")
	}
	v, ok := metadataVersionOf(level)
	if !ok {
		return &javaerr.Exception{Class: "java.lang.IllegalArgumentException", Message: fmt.Sprintf("No MetadataVersion with feature level %d", level)}
	}
	if !v.stable && !unstable {
		return tersef("metadata.version %s is not yet stable.", v.name)
	}
	f.release = v
	return nil
}

// readVoters reads what the command line says about the first quorum.
func (c *storage) readVoters(f *formatting) error {
	dynamic := len(f.conf.QuorumVoters()) == 0
	named := c.has("--standalone") || c.has("--initial-controllers")
	if !dynamic && named {
		return terse("You cannot specify controller.quorum.voters and format the node with --initial-controllers or --standalone. " +
			"If you want to use dynamic quorum, please remove controller.quorum.voters and specify controller.quorum.bootstrap.servers instead.")
	}
	switch {
	case c.has("--initial-controllers"):
		voters, err := parseInitialControllers(c.value("--initial-controllers"))
		if err != nil {
			return err
		}
		f.voters = voters
	case c.has("--standalone"):
		if !f.conf.IsController() {
			return terse("You can only use --standalone on a controller.")
		}
		f.voters = map[int32]admin.ID{f.conf.NodeID(): newID()}
	case !c.has("--no-initial-controllers") && f.conf.IsController() && dynamic:
		return terse("Because controller.quorum.voters is not set on this controller, you must specify one of the following: " +
			"--standalone, --initial-controllers, or --no-initial-controllers.")
	}
	return nil
}

// parseInitialControllers reads "id@host:port:directory" entries, as DynamicVoters.parse.
func parseInitialControllers(text string) (map[int32]admin.ID, error) {
	voters := map[int32]admin.ID{}
	for entry := range strings.SplitSeq(text, ",") {
		fail := func(why string) error {
			return illegalArgument("Failed to parse initial controller %q: %s; it must be id@host:port:directory-id", entry, why)
		}
		idText, rest, ok := strings.Cut(strings.TrimSpace(entry), "@")
		if !ok {
			return nil, fail("there is no @")
		}
		id, err := strconv.ParseInt(idText, 10, 32)
		if err != nil || id < 0 {
			return nil, fail("the node id is not a number of 0 or more")
		}
		i := strings.LastIndexByte(rest, ':')
		if i < 0 {
			return nil, fail("there is no directory id")
		}
		directory, ok := admin.ParseID(rest[i+1:])
		if !ok {
			return nil, fail("the directory id is not 22 characters of base64")
		}
		if j := strings.LastIndexByte(rest[:i], ':'); j < 0 {
			return nil, fail("there is no port")
		} else if port, err := strconv.ParseUint(rest[j+1:i], 10, 16); err != nil || port == 0 {
			return nil, fail("the port is not a number from 1 to 65535")
		}
		if _, twice := voters[int32(id)]; twice {
			return nil, fail("the node id is there twice")
		}
		voters[int32(id)] = directory
	}
	return voters, nil
}

// finishFeatures checks the features and adds the defaults of the release.
func (c *storage) finishFeatures(f *formatting) error {
	for _, name := range slices.Sorted(maps.Keys(f.features)) {
		if name != "metadata.version" && !slices.Contains(featureNames[:], name) {
			supported := slices.Clone(featureNames[:])
			slices.Sort(supported)
			return tersef("Unsupported feature: %s. Supported features are: %s", name, strings.Join(supported, ", "))
		}
	}
	f.features["metadata.version"] = f.release.level
	dynamic := len(f.conf.QuorumVoters()) == 0
	for i, name := range featureNames {
		level, set := f.features[name]
		switch {
		case name == "kraft.version" && set && level == 0 && dynamic:
			return terse("Cannot set kraft.version to 0 if controller.quorum.voters is empty and one of the flags --standalone, " +
				"--initial-controllers, or --no-initial-controllers is used. For dynamic controllers support, try removing the --feature flag for kraft.version.")
		case name == "kraft.version" && set && level > 0 && !dynamic:
			return tersef("Cannot set kraft.version to %d unless controller.quorum.voters is empty and one of the flags --standalone, "+
				"--initial-controllers, or --no-initial-controllers is used. For dynamic controllers support, try using one of --standalone, "+
				"--initial-controllers, or --no-initial-controllers and removing controller.quorum.voters.", level)
		case name == "kraft.version" && !set:
			f.features[name] = 0
			if dynamic {
				f.features[name] = 1
			}
		case !set:
			f.features[name] = f.release.defaults[i]
		case level < 0 || level > featureLatest[i]:
			return illegalArgument("No feature:%s with feature level %d", name, level)
		}
	}
	if f.features["eligible.leader.replicas.version"] == 1 && f.release.level < 23 {
		return illegalArgument("eligible.leader.replicas.version could not be set to 1 because it depends on metadata.version level 23")
	}
	return nil
}

// checkScram reads --add-scram. The node takes SCRAM users by kafka-configs.
func (c *storage) checkScram() error {
	for _, word := range c.words["--add-scram"] {
		mechanism, _, ok := strings.Cut(word, "=")
		switch {
		case !ok:
			return tersef("Failed to find equals sign in SCRAM argument '%s'", word)
		case !slices.Contains(scramMechanisms, mechanism):
			return tersef("The add-scram mechanism %s is not supported.", mechanism)
		default:
			return terse("--add-scram is not supported: start the node and add the user with kafka-configs --alter --add-config")
		}
	}
	return nil
}

// write gives every directory without one an identity.
func (c *storage) write(f formatting) error {
	clusterID := c.value("--cluster-id")
	var empty []string
	for _, dir := range f.dirs {
		m, err := readMeta(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			empty = append(empty, dir)
		case err != nil:
			return &javaerr.Exception{Class: "java.lang.RuntimeException", Message: err.Error(), Cause: err}
		case m.ClusterID != clusterID:
			return &javaerr.Exception{Class: "java.lang.RuntimeException", Message: fmt.Sprintf("Invalid cluster.id in: %s. Expected %s, but read %s",
				filepath.Join(dir, config.MetaFile), clusterID, m.ClusterID)}
		case m.NodeID != f.conf.NodeID():
			return &javaerr.Exception{Class: "java.lang.RuntimeException", Message: fmt.Sprintf("Stored node id %d doesn't match previous node id %d in %s",
				m.NodeID, f.conf.NodeID(), filepath.Join(dir, config.MetaFile))}
		case !c.has("--ignore-formatted"):
			return tersef("Log directory %s is already formatted. Use --ignore-formatted to ignore this directory and format the others.", dir)
		}
	}
	if empty == nil {
		c.printf("All of the log directories are already formatted.\n")
		return nil
	}
	c.printf("Bootstrap metadata: %s\n", f.bootstrap())
	if err := f.writeBootstrap(); err != nil {
		return tersef("Error while writing %s: %s", filepath.Join(f.conf.MetadataLogDir(), metadata.BootstrapFile), err)
	}
	for _, dir := range empty {
		m := config.Meta{ClusterID: clusterID, NodeID: f.conf.NodeID(), DirectoryID: newID().String()}
		kind := "data directory"
		if dir == f.conf.MetadataLogDir() {
			kind = "metadata directory"
			if id, voter := f.voters[m.NodeID]; voter {
				kind, m.DirectoryID = "dynamic metadata voter directory", id.String()
			} else if f.voters != nil {
				kind = "dynamic metadata directory"
			}
		}
		c.printf("Formatting %s %s with metadata.version %s.\n", kind, dir, f.release.name)
		if err := writeDurably(dir, config.MetaFile, m.Encode()); err != nil {
			return tersef("Error while writing meta.properties file %s: %s", dir, err)
		}
	}
	return nil
}

// writeBootstrap leaves the features for the first start of the cluster's controller, as BootstrapDirectory.
func (f formatting) writeBootstrap() error {
	var records []metadata.Record
	for _, name := range slices.Sorted(maps.Keys(f.features)) {
		if name != metadata.FeatureKRaftVersion && f.features[name] > 0 {
			records = append(records, &metadata.FeatureLevelRecord{Name: name, FeatureLevel: f.features[name]})
		}
	}
	b, err := metadata.EncodeBootstrap(records)
	if err != nil {
		return err
	}
	return writeDurably(f.conf.MetadataLogDir(), metadata.BootstrapFile, b)
}

// bootstrap is BootstrapMetadata.toString for the features.
func (f formatting) bootstrap() string {
	var records []string
	add := func(name string) {
		records = append(records, fmt.Sprintf("ApiMessageAndVersion(FeatureLevelRecord(name='%s', featureLevel=%d) at version 0)", name, f.features[name]))
	}
	add("metadata.version")
	for _, name := range slices.Sorted(maps.Keys(f.features)) {
		if name != "metadata.version" && name != "kraft.version" && f.features[name] > 0 {
			add(name)
		}
	}
	return fmt.Sprintf("BootstrapMetadata(records=[%s], metadataVersionLevel=%d, source=format command)", strings.Join(records, ", "), f.release.level)
}

func readMeta(dir string) (config.Meta, error) {
	b, err := os.ReadFile(filepath.Join(dir, config.MetaFile))
	if err != nil {
		return config.Meta{}, err
	}
	return config.ParseMeta(b)
}

// writeDurably makes a directory, if it is missing, and writes a file into it.
func writeDurably(dir, file string, content []byte) error {
	disk := vfs.New()
	if err := disk.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return vfs.ReplaceFile(disk, filepath.Join(dir, file), content, 0o644)
}
