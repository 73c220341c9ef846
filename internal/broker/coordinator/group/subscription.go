package group

import "encoding/binary"

// subscriptions is the union of what the members of a group of consumers
// subscribe to; nil if the coordinator cannot know (another protocol type, or
// bytes that are no subscription). A group without members subscribes to
// nothing, which is not nil. As ClassicGroup.computeSubscribedTopics.
func (g *classicGroup) subscriptions() map[string]bool {
	if g.protocolType != consumerProtocolType {
		return nil
	}
	topics := map[string]bool{}
	if len(g.members) == 0 {
		return topics
	}
	if g.protocol == nil {
		return nil
	}
	for _, m := range g.members {
		if !addSubscription(topics, m.metadata(*g.protocol)) {
			return nil
		}
	}
	return topics
}

// subscribedTo says whether the group reads the topic. A group of consumers
// whose subscriptions are unknown reads everything, to be safe.
func (g *classicGroup) subscribedTo(topic string) bool {
	if g.topics == nil {
		return g.protocolType == consumerProtocolType
	}
	return g.topics[topic]
}

// addSubscription adds the topics of a ConsumerProtocolSubscription. Only the
// front part, which all versions share, is read: version, array of topics.
func addSubscription(topics map[string]bool, b []byte) bool {
	if len(b) < 6 {
		return false
	}
	if version := int16(binary.BigEndian.Uint16(b)); version < 0 {
		return false
	}
	n := int32(binary.BigEndian.Uint32(b[2:]))
	if n < 0 {
		return false
	}
	b = b[6:]
	for ; n > 0; n-- {
		if len(b) < 2 {
			return false
		}
		l := int(int16(binary.BigEndian.Uint16(b)))
		if l < 0 || len(b) < 2+l {
			return false
		}
		topics[string(b[2:2+l])] = true
		b = b[2+l:]
	}
	return true
}
