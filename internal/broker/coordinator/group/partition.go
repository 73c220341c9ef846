package group

import "github.com/headrace/headrace/internal/broker/coordinator/shard"

// PartitionFor is the partition of __consumer_offsets, of count partitions,
// that keeps a group (Kafka's GroupCoordinatorService.partitionFor). count must
// be positive.
func PartitionFor(groupID string, count int32) int32 { return shard.PartitionFor(groupID, count) }

// utf16Len is the length of s as Java counts it.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x10000 {
			n++
		}
	}
	return n
}
