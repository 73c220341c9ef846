// Package javaerr names errors as Kafka's Java clients do. The tools print exceptions, and scripts look for their
// class names, so the commands print the same names and words for the same protocol errors.
package javaerr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

const errorsPackage = "org.apache.kafka.common.errors."

// Exception is an error as Java would print it. The zero Exception is not one.
type Exception struct {
	Class   string // full name of the class
	Message string // empty: the class stands alone
	Cause   error  // what was wrapped; may be nil
}

// Error returns "class: message", as Throwable.toString does.
func (e *Exception) Error() string {
	if e.Message == "" {
		return e.Class
	}
	return e.Class + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Exception) Unwrap() error { return e.Cause }

// New returns an exception of Kafka's errors package, class without its package ("TimeoutException").
func New(class, format string, args ...any) *Exception {
	return &Exception{Class: errorsPackage + class, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an exception of class, a full name, that has err as its cause and nothing else to say.
func Wrap(class string, err error) *Exception {
	cause := From(err)
	return &Exception{Class: class, Message: cause.Error(), Cause: cause}
}

// Coded returns the exception of protocol error code. A message of the broker replaces the standard one, if it is not
// empty. Code 0 gives nil, an unknown code UnknownServerException, as Errors.forCode.
func Coded(code int16, message string) error {
	if code == 0 {
		return nil
	}
	row, ok := table[code]
	if !ok {
		row = table[-1]
	}
	if message == "" {
		message = row.message
	}
	class := row.class
	if !strings.Contains(class, ".") {
		class = errorsPackage + class
	}
	return &Exception{Class: class, Message: message, Cause: kerr.ErrorForCode(code)}
}

// From turns any error into an exception: one that is in the chain already, else that of the protocol error in the
// chain, else a KafkaException with err's text. It returns nil for nil.
func From(err error) *Exception {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Exception](err); ok {
		return e
	}
	if k, ok := errors.AsType[*kerr.Error](err); ok {
		e := &Exception{}
		if errors.As(Coded(k.Code, ""), &e) {
			e.Cause = err
			return e
		}
	}
	return &Exception{Class: "org.apache.kafka.common.KafkaException", Message: err.Error(), Cause: err}
}

// CodeOf returns the protocol error code in err's chain, 0 when there is none.
func CodeOf(err error) int16 {
	if k, ok := errors.AsType[*kerr.Error](err); ok {
		return k.Code
	}
	return 0
}

// Name returns the name of the protocol error in err's chain, "UNKNOWN_SERVER_ERROR" when there is none.
func Name(err error) string {
	if k, ok := errors.AsType[*kerr.Error](err); ok {
		return k.Message
	}
	return kerr.UnknownServerError.Message
}

// Message returns the words of err without its class, as Throwable.getMessage does.
func Message(err error) string {
	if e := From(err); e != nil {
		return e.Message
	}
	return ""
}
