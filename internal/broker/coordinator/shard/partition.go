package shard

import "math"

// PartitionFor is the partition of an internal topic, of count partitions, that
// keeps a key: the absolute value of Java's String.hashCode, over UTF-16 units,
// modulo count; the one value that has none counts as 0 (Kafka's Utils.abs;
// GroupCoordinatorService and TransactionStateManager.partitionFor). count must
// be positive.
func PartitionFor(key string, count int32) int32 {
	h := javaHash(key)
	if h == math.MinInt32 {
		return 0
	}
	return max(h, -h) % count
}

func javaHash(s string) int32 {
	var h int32
	for _, r := range s {
		if r >= 0x10000 {
			r -= 0x10000
			h = 31*h + (0xd800 + r>>10)
			h = 31*h + (0xdc00 + r&0x3ff)
			continue
		}
		h = 31*h + r
	}
	return h
}
