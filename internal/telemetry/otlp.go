package telemetry

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// ErrOTLP is wrapped by what is wrong with pushed metrics.
var ErrOTLP = errors.New("malformed OpenTelemetry metrics")

// Limits on one push of metrics.
const (
	maxPoints     = 10_000 // data points
	maxAttributes = 16     // of a data point with those of its resource; further ones are left out
	maxBounds     = 64     // of a histogram
)

// point is one data point of a metric. Its strings share memory with what was decoded.
type point struct {
	name       []byte
	kind       pointKind
	delta      bool // the value is what came since the last push
	attributes []attribute
	value      float64   // of a number; of a histogram the sum
	count      uint64    // of a histogram
	bounds     []float64 // of a histogram: upper bounds of all buckets but the last
	buckets    []uint64  // of a histogram: counts, one more than bounds; or none
}

type pointKind int8

const (
	gaugePoint pointKind = iota
	counterPoint
	histogramPoint
)

type attribute struct{ key, value []byte }

// decodeMetrics reads OTLP's MetricsData (opentelemetry-proto, metrics/v1): gauges, sums and histograms; what else it
// may hold, such as summaries and exponential histograms, is skipped. Memory is bounded by maxPoints, whatever data
// holds. The error wraps ErrOTLP.
func decodeMetrics(data []byte) ([]point, error) {
	d := &otlpDecoder{}
	err := fields(data, func(f field) error {
		if f.is(1, wireBytes) {
			return d.resource(f.bytes)
		}
		return nil
	})
	return d.points, err
}

type otlpDecoder struct{ points []point }

