package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errorResponse answers a forwarded request as a whole with one error, in the
// place where its response has room for it: at the top, or at each item that
// was asked for (AbstractRequest.getErrorResponse).
func errorResponse(req kmsg.Request, code int16) kmsg.Response {
	switch r := req.(type) {
	case *kmsg.CreateTopicsRequest:
		return createTopicsError(r, code)
	case *kmsg.DeleteTopicsRequest:
		return deleteTopicsError(r, code)
	case *kmsg.CreatePartitionsRequest:
		resp := kmsg.NewPtrCreatePartitionsResponse()
		for _, t := range r.Topics {
			resp.Topics = append(resp.Topics, kmsg.CreatePartitionsResponseTopic{Topic: t.Topic, ErrorCode: code})
		}
		return resp
	case *kmsg.AlterConfigsRequest:
		resp := kmsg.NewPtrAlterConfigsResponse()
		for _, x := range r.Resources {
			resp.Resources = append(resp.Resources, kmsg.AlterConfigsResponseResource{ErrorCode: code, ResourceType: x.ResourceType, ResourceName: x.ResourceName})
		}
		return resp
	case *kmsg.IncrementalAlterConfigsRequest:
		resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
		for _, x := range r.Resources {
			resp.Resources = append(resp.Resources, kmsg.IncrementalAlterConfigsResponseResource{ErrorCode: code, ResourceType: x.ResourceType, ResourceName: x.ResourceName})
		}
		return resp
	}
	return topLevelError(req, code)
}

func createTopicsError(r *kmsg.CreateTopicsRequest, code int16) kmsg.Response {
	resp := kmsg.NewPtrCreateTopicsResponse()
	for _, t := range r.Topics {
		e := kmsg.NewCreateTopicsResponseTopic()
		e.Topic, e.ErrorCode = t.Topic, code
		resp.Topics = append(resp.Topics, e)
	}
	return resp
}

func deleteTopicsError(r *kmsg.DeleteTopicsRequest, code int16) kmsg.Response {
	resp := kmsg.NewPtrDeleteTopicsResponse()
	for i := range r.TopicNames {
		resp.Topics = append(resp.Topics, kmsg.DeleteTopicsResponseTopic{Topic: &r.TopicNames[i], ErrorCode: code})
	}
	for _, t := range r.Topics {
		resp.Topics = append(resp.Topics, kmsg.DeleteTopicsResponseTopic{Topic: t.Topic, TopicID: t.TopicID, ErrorCode: code})
	}
	return resp
}

// topLevelError is for responses with an error code of their own.
func topLevelError(req kmsg.Request, code int16) kmsg.Response {
	resp := req.ResponseKind()
	switch r := resp.(type) {
	case *kmsg.UpdateFeaturesResponse:
		r.ErrorCode = code
	case *kmsg.ElectLeadersResponse:
		r.ErrorCode = code
	case *kmsg.AlterPartitionAssignmentsResponse:
		r.ErrorCode = code
	case *kmsg.ListPartitionReassignmentsResponse:
		r.ErrorCode = code
	case *kmsg.UnregisterBrokerResponse:
		r.ErrorCode = code
	case *kmsg.AlterPartitionResponse:
		r.ErrorCode = code
	case *kmsg.ControllerRegistrationResponse:
		r.ErrorCode = code
	case *kmsg.AssignReplicasToDirsResponse:
		r.ErrorCode = code
	case *kmsg.BrokerRegistrationResponse:
		r.ErrorCode = code
	case *kmsg.BrokerHeartbeatResponse:
		r.ErrorCode = code
	case *kmsg.AllocateProducerIDsResponse:
		r.ErrorCode = code
	}
	return resp
}
