package record

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
)

// One returns the one batch that a partition of a Produce request may hold, as
// a view on p. Errors are *InvalidError with the code that Kafka's
// ProduceRequest and ByteBufferLogInputStream lead to: INVALID_RECORD for a null
// or empty set, an old magic, a set that ends within the batch or has a second
// one; CORRUPT_MESSAGE for what can be no batch. An incomplete second batch is
// ignored.
func One(p []byte) (Batch, error) {
	if len(p) <= posMagic {
		return nil, invalid(kerr.InvalidRecord, "The request holds no record batch for the partition.")
	}
	length := int32(binary.BigEndian.Uint32(p[posLength:]))
	magic := int8(p[posMagic])
	switch {
	case length < legacyOverhead || length > math.MaxInt32-LogOverhead:
		return nil, invalid(kerr.CorruptMessage, "The record batch has an impossible length.")
	case magic < 0 || magic > Magic:
		return nil, invalid(kerr.CorruptMessage, "The record batch has an unknown magic.")
	case magic < Magic:
		return nil, invalid(kerr.InvalidRecord, "Record batches before magic 2 are not accepted.")
	}
	b, rest, err := Next(p)
	switch {
	case errors.Is(err, ErrShort):
		return nil, invalid(kerr.InvalidRecord, "The record batch is not whole.")
	case err != nil:
		return nil, invalid(kerr.CorruptMessage, "The record batch is shorter than its header.")
	}
	if _, _, err := Next(rest); err == nil {
		return nil, invalid(kerr.InvalidRecord, "The request holds more than one record batch for the partition.")
	}
	return b, nil
}

// legacyOverhead is the least length that a message of magic 0 has.
const legacyOverhead = 14

// InvalidError says why a batch was refused.
type InvalidError struct {
	// Code is Kafka's; errors.As finds it.
	Code *kerr.Error
	// Message is for the client.
	Message string
	// Records names the records at fault, at most maxRecordErrors; it is empty
	// where the whole batch is at fault.
	Records []RecordError
}

// RecordError says why a record was refused (KIP-467).
type RecordError struct {
	Index   int32 // in the batch, from 0
	Message string
}

// maxRecordErrors bounds the list of records at fault, and so what a refused
// batch costs.
const maxRecordErrors = 100

// Error implements error.
func (e *InvalidError) Error() string { return e.Code.Message + ": " + e.Message }

// Unwrap returns the code.
func (e *InvalidError) Unwrap() error { return e.Code }

// ClientMessage returns what the response tells the client.
func (e *InvalidError) ClientMessage() string { return e.Message }

func invalid(code *kerr.Error, message string) error {
	return &InvalidError{Code: code, Message: message}
}
