package controller

import (
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxUserRecords is the most records that one admin's request may lead to
// (QuorumController.MAX_RECORDS_PER_USER_OP).
const maxUserRecords = 10_000

// row is one API of the controller.
type row struct {
	key int16
	// needs is the operation on the cluster that the requester must be allowed;
	// 0 leaves authorization to the handler, which knows the resources.
	needs kmsg.ACLOperation
	// maxRecords bounds the decision; 0 does not.
	maxRecords int
	// decide fills the response and emits records. An error is for the request
	// as a whole: refuse then fills the response, and the records are dropped.
	decide func(c *Controller, x *exchange, req kmsg.Request, resp kmsg.Response) error
	refuse func(req kmsg.Request, resp kmsg.Response, f *fault)
}

const (
	anybody       kmsg.ACLOperation = 0
	clusterAction                   = kmsg.ACLOperationClusterAction
	alterCluster                    = kmsg.ACLOperationAlter
)

// table has a row for each API that changes metadata, or that only the
// controller can answer, sorted by key.
var table = [...]row{
	api(19, anybody, maxUserRecords, (*Controller).createTopics, refuseCreateTopics),
	api(20, anybody, maxUserRecords, (*Controller).deleteTopics, refuseDeleteTopics),
	api(33, anybody, maxUserRecords, (*Controller).alterConfigs, refuseAlterConfigs),
	api(37, anybody, maxUserRecords, (*Controller).createPartitions, refuseCreatePartitions),
	api(43, alterCluster, maxUserRecords, (*Controller).electLeaders, refuseElectLeaders),
	api(44, anybody, maxUserRecords, (*Controller).incrementalAlterConfigs, refuseIncrementalAlterConfigs),
	api(45, alterCluster, maxUserRecords, (*Controller).alterReassignments, refuseAlterReassignments),
	api(46, kmsg.ACLOperationDescribe, 0, (*Controller).listReassignments, refuseListReassignments),
	api(56, clusterAction, 0, (*Controller).alterPartition, refuseAlterPartition),
	api(57, alterCluster, maxUserRecords, (*Controller).updateFeatures, refuseUpdateFeatures),
	api(62, clusterAction, 0, (*Controller).registerBroker, refuseRegisterBroker),
	api(63, clusterAction, 0, (*Controller).brokerHeartbeat, refuseBrokerHeartbeat),
	api(64, alterCluster, 0, (*Controller).unregisterBroker, refuseUnregisterBroker),
	api(67, clusterAction, 0, (*Controller).allocateProducerIDs, refuseAllocateProducerIDs),
	api(70, clusterAction, 0, (*Controller).registerController, refuseRegisterController),
	api(73, clusterAction, 0, (*Controller).assignReplicasToDirs, refuseAssignReplicasToDirs),
}

// api makes a row of functions with the types of one API.
func api[Req kmsg.Request, Resp kmsg.Response](
	key int16, needs kmsg.ACLOperation, maxRecords int,
	decide func(*Controller, *exchange, Req, Resp) error, refuse func(Req, Resp, *fault),
) row {
	return row{
		key: key, needs: needs, maxRecords: maxRecords,
		decide: func(c *Controller, x *exchange, req kmsg.Request, resp kmsg.Response) error {
			return decide(c, x, req.(Req), resp.(Resp))
		},
		refuse: func(req kmsg.Request, resp kmsg.Response, f *fault) { refuse(req.(Req), resp.(Resp), f) },
	}
}

func rowOf(key int16) *row {
	i, ok := slices.BinarySearchFunc(table[:], key, func(r row, k int16) int { return int(r.key) - int(k) })
	if !ok {
		return nil
	}
	return &table[i]
}

// run decides about a request that has this row.
func (r *row) run(c *Controller, x *exchange, req kmsg.Request) Decision {
	reply := func() kmsg.Response {
		resp := req.ResponseKind()
		resp.SetVersion(req.GetVersion())
		return resp
	}
	var err error
	resp := reply()
	if r.needs != anybody && !x.clusterAllowed(r.needs) {
		err = &fault{kind: kerr.ClusterAuthorizationFailed}
	} else if err = r.decide(c, x, req, resp); err == nil && r.maxRecords > 0 && len(x.out) > r.maxRecords {
		err = faultf(kerr.PolicyViolation, "Unable to perform excessively large batch operation.")
	}
	if err == nil {
		return Decision{Records: x.out, Reply: resp}
	}
	var f *fault
	if !errors.As(err, &f) {
		f = asFault(err, kerr.UnknownServerError)
	}
	resp = reply()
	r.refuse(req, resp, f)
	return Decision{Reply: resp}
}
