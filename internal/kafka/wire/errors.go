package wire

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
)

// CodeOf returns the protocol's code for err: 0 for nil, the code of the
// *kerr.Error in err's chain, or that of UNKNOWN_SERVER_ERROR (-1) if there is
// none. The caller logs an unmapped error, with what it was doing.
func CodeOf(err error) int16 {
	if err == nil {
		return 0
	}
	if ke, ok := errors.AsType[*kerr.Error](err); ok {
		return ke.Code
	}
	return kerr.UnknownServerError.Code
}

// Mapped reports whether err says by itself which code it is; only nil and
// errors with a *kerr.Error in their chain do.
func Mapped(err error) bool {
	_, ok := errors.AsType[*kerr.Error](err)
	return ok || err == nil
}

// Messager is an error that has words of its own for clients.
type Messager interface{ ClientMessage() string }

// MessageOf returns what a response's error message field says about err: what
// a Messager in its chain says, else the whole text of a mapped error, and
// nothing ("") of an unmapped one, whose text is the operator's alone.
func MessageOf(err error) string {
	if err == nil {
		return ""
	}
	if m, ok := errors.AsType[interface {
		error
		Messager
	}](err); ok {
		return m.ClientMessage()
	}
	if !Mapped(err) {
		return ""
	}
	return err.Error()
}
