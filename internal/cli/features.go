package cli

import (
	"fmt"
	"slices"
	"strings"
)

// metadataVersion is one level of the feature metadata.version, with the level that each of featureNames has by default
// under it (MetadataVersion, Feature.defaultLevel).
type metadataVersion struct {
	name     string
	level    int16
	stable   bool
	defaults [6]int16
}

// featureNames are the features beside metadata.version, as Feature.PRODUCTION_FEATURES; featureLatest their highest
// levels.
var (
	featureNames = [6]string{
		"kraft.version", "transaction.version", "group.version", "eligible.leader.replicas.version",
		"share.version", "streams.version",
	}
	featureLatest = [6]int16{1, 2, 1, 1, 1, 1}
)

var metadataVersions = []metadataVersion{
	{"3.3-IV3", 7, true, [6]int16{}},
	{"3.4-IV0", 8, true, [6]int16{}},
	{"3.5-IV0", 9, true, [6]int16{}},
	{"3.5-IV1", 10, true, [6]int16{}},
	{"3.5-IV2", 11, true, [6]int16{}},
	{"3.6-IV0", 12, true, [6]int16{}},
	{"3.6-IV1", 13, true, [6]int16{}},
	{"3.6-IV2", 14, true, [6]int16{}},
	{"3.7-IV0", 15, true, [6]int16{}},
	{"3.7-IV1", 16, true, [6]int16{}},
	{"3.7-IV2", 17, true, [6]int16{}},
	{"3.7-IV3", 18, true, [6]int16{}},
	{"3.7-IV4", 19, true, [6]int16{}},
	{"3.8-IV0", 20, true, [6]int16{}},
	{"3.9-IV0", 21, true, [6]int16{1}},
	{"4.0-IV0", 22, true, [6]int16{1, 0, 1}},
	{"4.0-IV1", 23, true, [6]int16{1, 0, 1}},
	{"4.0-IV2", 24, true, [6]int16{1, 2, 1}},
	{"4.0-IV3", 25, true, [6]int16{1, 2, 1}},
	{"4.1-IV0", 26, true, [6]int16{1, 2, 1, 1}},
	{"4.1-IV1", 27, true, [6]int16{1, 2, 1, 1}},
	{"4.2-IV0", 28, true, [6]int16{1, 2, 1, 1, 1}},
	{"4.2-IV1", 29, true, [6]int16{1, 2, 1, 1, 1, 1}},
	{"4.3-IV0", 30, true, [6]int16{1, 2, 1, 1, 1, 1}},
	{"4.4-IV0", 31, false, [6]int16{1, 2, 1, 1, 1, 1}},
}

// latestMetadataVersion is the highest stable one.
func latestMetadataVersion() metadataVersion { return metadataVersions[len(metadataVersions)-2] }

// parseMetadataVersion reads a release ("4.1" means its last level) or a level's name, as
// MetadataVersion.fromVersionString.
func parseMetadataVersion(text string, unstable bool) (metadataVersion, error) {
	key := text
	if parts := strings.Split(text, "."); len(parts) > 2 { // "3.7.1" is of the release 3.7
		key = parts[0] + "." + parts[1]
	}
	var names []string
	var found *metadataVersion
	for i := range metadataVersions {
		v := &metadataVersions[i]
		if !v.stable && !unstable {
			continue
		}
		names = append(names, v.name)
		if release, _, _ := strings.Cut(v.name, "-"); v.name == key || release == key {
			found = v
		}
	}
	if found == nil {
		return metadataVersion{}, fmt.Errorf("Unknown metadata.version '%s'. Supported metadata.version are: %s", text, strings.Join(names, ", ")) //nolint:staticcheck // Kafka's words
	}
	return *found, nil
}

func metadataVersionOf(level int16) (metadataVersion, bool) {
	i := slices.IndexFunc(metadataVersions, func(v metadataVersion) bool { return v.level == level })
	if i < 0 {
		return metadataVersion{}, false
	}
	return metadataVersions[i], true
}
