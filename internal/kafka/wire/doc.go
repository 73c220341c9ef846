// Package wire holds what Kafka's protocol says about frames: the table of API
// keys and versions, request and response headers, the codes of errors, and
// hand-written decoders and encoders for the two requests that carry records.
// All other messages are those of kmsg. The package has no state and starts
// nothing.
//
// Decoders return views on the frame that they were given and copy nothing:
// what they return is valid as long as the frame is. They take every byte for
// hostile: lengths are checked against the bytes that remain before they are
// used, and nothing is allocated for what a length declares.
package wire
