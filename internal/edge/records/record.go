// Package records is a producer and a consumer that are configured with the Java clients' properties and behave as
// those clients do where a user of the console tools can see it. They speak to the broker by franz-go.
package records

// Header is one header of a record. A nil Value is null.
type Header struct {
	Key   string
	Value []byte
}

// TimestampType says who set a record's timestamp.
type TimestampType int8

// The timestamp types of Kafka's TimestampType.
const (
	NoTimestamp   TimestampType = -1
	CreateTime    TimestampType = 0
	LogAppendTime TimestampType = 1
)

// String returns Kafka's name of the type, as the console consumer prints it.
func (t TimestampType) String() string {
	switch t {
	case CreateTime:
		return "CreateTime"
	case LogAppendTime:
		return "LogAppendTime"
	}
	return "NoTimestampType"
}

// Record is a record to send or one that was received. Nil Key and Value are null, which differs from empty. The
// byte slices of a received record belong to the receiver.
type Record struct {
	Topic         string
	Partition     int32 // ignored when sent: the partitioner chooses
	Offset        int64
	Timestamp     int64 // milliseconds since 1970; ignored by Send
	TimestampType TimestampType
	Key           []byte
	Value         []byte
	Headers       []Header

	// Omitted is how many bytes more the value had when it was read, which were not kept since it is too large to be
	// sent. A Producer refuses such a record. 0: the value is whole.
	Omitted int64
}
