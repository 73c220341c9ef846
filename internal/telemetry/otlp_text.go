package telemetry

import (
	"fmt"
	"math"
	"strconv"
)

// text is a value of an attribute (AnyValue) as a label has it; nil for one that has no text.
func (f field) text() []byte {
	switch {
	case f.is(1, wireBytes):
		return append([]byte{}, f.bytes...)
	case f.is(2, wireVarint):
		return strconv.AppendBool(nil, f.value != 0)
	case f.is(3, wireVarint):
		return strconv.AppendInt(nil, int64(f.value), 10)
	case f.is(4, wireFixed64):
		return strconv.AppendFloat(nil, math.Float64frombits(f.value), 'g', -1, 64)
	}
	return nil
}

func otlpError(what string) error { return fmt.Errorf("%w: %s", ErrOTLP, what) }
