// Package controller decides what changes in the cluster's metadata: who leads
// a partition, where replicas go, which broker is fenced, what an admin's
// request does. It is a pure core: a decision is a function of the metadata
// image, the request, the time and a source of random numbers that the caller
// gives, and its effects are metadata records and a reply. The package proposes,
// stores and sends nothing. It is Kafka's QuorumController with its managers
// (ReplicationControlManager, ClusterControlManager and so on).
package controller
