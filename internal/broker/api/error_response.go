package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// failure is an error as responses tell it: its code, and its message where
// they have room for one.
type failure struct {
	code    int16
	message *string
}

// errorResponse answers a request as a whole with one error, in the place where
// its response has room for it: at the top, or at each item that was asked for
// (AbstractRequest.getErrorResponse). It knows the requests that change
// something.
func errorResponse(req kmsg.Request, f failure) kmsg.Response {
	switch r := req.(type) {
	case *kmsg.CreateTopicsRequest:
		return createTopicsError(r, f)
	case *kmsg.DeleteTopicsRequest:
		return deleteTopicsError(r, f)
	case *kmsg.CreatePartitionsRequest:
		resp := kmsg.NewPtrCreatePartitionsResponse()
		for _, t := range r.Topics {
			resp.Topics = append(resp.Topics, kmsg.CreatePartitionsResponseTopic{Topic: t.Topic, ErrorCode: f.code, ErrorMessage: f.message})
		}
		return resp
	case *kmsg.AlterConfigsRequest:
		resp := kmsg.NewPtrAlterConfigsResponse()
		for _, x := range r.Resources {
			resp.Resources = append(resp.Resources, kmsg.AlterConfigsResponseResource{
				ErrorCode: f.code, ErrorMessage: f.message, ResourceType: x.ResourceType, ResourceName: x.ResourceName,
			})
		}
		return resp
	case *kmsg.IncrementalAlterConfigsRequest:
		resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
		for _, x := range r.Resources {
			resp.Resources = append(resp.Resources, kmsg.IncrementalAlterConfigsResponseResource{
				ErrorCode: f.code, ErrorMessage: f.message, ResourceType: x.ResourceType, ResourceName: x.ResourceName,
			})
		}
		return resp
	case *kmsg.AlterReplicaLogDirsRequest:
		return alterReplicaLogDirsError(r, f)
	case *kmsg.OffsetCommitRequest:
		return offsetCommitError(r, f)
	case *kmsg.DeleteGroupsRequest:
		resp := kmsg.NewPtrDeleteGroupsResponse()
		for _, g := range r.Groups {
			resp.Groups = append(resp.Groups, kmsg.DeleteGroupsResponseGroup{Group: g, ErrorCode: f.code})
		}
		return resp
	}
	return topLevelError(req, f)
}

func createTopicsError(r *kmsg.CreateTopicsRequest, f failure) kmsg.Response {
	resp := kmsg.NewPtrCreateTopicsResponse()
	for _, t := range r.Topics {
		e := kmsg.NewCreateTopicsResponseTopic()
		e.Topic, e.ErrorCode, e.ErrorMessage = t.Topic, f.code, f.message
		resp.Topics = append(resp.Topics, e)
	}
	return resp
}

func deleteTopicsError(r *kmsg.DeleteTopicsRequest, f failure) kmsg.Response {
	resp := kmsg.NewPtrDeleteTopicsResponse()
	for i := range r.TopicNames {
		resp.Topics = append(resp.Topics, kmsg.DeleteTopicsResponseTopic{Topic: &r.TopicNames[i], ErrorCode: f.code, ErrorMessage: f.message})
	}
	for _, t := range r.Topics {
		resp.Topics = append(resp.Topics, kmsg.DeleteTopicsResponseTopic{Topic: t.Topic, TopicID: t.TopicID, ErrorCode: f.code, ErrorMessage: f.message})
	}
	return resp
}

func alterReplicaLogDirsError(r *kmsg.AlterReplicaLogDirsRequest, f failure) kmsg.Response {
	resp := kmsg.NewPtrAlterReplicaLogDirsResponse()
	for _, dir := range r.Dirs {
		for _, t := range dir.Topics {
			answer := kmsg.AlterReplicaLogDirsResponseTopic{Topic: t.Topic}
			for _, i := range t.Partitions {
				answer.Partitions = append(answer.Partitions, kmsg.AlterReplicaLogDirsResponseTopicPartition{Partition: i, ErrorCode: f.code})
			}
			resp.Topics = append(resp.Topics, answer)
		}
	}
	return resp
}

func offsetCommitError(r *kmsg.OffsetCommitRequest, f failure) kmsg.Response {
	resp := kmsg.NewPtrOffsetCommitResponse()
	for _, t := range r.Topics {
		answer := kmsg.NewOffsetCommitResponseTopic()
		answer.Topic, answer.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			answer.Partitions = append(answer.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: f.code})
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return resp
}

// topLevelError is for responses with an error code of their own.
func topLevelError(req kmsg.Request, f failure) kmsg.Response {
	resp := req.ResponseKind()
	switch r := resp.(type) {
	case *kmsg.UpdateFeaturesResponse:
		r.ErrorCode, r.ErrorMessage = f.code, f.message
	case *kmsg.ElectLeadersResponse:
		r.ErrorCode = f.code
	case *kmsg.AlterPartitionAssignmentsResponse:
		r.ErrorCode, r.ErrorMessage = f.code, f.message
	case *kmsg.ListPartitionReassignmentsResponse:
		r.ErrorCode, r.ErrorMessage = f.code, f.message
	case *kmsg.UnregisterBrokerResponse:
		r.ErrorCode, r.ErrorMessage = f.code, f.message
	case *kmsg.AlterPartitionResponse:
		r.ErrorCode = f.code
	case *kmsg.ControllerRegistrationResponse:
		r.ErrorCode, r.ErrorMessage = f.code, f.message
	case *kmsg.AssignReplicasToDirsResponse:
		r.ErrorCode = f.code
	case *kmsg.BrokerRegistrationResponse:
		r.ErrorCode = f.code
	case *kmsg.BrokerHeartbeatResponse:
		r.ErrorCode = f.code
	case *kmsg.AllocateProducerIDsResponse:
		r.ErrorCode = f.code
	}
	memberError(resp, f.code)
	return resp
}

// memberError is topLevelError for what members of groups, and producers, ask.
func memberError(resp kmsg.Response, code int16) {
	switch r := resp.(type) {
	case *kmsg.JoinGroupResponse:
		r.ErrorCode, r.Generation = code, -1
	case *kmsg.SyncGroupResponse:
		r.ErrorCode = code
	case *kmsg.HeartbeatResponse:
		r.ErrorCode = code
	case *kmsg.LeaveGroupResponse:
		r.ErrorCode = code
	case *kmsg.OffsetDeleteResponse:
		r.ErrorCode = code
	case *kmsg.InitProducerIDResponse:
		r.ErrorCode, r.ProducerID, r.ProducerEpoch = code, -1, -1
	}
}
