package groups

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// Delete deletes groups and returns what became of each: nil, or why it stays.
func (a *Admin) Delete(ctx context.Context, groups []string) map[string]error {
	out := map[string]error{}
	for _, g := range groups {
		out[g] = a.call(ctx, "deleteConsumerGroups(api=FIND_COORDINATOR)", func(ctx context.Context) error {
			req := kmsg.NewPtrDeleteGroupsRequest()
			req.Groups = []string{g}
			resp, err := request[*kmsg.DeleteGroupsResponse](ctx, a, req)
			if err != nil {
				return err
			}
			for _, r := range resp.Groups {
				return javaerr.Coded(r.ErrorCode, "")
			}
			return nil
		})
	}
	return out
}

// DeleteOffsets forgets the offsets of partitions. The error is for the group as a whole; the map says of each
// partition nil or why its offset stays.
func (a *Admin) DeleteOffsets(ctx context.Context, group string, of []Partition) (map[Partition]error, error) {
	out := map[Partition]error{}
	err := a.call(ctx, "offsetDelete(api=FIND_COORDINATOR)", func(ctx context.Context) error {
		req := kmsg.NewPtrOffsetDeleteRequest()
		req.Group = group
		for _, t := range byTopic(of) {
			topic := kmsg.NewOffsetDeleteRequestTopic()
			topic.Topic = t.name
			for _, id := range t.ids {
				p := kmsg.NewOffsetDeleteRequestTopicPartition()
				p.Partition = id
				topic.Partitions = append(topic.Partitions, p)
			}
			req.Topics = append(req.Topics, topic)
		}
		resp, err := request[*kmsg.OffsetDeleteResponse](ctx, a, req)
		if err != nil {
			return err
		}
		if err := javaerr.Coded(resp.ErrorCode, ""); err != nil {
			return err
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				out[Partition{t.Topic, p.Partition}] = javaerr.Coded(p.ErrorCode, "")
			}
		}
		return nil
	})
	return out, err
}
