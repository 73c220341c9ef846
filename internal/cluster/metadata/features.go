package metadata

import "slices"

// featureRow says what is known of one feature of Apache Kafka 4.3.
type featureRow struct {
	FeatureRange
	// initial is the level that a new cluster starts with (Feature.defaultLevel
	// at metadata.version 4.3-IV0); 0 is none.
	initial int16
}

// Levels of metadata.version (MetadataVersion) that decide something here.
const (
	MetadataVersion33IV3 int16 = 7  // the lowest that is supported
	MetadataVersion40IV1 int16 = 23 // eligible leader replicas
	MetadataVersion43IV0 int16 = 30 // cordoned log directories; the highest that is released
	MetadataVersion44IV0 int16 = 31
)

// features has a row for each feature, sorted by name.
var features = [...]featureRow{
	{FeatureRange{FeatureELRVersion, 0, 1}, 1},
	{FeatureRange{FeatureGroupVersion, 0, 1}, 1},
	{FeatureRange{FeatureKRaftVersion, 0, 1}, 0},
	{FeatureRange{FeatureMetadataVersion, MetadataVersion33IV3, MetadataVersion43IV0}, MetadataVersion43IV0},
	{FeatureRange{FeatureShareVersion, 0, 1}, 1},
	{FeatureRange{FeatureStreamsVersion, 0, 1}, 1},
	{FeatureRange{FeatureTransactionVersion, 0, 2}, 2},
}

// SupportedFeatures gives the ranges of levels that this software supports, by
// name. The caller owns the slice.
func SupportedFeatures() []FeatureRange {
	out := make([]FeatureRange, 0, len(features))
	for _, f := range features {
		out = append(out, f.FeatureRange)
	}
	return out
}

// KnownFeature tells whether this software knows a feature by that name.
func KnownFeature(name string) bool {
	return slices.ContainsFunc(features[:], func(f featureRow) bool { return f.Name == name })
}

// UnstableFeatures gives the ranges with the levels that Kafka 4.3 has not
// released yet (unstable.feature.versions.enable), by name. They mean nothing
// here beyond their numbers. The caller owns the slice.
func UnstableFeatures() []FeatureRange {
	out := SupportedFeatures()
	for i := range out {
		if out[i].Name == FeatureMetadataVersion {
			out[i].Max = MetadataVersion44IV0
		}
	}
	return out
}

// InitialFeatures gives the features that a new cluster finalizes, at the levels
// of Kafka 4.3's format, by name. The caller owns the slice.
func InitialFeatures() []Feature {
	var out []Feature
	for _, f := range features {
		if f.initial > 0 {
			out = append(out, Feature{f.Name, f.initial})
		}
	}
	return out
}