// resource reads ResourceMetrics.
func (d *otlpDecoder) resource(b []byte) error {
	var attributes []attribute
	err := fields(b, func(f field) error {
		if f.is(1, wireBytes) {
			return fields(f.bytes, func(f field) (err error) {
				if f.is(1, wireBytes) {
					attributes, err = appendAttribute(attributes, f.bytes)
				}
				return err
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return fields(b, func(f field) error {
		if !f.is(2, wireBytes) {
			return nil
		}
		return fields(f.bytes, func(f field) error { // ScopeMetrics
			if f.is(2, wireBytes) {
				return d.metric(f.bytes, attributes)
			}
			return nil
		})
	})
}

// metric reads Metric. Its name may come after its data, as any field may.
func (d *otlpDecoder) metric(b []byte, resource []attribute) error {
	var name []byte
	if err := fields(b, func(f field) error {
		if f.is(1, wireBytes) {
			name = f.bytes
		}
		return nil
	}); err != nil {
		return err
	}
	return fields(b, func(f field) error {
		if f.wire != wireBytes {
			return nil
		}
		switch f.number {
		case 5:
			return d.data(f.bytes, point{name: name}, resource)
		case 7:
			return d.data(f.bytes, point{name: name, kind: counterPoint}, resource)
		case 9:
			return d.data(f.bytes, point{name: name, kind: histogramPoint}, resource)
		}
		return nil
	})
}

// data reads Gauge, Sum or Histogram, whose fields have the same numbers.
func (d *otlpDecoder) data(b []byte, like point, resource []attribute) error {
	const delta = 1
	monotonic := false
	if err := fields(b, func(f field) error {
		switch {
		case f.is(2, wireVarint):
			like.delta = f.value == delta
		case f.is(3, wireVarint):
			monotonic = f.value != 0
		}
		return nil
	}); err != nil {
		return err
	}
	if like.kind == counterPoint && !monotonic {
		like.kind = gaugePoint // a sum that goes up and down; its changes still add up
	}
	return fields(b, func(f field) error {
		if !f.is(1, wireBytes) {
			return nil
		}
		if len(d.points) == maxPoints {
			return otlpError("too many data points")
		}
		p := like
		p.attributes = slices.Clip(resource)
		var err error
		if p.kind == histogramPoint {
			err = p.readHistogram(f.bytes)
		} else {
			err = p.readNumber(f.bytes)
		}
		d.points = append(d.points, p)
		return err
	})
}

// readNumber reads NumberDataPoint.
func (p *point) readNumber(b []byte) error {
	return fields(b, func(f field) (err error) {
		switch {
		case f.is(4, wireFixed64):
			p.value = math.Float64frombits(f.value)
		case f.is(6, wireFixed64):
			p.value = float64(int64(f.value))
		case f.is(7, wireBytes):
			p.attributes, err = appendAttribute(p.attributes, f.bytes)
		}
		return err
	})
}

// readHistogram reads HistogramDataPoint.
func (p *point) readHistogram(b []byte) error {
	err := fields(b, func(f field) (err error) {
		switch {
		case f.is(4, wireFixed64):
			p.count = f.value
		case f.is(5, wireFixed64):
			p.value = math.Float64frombits(f.value)
		case f.number == 6:
			err = f.fixed64s(func(v uint64) { p.buckets = append(p.buckets, v) }, maxBounds+1-len(p.buckets))
		case f.number == 7:
			err = f.fixed64s(func(v uint64) { p.bounds = append(p.bounds, math.Float64frombits(v)) }, maxBounds-len(p.bounds))
		case f.is(9, wireBytes):
			p.attributes, err = appendAttribute(p.attributes, f.bytes)
		}
		return err
	})
	if err == nil && !p.soundBuckets() {
		return otlpError("buckets of a histogram")
	}
	return err
}

// soundBuckets says whether the bounds rise and the counts fit to them.
func (p *point) soundBuckets() bool {
	if len(p.buckets) > 0 && len(p.buckets) != len(p.bounds)+1 || len(p.buckets) == 0 && len(p.bounds) > 0 {
		return false
	}
	for i, v := range p.bounds {
		if math.IsNaN(v) || math.IsInf(v, 0) || i > 0 && v <= p.bounds[i-1] {
			return false
		}
	}
	return true
}

// appendAttribute reads KeyValue. Values that are neither text nor numbers nor truth values are left out.
func appendAttribute(to []attribute, b []byte) ([]attribute, error) {
	var a attribute
	err := fields(b, func(f field) error {
		switch {
		case f.is(1, wireBytes):
			a.key = f.bytes
		case f.is(2, wireBytes):
			return fields(f.bytes, func(f field) error { // AnyValue
				a.value = f.text()
				return nil
			})
		}
		return nil
	})
	if err != nil || len(to) >= maxAttributes || len(a.key) == 0 || a.value == nil {
		return to, err
	}
	return append(to, a), nil
}

// Wire types of protocol buffers that are known. Groups are not.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// field is one field of a message.
type field struct {
	number uint64
	wire   uint64
	value  uint64 // of a number
	bytes  []byte // of bytes
}

func (f field) is(number, wire uint64) bool { return f.number == number && f.wire == wire }

// fixed64s calls add with each of a repeated field's numbers, which may be packed; more than limit are an error.
func (f field) fixed64s(add func(uint64), limit int) error {
	switch {
	case f.wire == wireFixed64 && limit > 0:
		add(f.value)
		return nil
	case f.wire != wireBytes || len(f.bytes)%8 != 0 || len(f.bytes)/8 > limit:
		return otlpError("numbers of a histogram")
	}
	for b := f.bytes; len(b) > 0; b = b[8:] {
		add(binary.LittleEndian.Uint64(b))
	}
	return nil
}

// fields calls f with each field of a message.
func fields(b []byte, f func(field) error) error {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 || tag>>3 == 0 {
			return otlpError("tag of a field")
		}
		b = b[n:]
		one := field{number: tag >> 3, wire: tag & 7}
		switch one.wire {
		case wireVarint:
			if one.value, n = binary.Uvarint(b); n <= 0 {
				return otlpError("number")
			}
		case wireFixed64:
			if n = 8; len(b) < n {
				return otlpError("number")
			}
			one.value = binary.LittleEndian.Uint64(b)
		case wireFixed32:
			if n = 4; len(b) < n {
				return otlpError("number")
			}
			one.value = uint64(binary.LittleEndian.Uint32(b))
		case wireBytes:
			size, m := binary.Uvarint(b)
			if m <= 0 || size > uint64(len(b)-m) {
				return otlpError("length")
			}
			n = m + int(size)
			one.bytes = b[m:n:n]
		default:
			return otlpError("type of a field")
		}
		b = b[n:]
		if err := f(one); err != nil {
			return err
		}
	}
	return nil
}
