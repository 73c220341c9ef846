package controller

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// Upgrade types of UpdateFeatures (FeatureUpdate.UpgradeType).
const (
	upgrade         = 1
	safeDowngrade   = 2
	unsafeDowngrade = 3
)

// kraftVersion is the level of kraft.version. Voters are always dynamic, so it
// is fixed, and not part of the image (KIP-853).
const kraftVersion = 1

// Levels of metadata.version that changed what records mean
// (MetadataVersion.didMetadataChange): a downgrade that passes one of them
// would lose something.
var metadataChanged = [...]int16{7, 8, 11, 13, 14, 15, 17, 23, 30}

// dependsOn has the level of metadata.version that a feature needs, if it needs
// more than the lowest.
var dependsOn = [...]metadata.FeatureRange{
	{Name: metadata.FeatureELRVersion, Min: metadata.MetadataVersion40IV1},
}

func compareFeatures(a, b metadata.FeatureRange) int { return strings.Compare(a.Name, b.Name) }

// updateFeatures finalizes levels of features, all or none (KIP-584, KIP-778,
// FeatureControlManager.updateFeatures).
func (c *Controller) updateFeatures(x *exchange, req *kmsg.UpdateFeaturesRequest, resp *kmsg.UpdateFeaturesResponse) error {
	for i := range req.FeatureUpdates {
		if f := c.updateFeature(x, req, &req.FeatureUpdates[i]); f != nil {
			return f
		}
	}
	c.prepareElr(x)
	if req.ValidateOnly {
		x.out = nil
	}
	if req.Version <= 1 {
		success := "NONE"
		for _, u := range req.FeatureUpdates {
			r := kmsg.NewUpdateFeaturesResponseResult()
			// Kafka sends the name of its code for success, not null.
			r.Feature, r.ErrorMessage = u.Feature, &success
			resp.Results = append(resp.Results, r)
		}
	}
	return nil
}

func refuseUpdateFeatures(_ *kmsg.UpdateFeaturesRequest, resp *kmsg.UpdateFeaturesResponse, f *fault) {
	f.fill(&resp.ErrorCode, &resp.ErrorMessage)
	if f.kind == kerr.InvalidUpdateVersion {
		text := "The update failed for all features since the following feature had an error: " + f.text
		resp.ErrorMessage = &text
	}
}

// prepareElr gives the whole cluster one min.insync.replicas before ELRs are
// used: they are kept by it, so no broker may have its own
// (ConfigurationControlManager.maybeGenerateElrSafetyRecords).
func (c *Controller) prepareElr(x *exchange) {
	turnedOn := slices.ContainsFunc(x.out, func(r metadata.Record) bool {
		f, ok := r.(*metadata.FeatureLevelRecord)
		return ok && f.Name == metadata.FeatureELRVersion && f.FeatureLevel > 0
	})
	if !turnedOn {
		return
	}
	var records []metadata.Record
	if _, ok := x.img.Configs(clusterDefault).Get(configMinISR); !ok {
		value := fmt.Sprint(c.cfg.MinInSyncReplicas)
		records = append(records, configRecord(clusterDefault, configMinISR, &value))
	}
	for r, set := range x.img.AllConfigs() {
		if _, ok := set.Get(configMinISR); ok && r.Type == metadata.ResourceBroker && r.Name != "" {
			records = append(records, configRecord(r, configMinISR, nil))
		}
	}
	x.out = append(records, x.out...)
}

func invalidUpdate(u *kmsg.UpdateFeaturesRequestFeatureUpdate, format string, args ...any) *fault {
	return faultf(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. %s",
		u.MaxVersionLevel, u.Feature, fmt.Sprintf(format, args...))
}

