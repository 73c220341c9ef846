package groups

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// Listing is a group as a coordinator lists it.
type Listing struct {
	Group        string `json:"group"`
	ProtocolType string `json:"protocolType"`
	State        string `json:"state"` // "" from brokers that do not tell (before 2.6)
	Type         string `json:"type"`  // "" likewise (before 3.7)
}

// List returns the groups of consumers on all brokers, classic and new, by name. States and types narrow it; empty
// means all. As Admin.listGroups with ListGroupsOptions.forConsumerGroups.
func (a *Admin) List(ctx context.Context, states, types []string) ([]Listing, error) {
	if len(types) == 0 {
		types = []string{"Classic", "Consumer"}
	}
	out, err := a.list(ctx, states, types)
	return slices.DeleteFunc(out, func(l Listing) bool { return l.ProtocolType != "" && l.ProtocolType != "consumer" }), err
}

// ListAll returns the groups of every kind on all brokers, by name. As Admin.listGroups without options.
func (a *Admin) ListAll(ctx context.Context) ([]Listing, error) { return a.list(ctx, nil, nil) }

func (a *Admin) list(ctx context.Context, states, types []string) ([]Listing, error) {
	var out []Listing
	err := a.call(ctx, "listGroups", func(ctx context.Context) error {
		req := kmsg.NewPtrListGroupsRequest()
		req.StatesFilter, req.TypesFilter = states, types
		out = out[:0]
		for _, shard := range a.cl.RequestSharded(ctx, req) {
			if shard.Err != nil {
				return shard.Err
			}
			resp := shard.Resp.(*kmsg.ListGroupsResponse)
			if err := javaerr.Coded(resp.ErrorCode, ""); err != nil {
				return err
			}
			for _, g := range resp.Groups {
				out = append(out, Listing{g.Group, g.ProtocolType, g.GroupState, javaType(g.GroupType)})
			}
		}
		return nil
	})
	if e := javaerr.From(err); e != nil && strings.HasSuffix(e.Class, ".TimeoutException") {
		timeout := javaerr.New("TimeoutException", "Timed out waiting for a node assignment. Call: findAllBrokers")
		err = &javaerr.Exception{Class: "org.apache.kafka.common.KafkaException", Message: "Failed to find brokers to send ListGroups", Cause: timeout}
	}
	slices.SortFunc(out, func(x, y Listing) int { return strings.Compare(x.Group, y.Group) })
	return out, err
}

// javaType is the type as GroupType prints it; brokers differ in its case.
func javaType(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.ToLower(s[1:])
}
