package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// deletion is what one DeleteTopics request is about, as it is sorted out.
type deletion struct {
	x       *exchange
	resp    *kmsg.DeleteTopicsResponse
	anyone  bool // may delete every topic
	deleted map[metadata.TopicID]bool
}

// deleteTopics deletes topics by name or id (ControllerApis.deleteTopics).
func (c *Controller) deleteTopics(x *exchange, req *kmsg.DeleteTopicsRequest, resp *kmsg.DeleteTopicsResponse) error {
	if c.cfg.DeleteTopicDisabled {
		if req.Version < 3 {
			return faultf(kerr.InvalidRequest, "This version does not support topic deletion.")
		}
		return &fault{kind: kerr.TopicDeletionDisabled}
	}
	d := &deletion{
		x: x, resp: resp, deleted: map[metadata.TopicID]bool{},
		anyone: x.clusterAllowed(kmsg.ACLOperationDelete),
	}
	names, ids := d.sortOut(req)
	for _, id := range once(ids) {
		if id.times > 1 {
			d.answer(nil, id.value, faultf(kerr.InvalidRequest, "Duplicate topic id."))
			d.deleted[id.value] = true
			continue
		}
		d.byID(id.value)
	}
	for _, name := range once(names) {
		if name.times > 1 {
			d.answer(&name.value, metadata.TopicID{}, faultf(kerr.InvalidRequest, "Duplicate topic name."))
			continue
		}
		d.byName(name.value)
	}
	// Positions must not tell which topics exist from which one may not see.
	x.rnd.Shuffle(len(resp.Topics), func(i, j int) { resp.Topics[i], resp.Topics[j] = resp.Topics[j], resp.Topics[i] })
	return nil
}

func refuseDeleteTopics(req *kmsg.DeleteTopicsRequest, resp *kmsg.DeleteTopicsResponse, f *fault) {
	for _, name := range req.TopicNames {
		resp.Topics = append(resp.Topics, deletedTopic(&name, metadata.TopicID{}, f))
	}
	for _, t := range req.Topics {
		resp.Topics = append(resp.Topics, deletedTopic(t.Topic, t.TopicID, f))
	}
}

func deletedTopic(name *string, id metadata.TopicID, f *fault) kmsg.DeleteTopicsResponseTopic {
	t := kmsg.NewDeleteTopicsResponseTopic()
	t.Topic, t.TopicID = name, id
	f.fill(&t.ErrorCode, &t.ErrorMessage)
	return t
}

func (d *deletion) answer(name *string, id metadata.TopicID, f *fault) {
	d.resp.Topics = append(d.resp.Topics, deletedTopic(name, id, f))
}

// sortOut gives the names and the ids that the request means, and answers what
// means neither.
func (d *deletion) sortOut(req *kmsg.DeleteTopicsRequest) (names []string, ids []metadata.TopicID) {
	names = append(names, req.TopicNames...)
	for _, t := range req.Topics {
		id := metadata.TopicID(t.TopicID)
		switch {
		case t.Topic == nil && id.IsZero():
			d.answer(nil, id, faultf(kerr.InvalidRequest, "Neither topic name nor id were specified."))
		case t.Topic == nil:
			ids = append(ids, id)
		case id.IsZero():
			names = append(names, *t.Topic)
		default:
			d.answer(t.Topic, id, faultf(kerr.InvalidRequest, "You may not specify both topic name and topic id."))
		}
	}
	return names, ids
}

func (d *deletion) allowed(op kmsg.ACLOperation, name string) bool {
	return d.anyone || d.x.allowed(op, kmsg.ACLResourceTypeTopic, name)
}

func (d *deletion) byID(id metadata.TopicID) {
	t := d.x.img.TopicByID(id)
	switch {
	case t == nil:
		d.answer(nil, id, general(kerr.UnknownTopicID))
	case !d.allowed(kmsg.ACLOperationDelete, t.Name):
		name := &t.Name
		if !d.allowed(kmsg.ACLOperationDescribe, t.Name) {
			name = nil
		}
		d.answer(name, id, general(kerr.TopicAuthorizationFailed))
	default:
		d.remove(t)
	}
}

func (d *deletion) byName(name string) {
	t := d.x.img.Topic(name)
	switch {
	case !d.allowed(kmsg.ACLOperationDescribe, name):
		d.answer(&name, metadata.TopicID{}, general(kerr.TopicAuthorizationFailed))
	case t == nil:
		d.answer(&name, metadata.TopicID{}, general(kerr.UnknownTopicOrPartition))
	case !d.allowed(kmsg.ACLOperationDelete, name):
		d.answer(&name, metadata.TopicID{}, general(kerr.TopicAuthorizationFailed))
	case d.deleted[t.ID]:
		d.retract(t)
	default:
		d.remove(t)
	}
}

func (d *deletion) remove(t *metadata.Topic) {
	d.deleted[t.ID] = true
	d.x.emit(&metadata.RemoveTopicRecord{TopicID: t.ID})
	d.answer(&t.Name, t.ID, nil)
}

// retract answers a name whose id was given too: neither counts.
func (d *deletion) retract(t *metadata.Topic) {
	kept := d.x.out[:0]
	for _, r := range d.x.out {
		if r.(*metadata.RemoveTopicRecord).TopicID != t.ID {
			kept = append(kept, r)
		}
	}
	d.x.out = kept
	answers := d.resp.Topics[:0]
	for _, a := range d.resp.Topics {
		if a.TopicID != t.ID || a.ErrorCode != 0 {
			answers = append(answers, a)
		}
	}
	d.resp.Topics = answers
	d.answer(&t.Name, t.ID, faultf(kerr.InvalidRequest, "The provided topic name maps to an ID that was already supplied."))
}

// counted is a value, where it was given first, and how often.
type counted[T comparable] struct {
	value T
	first int
	times int
}

// once gives each value of a list once, in the order of its first appearance.
func once[T comparable](list []T) []counted[T] {
	var out []counted[T]
	at := map[T]int{}
	for i, v := range list {
		j, ok := at[v]
		if !ok {
			j = len(out)
			at[v] = j
			out = append(out, counted[T]{value: v, first: i})
		}
		out[j].times++
	}
	return out
}
