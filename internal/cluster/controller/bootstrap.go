package controller

import (
	"fmt"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// Bootstrap gives the first records of a new cluster: its features, one
// min.insync.replicas for all if ELRs are used (ActivationRecordsGenerator),
// and what its format asked for, such as SCRAM credentials. Nil features stand
// for metadata.InitialFeatures.
func (c *Controller) Bootstrap(features []metadata.Feature, more ...metadata.Record) []metadata.Record {
	if features == nil {
		features = metadata.InitialFeatures()
	}
	var out []metadata.Record
	elr := false
	for _, f := range features {
		if f.Name == metadata.FeatureKRaftVersion || f.Level == 0 {
			continue
		}
		out = append(out, &metadata.FeatureLevelRecord{Name: f.Name, FeatureLevel: f.Level})
		elr = elr || f.Name == metadata.FeatureELRVersion
	}
	out = append(out, more...)
	if elr {
		value := fmt.Sprint(c.cfg.MinInSyncReplicas)
		out = append(out, configRecord(clusterDefault, configMinISR, &value))
	}
	return out
}
