package admin

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// Feature is one that a node supports, in these levels.
type Feature struct {
	Name      string
	Min, Max  int16
	Finalized int16 // the cluster's level; 0: none
}

// Features asks a node which features it and the cluster have, by name. Node is its id, nil for any. Epoch is -1 when
// the node knows of none.
func (a *Admin) Features(ctx context.Context, node *int32) (features []Feature, epoch int64, err error) {
	var send kmsg.Requestor
	ask := call[*kmsg.ApiVersionsResponse]
	if node != nil {
		var done func()
		if send, done, err = a.node(ctx, *node, "describeFeatures"); err != nil {
			return nil, 0, err
		}
		defer done()
		ask = exchange[*kmsg.ApiVersionsResponse]
	}
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "headrace", "0"
	resp, err := ask(ctx, a, "describeFeatures", send, req)
	if err != nil {
		return nil, 0, err
	}
	if err := javaerr.Coded(resp.ErrorCode, ""); err != nil {
		return nil, 0, err
	}
	byName := map[string]Feature{}
	for _, s := range resp.SupportedFeatures {
		byName[s.Name] = Feature{Name: s.Name, Min: s.MinVersion, Max: s.MaxVersion}
	}
	for _, f := range resp.FinalizedFeatures {
		if known, ok := byName[f.Name]; ok {
			known.Finalized = f.MaxVersionLevel
			byName[f.Name] = known
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		features = append(features, byName[name])
	}
	return features, resp.FinalizedFeaturesEpoch, nil
}

// The ways to change a feature's level, as on the wire.
const (
	Upgrade         = 1
	SafeDowngrade   = 2
	UnsafeDowngrade = 3
)

// FeatureUpdate is a level that a feature is to have.
type FeatureUpdate struct {
	Name  string
	Level int16
	Kind  int8 // Upgrade, SafeDowngrade or UnsafeDowngrade
}

// UpdateFeatures changes levels, all or none; with dryRun it only tries. It returns what each update fails with, nil for
// those that worked, in their order.
func (a *Admin) UpdateFeatures(ctx context.Context, updates []FeatureUpdate, dryRun bool) []error {
	failed := make([]error, len(updates))
	all := func(err error) []error {
		for i := range failed {
			failed[i] = err
		}
		return failed
	}
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.ValidateOnly, req.TimeoutMillis = dryRun, int32(a.timeout.Milliseconds())
	for _, u := range updates {
		f := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		f.Feature, f.MaxVersionLevel, f.UpgradeType = u.Name, u.Level, u.Kind
		f.AllowDowngrade = u.Kind != Upgrade // all that version 0 knows
		req.FeatureUpdates = append(req.FeatureUpdates, f)
	}
	resp, err := call[*kmsg.UpdateFeaturesResponse](ctx, a, "updateFeatures", nil, req)
	if err != nil {
		return all(err)
	}
	if err := coded(resp.ErrorCode, resp.ErrorMessage); err != nil || len(resp.Results) == 0 {
		return all(err)
	}
	for i, u := range updates {
		j := slices.IndexFunc(resp.Results, func(r kmsg.UpdateFeaturesResponseResult) bool { return r.Feature == u.Name })
		if j < 0 {
			failed[i] = javaerr.New("UnknownServerException", "The controller response did not contain a result for feature %s", u.Name)
			continue
		}
		failed[i] = coded(resp.Results[j].ErrorCode, resp.Results[j].ErrorMessage)
	}
	return failed
}

// node connects to the node with an id, a controller if the client was given controllers. Done ends what was made for
// it.
func (a *Admin) node(ctx context.Context, id int32, name string) (send kmsg.Requestor, done func(), err error) {
	nodes, err := a.Nodes(ctx)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(nodes, func(n Node) bool { return n.ID == id })
	if i < 0 {
		return nil, nil, javaerr.New("TimeoutException", "Timed out waiting for a node assignment. Call: %s", name)
	}
	if !a.ofControllers() {
		return a.broker(id), func() {}, nil
	}
	cl, err := a.connectTo(ctx, nodes[i])
	if err != nil {
		return nil, nil, err
	}
	return onlyTo{cl}, cl.Close, nil
}

// onlyTo sends everything to the one node that its client was made for.
type onlyTo struct{ *kgo.Client }

// Request implements kmsg.Requestor.
func (o onlyTo) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	return o.SeedBrokers()[0].Request(ctx, req)
}
