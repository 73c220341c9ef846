package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/edge/admin"
)

const metadataVersionFeature = "metadata.version"

func (c *features) describe(ctx context.Context) error {
	var node *int32
	if c.values.Has("--node-id") {
		id := int32(c.values.Long("--node-id"))
		if id < 0 {
			return illegalArgument("Invalid node id %d: must be non-negative.", id)
		}
		node = &id
	}
	list, epoch, err := c.admin.Features(ctx, node)
	if err != nil {
		return err
	}
	if c.json {
		return c.describeJSON(list, epoch)
	}
	epochText := "-"
	if epoch >= 0 {
		epochText = strconv.FormatInt(epoch, 10)
	}
	for _, f := range list {
		c.printf("Feature: %-40s  SupportedMinVersion: %-15s  SupportedMaxVersion: %-15s  FinalizedVersionLevel: %-15s  Epoch: %s\n",
			f.Name, levelText(f.Name, f.Min), levelText(f.Name, f.Max), levelText(f.Name, f.Finalized), epochText)
	}
	return nil
}

func (c *features) describeJSON(list []admin.Feature, epoch int64) error {
	type feature struct {
		Name      string `json:"name"`
		Min       int16  `json:"supportedMinVersion"`
		Max       int16  `json:"supportedMaxVersion"`
		Finalized int16  `json:"finalizedVersionLevel"`
	}
	all := []feature{}
	for _, f := range list {
		all = append(all, feature(f))
	}
	return c.printJSON(map[string]any{"features": all, "epoch": epoch})
}

// levelText is a level as people know it.
func levelText(feature string, level int16) string {
	if feature != metadataVersionFeature {
		return strconv.Itoa(int(level))
	}
	if v, ok := metadataVersionOf(level); ok {
		return v.name
	}
	return fmt.Sprintf("UNKNOWN %d", level)
}

func (c *features) upgrade(ctx context.Context) error { return c.change(ctx, "upgrade", admin.Upgrade) }

func (c *features) downgrade(ctx context.Context) error {
	return c.change(ctx, "downgrade", c.downgradeKind())
}

func (c *features) downgradeKind() int8 {
	if c.values.Flag("--unsafe") {
		return admin.UnsafeDowngrade
	}
	return admin.SafeDowngrade
}

// change is upgrade or downgrade.
func (c *features) change(ctx context.Context, operation string, kind int8) error {
	levels := map[string]int16{}
	v := c.values
	if v.Has("--release-version") {
		if v.Has("--metadata") || v.Has("--feature") {
			return terse("Can not specify `release-version` with other feature flags.")
		}
		release, err := parseMetadataVersion(v.String("--release-version"), true)
		if err != nil {
			return terse(err.Error())
		}
		levels[metadataVersionFeature] = release.level
		for i, name := range featureNames {
			if kind != admin.Upgrade || release.defaults[i] > 0 {
				levels[name] = release.defaults[i]
			}
		}
		return c.update(ctx, operation, kind, levels)
	}
	if v.Has("--metadata") {
		c.printf(" `metadata` flag is deprecated and may be removed in a future release.\n")
		release, err := parseMetadataVersion(v.String("--metadata"), true)
		if err != nil {
			return terse(err.Error())
		}
		levels[metadataVersionFeature] = release.level
	}
	for _, word := range v.Strings("--feature") {
		name, level, err := parseFeatureLevel(word)
		if err != nil {
			return err
		}
		if _, twice := levels[name]; twice {
			return tersef("Feature %s was specified more than once.", name)
		}
		levels[name] = level
	}
	return c.update(ctx, operation, kind, levels)
}

// parseFeatureLevel reads "feature=level".
func parseFeatureLevel(word string) (name string, level int16, err error) {
	name, text, ok := strings.Cut(word, "=")
	if !ok {
		return "", 0, tersef("Can't parse feature=level string %s: equals sign not found.", word)
	}
	name, text = strings.TrimSpace(name), strings.TrimSpace(text)
	n, err := strconv.ParseInt(text, 10, 16)
	if err != nil {
		return "", 0, tersef("Can't parse feature=level string %s: unable to parse %s as a short.", word, text)
	}
	return name, int16(n), nil
}

func (c *features) disable(ctx context.Context) error {
	levels := map[string]int16{}
	for _, name := range c.values.Strings("--feature") {
		if _, twice := levels[name]; twice {
			return tersef("Feature %s was specified more than once.", name)
		}
		levels[name] = 0
	}
	return c.update(ctx, "disable", c.downgradeKind(), levels)
}