func (c *Controller) updateFeature(x *exchange, req *kmsg.UpdateFeaturesRequest, u *kmsg.UpdateFeaturesRequestFeatureUpdate) *fault {
	kind := u.UpgradeType
	if req.Version == 0 {
		// Version 0 knows only whether a downgrade is allowed.
		kind = upgrade
		if u.AllowDowngrade {
			kind = safeDowngrade
		}
	}
	if kind < upgrade || kind > unsafeDowngrade {
		return invalidUpdate(u, "The controller does not support the given upgrade type.")
	}
	level := u.MaxVersionLevel
	if level < 0 {
		return invalidUpdate(u, "A feature version cannot be less than 0.")
	}
	if reason := c.unsupported(x.img, u.Feature, level); reason != "" {
		return invalidUpdate(u, "%s", reason)
	}
	current := currentLevel(x.img, u.Feature)
	switch {
	case level < current && kind == upgrade:
		return invalidUpdate(u, "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.")
	case level > current && kind != upgrade:
		return invalidUpdate(u, "Can't downgrade to a newer version.")
	}
	switch u.Feature {
	case metadata.FeatureMetadataVersion:
		if f := checkDowngrade(current, level, kind); f != nil {
			return f
		}
	case metadata.FeatureKRaftVersion:
		if level != current {
			return invalidUpdate(u, "Can't downgrade the version of this feature.")
		}
		return nil
	default:
		if !metadata.KnownFeature(u.Feature) {
			return invalidUpdate(u, "Feature %s not found.", u.Feature)
		}
		if f := checkDependency(x.img, req, u); f != nil {
			return f
		}
	}
	x.emit(&metadata.FeatureLevelRecord{Name: u.Feature, FeatureLevel: level})
	return nil
}

func currentLevel(img *metadata.Image, feature string) int16 {
	switch feature {
	case metadata.FeatureMetadataVersion:
		return metadataVersion(img)
	case metadata.FeatureKRaftVersion:
		return kraftVersion
	}
	return img.Features().Level(feature)
}

// checkDowngrade refuses a lower metadata.version if what lies between changed
// the records.
func checkDowngrade(current, level int16, kind int8) *fault {
	if level >= current || !slices.ContainsFunc(metadataChanged[:], func(v int16) bool { return level < v && v <= current }) {
		return nil
	}
	reason := "Refusing to perform the requested downgrade because it might delete metadata information."
	if kind == unsafeDowngrade {
		reason = "Unsafe metadata downgrade is not supported in this version."
	}
	return faultf(kerr.InvalidUpdateVersion, "Unsupported metadata.version downgrade from %d to %d. %s", current, level, reason)
}

// checkDependency refuses a level that needs a higher metadata.version than the
// cluster has or is given by the same request.
func checkDependency(img *metadata.Image, req *kmsg.UpdateFeaturesRequest, u *kmsg.UpdateFeaturesRequestFeatureUpdate) *fault {
	if u.MaxVersionLevel == 0 {
		return nil
	}
	version := metadataVersion(img)
	for _, other := range req.FeatureUpdates {
		if other.Feature == metadata.FeatureMetadataVersion {
			version = other.MaxVersionLevel
		}
	}
	for _, d := range dependsOn {
		if d.Name == u.Feature && version < d.Min {
			return invalidUpdate(u, "%s could not be set to %d because it depends on metadata.version level %d", d.Name, u.MaxVersionLevel, d.Min)
		}
	}
	return nil
}

// unsupported gives the reason why some node does not support a level of a
// feature, or "" (FeatureControlManager.reasonNotSupported).
func (c *Controller) unsupported(img *metadata.Image, feature string, level int16) string {
	if reason := outside(c.cfg.Features, feature, level, "Local controller", c.cfg.NodeID); reason != "" {
		return reason
	}
	for b := range img.AllBrokers() {
		if reason := outside(b.Features, feature, level, "Broker", b.ID); reason != "" {
			return reason
		}
	}
	for r := range img.AllControllers() {
		if r.ControllerID == c.cfg.NodeID {
			continue
		}
		if reason := outside(r.Features, feature, level, "Controller", r.ControllerID); reason != "" {
			return reason
		}
	}
	for _, id := range c.cfg.QuorumNodes {
		if id != c.cfg.NodeID && img.Controller(id) == nil {
			return fmt.Sprintf("controller %d has not registered, and may not support this feature", id)
		}
	}
	return ""
}

// outside tells why a node does not support a level, or "".
func outside(supported []metadata.FeatureRange, feature string, level int16, who string, id metadata.BrokerID) string {
	var r metadata.FeatureRange
	if i := slices.IndexFunc(supported, func(f metadata.FeatureRange) bool { return f.Name == feature }); i >= 0 {
		r = supported[i]
	}
	switch {
	case level >= r.Min && level <= r.Max:
		return ""
	case r.Max == 0:
		return fmt.Sprintf("%s %d does not support this feature.", who, id)
	}
	return fmt.Sprintf("%s %d only supports versions %s", who, id, versionRange(r))
}

func versionRange(r metadata.FeatureRange) string {
	if r.Min == r.Max {
		return fmt.Sprint(r.Min)
	}
	return fmt.Sprintf("%d-%d", r.Min, r.Max)
}
