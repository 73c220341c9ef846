package wire

import (
	"encoding/binary"
	"errors"
)

// ErrUnknownKey says that a request names an API that does not exist.
var ErrUnknownKey = errors.New("unknown API key")

// ErrUnsupportedVersion says that a request has a version of its API that is
// not spoken. Of ApiVersions requests it is answered (see Header.Supported), of
// all others the connection ends, as in Kafka.
var ErrUnsupportedVersion = errors.New("unsupported API version")

// Header is a request's header, with ClientID as a view on the frame.
type Header struct {
	Key           *Key
	Version       int16
	CorrelationID int32
	// ClientID is nil if the client sent null. It may hold any bytes: it is
	// escaped where it is printed.
	ClientID []byte
	// Supported is false only for an ApiVersions request of an unknown version:
	// it is to be answered with UNSUPPORTED_VERSION in the body of version 0.
	Supported bool
}

// Flexible reports whether the request's version has tagged fields.
func (h *Header) Flexible() bool { return h.Key.IsFlexible(h.Version) }

// ParseHeader splits a request frame (without its length) into header and body.
// Errors are ErrMalformed, ErrUnknownKey and ErrUnsupportedVersion; they end the
// connection.
func ParseHeader(frame []byte) (h Header, body []byte, err error) {
	r := reader{p: frame}
	num := r.int16()
	h.Version = r.int16()
	h.CorrelationID = r.int32()
	if r.err != nil {
		return Header{}, nil, r.err
	}
	h.Key = KeyOf(num)
	if h.Key == nil {
		return Header{}, nil, ErrUnknownKey
	}
	low := h.Key.Min
	if num == Produce {
		low = ProduceAdvertisedMin // refused by the handler, with an answer
	}
	h.Supported = h.Version >= low && h.Version <= h.Key.Max
	if !h.Supported && num != APIVersions {
		return Header{}, nil, ErrUnsupportedVersion
	}
	h.ClientID = r.nullableString(false)
	if h.Flexible() {
		r.tags(nil)
	}
	if r.err != nil {
		return Header{}, nil, r.err
	}
	return h, r.p, nil
}

// LengthSize is the size in bytes of the length before each frame.
const LengthSize = 4

// AppendResponseHeader appends room for the frame's length and the response
// header for a request with header h. SetLength fills the length in when the
// body has been appended. An ApiVersions response never has a flexible header,
// so that a client can read it before it knows what the broker speaks
// (KIP-511).
func AppendResponseHeader(dst []byte, h *Header) []byte {
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.CorrelationID))
	if h.Flexible() && h.Key.Num != APIVersions {
		dst = append(dst, 0)
	}
	return dst
}

// SetLength writes the length of the frame that starts at frame[0]: that of
// frame itself, and of more bytes that follow from elsewhere.
func SetLength(frame []byte, more int) {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-LengthSize+more))
}

// AppendRequestHeader appends room for the frame's length and the header of a
// request of API key num. A nil clientID is null.
func AppendRequestHeader(dst []byte, k *Key, version int16, correlationID int32, clientID []byte) []byte {
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(k.Num))
	dst = binary.BigEndian.AppendUint16(dst, uint16(version))
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	if clientID == nil {
		dst = append(dst, 0xff, 0xff)
	} else {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(clientID)))
		dst = append(dst, clientID...)
	}
	if k.IsFlexible(version) {
		dst = append(dst, 0)
	}
	return dst
}

// ParseResponseHeader splits a response frame (without its length) to a request
// of that key and version into correlation id and body.
func ParseResponseHeader(frame []byte, k *Key, version int16) (correlationID int32, body []byte, err error) {
	r := reader{p: frame}
	correlationID = r.int32()
	if k.IsFlexible(version) && k.Num != APIVersions {
		r.tags(nil)
	}
	return correlationID, r.p, r.err
}