// update asks for the levels and tells, by name, what became of each.
func (c *features) update(ctx context.Context, operation string, kind int8, levels map[string]int16) error {
	if len(levels) == 0 {
		return tersef("You must specify at least one feature to %s", operation)
	}
	dryRun := c.values.Flag("--dry-run")
	var updates []admin.FeatureUpdate
	for _, name := range javaMapOrder(slices.Sorted(maps.Keys(levels)), javaMapCapacity) { // the controller tells of the first that is wrong
		if strings.TrimSpace(name) == "" {
			return illegalArgument("Provided feature can not be empty.")
		}
		updates = append(updates, admin.FeatureUpdate{Name: name, Level: levels[name], Kind: kind})
	}
	results := map[string]error{}
	for i, err := range c.admin.UpdateFeatures(ctx, updates, dryRun) {
		results[updates[i].Name] = err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failed := 0
	for _, name := range slices.Sorted(maps.Keys(results)) {
		if err := results[name]; err != nil {
			failed++
			c.printf("%s\n", refusal(dryRun, operation, name, levels[name])+messageOf(err))
			continue
		}
		c.printf("%s\n", success(dryRun, operation, name, levels[name]))
	}
	if failed > 0 {
		return tersef("%d out of %d operation(s) failed.", failed, len(levels))
	}
	return nil
}

func success(dryRun bool, operation, name string, level int16) string {
	verb := "was"
	if dryRun {
		verb = "can be"
	}
	if operation == "disable" {
		return fmt.Sprintf("%s %s disabled.", name, verb)
	}
	return fmt.Sprintf("%s %s %sd to %d.", name, verb, operation, level)
}

func refusal(dryRun bool, operation, name string, level int16) string {
	could := "Could not"
	if dryRun {
		could = "Can not"
	}
	if operation == "disable" {
		return fmt.Sprintf("%s disable %s. ", could, name)
	}
	return fmt.Sprintf("%s %s %s to %d. ", could, operation, name, level)
}

func (c *features) versionMapping(context.Context) error {
	text := latestMetadataVersion().name
	if c.values.Has("--release-version") {
		text = c.values.String("--release-version")
	}
	v, err := parseMetadataVersion(text, true)
	if err != nil {
		return terse(err.Error())
	}
	if c.json {
		levels := map[string]int16{metadataVersionFeature: v.level}
		for i, name := range featureNames {
			levels[name] = v.defaults[i]
		}
		return c.printJSON(map[string]any{"releaseVersion": v.name, "features": levels})
	}
	c.printf("%s=%d (%s)\n", metadataVersionFeature, v.level, text)
	for i, name := range featureNames {
		c.printf("%s=%d\n", name, v.defaults[i])
	}
	return nil
}

func (c *features) dependencies(context.Context) error {
	type dependent struct {
		Feature  string           `json:"feature"`
		Level    int16            `json:"level"`
		Requires map[string]int16 `json:"requires"`
	}
	all := []dependent{}
	for _, word := range c.values.Strings("--feature") {
		name, level, err := parseFeatureLevel(word)
		if err != nil {
			return err
		}
		text, requires, err := dependenciesOf(name, level)
		if err != nil {
			return err
		}
		all = append(all, dependent{name, level, requires})
		if !c.json {
			c.printf("%s", text)
		}
	}
	if c.json {
		return c.printJSON(all)
	}
	return nil
}

// dependenciesOf tells what a level of a feature needs.
func dependenciesOf(name string, level int16) (text string, requires map[string]int16, err error) {
	requires = map[string]int16{}
	if name == metadataVersionFeature {
		v, ok := metadataVersionOf(level)
		if !ok {
			return "", nil, tersef("Unknown metadata.version %d", level)
		}
		return fmt.Sprintf("%s=%d (%s) has no dependencies.\n", name, level, v.name), requires, nil
	}
	i := slices.Index(featureNames[:], name)
	switch {
	case i < 0:
		return "", nil, tersef("Unknown feature: %s", name)
	case level < 0 || level > featureLatest[i]:
		return "", nil, illegalArgument("No feature:%s with feature level %d", name, level)
	case name == "eligible.leader.replicas.version" && level == 1:
		v, ok := metadataVersionOf(23)
		if !ok {
			return "", nil, errors.New("metadata.version 23 is not known")
		}
		requires[metadataVersionFeature] = v.level
		return fmt.Sprintf("%s=%d requires:\n    %s=%d (%s)\n", name, level, metadataVersionFeature, v.level, v.name), requires, nil
	}
	return fmt.Sprintf("%s=%d has no dependencies.\n", name, level), requires, nil
}
