package record

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// stream reads records through a small window, for whoever needs to know what
// they are like but not what they hold.
type stream struct {
	in   io.Reader
	buf  []byte
	data []byte // what of buf was not read yet
	left int64  // bytes that may still come
	err  error
}

// errStreamRecord marks records that do not follow the format, apart from data
// that cannot be expanded.
var errStreamRecord = errors.New("record fields do not fit the record")

// fill reads more bytes into the empty window. It returns io.EOF at the end.
func (s *stream) fill() error {
	for s.err == nil {
		n, err := s.in.Read(s.buf)
		s.left -= int64(n)
		switch {
		case s.left < 0:
			s.err = ErrTooLarge
		case err == io.EOF:
			s.err = io.EOF
		case err != nil:
			s.err = corrupt(err)
		}
		if n > 0 && s.left >= 0 {
			s.data = s.buf[:n]
			return nil
		}
	}
	return s.err
}

// cut makes an end within a record an error of the record.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the batch ends early", errStreamRecord)
	}
	return err
}

// uvarlong reads a number of at most limit, before its zigzag is undone, and
// takes its bytes from body.
func (s *stream) uvarlong(body *int64, limit uint64) (uint64, error) {
	var u uint64
	for shift := 0; ; shift += 7 {
		if *body--; *body < 0 {
			return 0, errStreamRecord
		}
		if len(s.data) == 0 {
			if err := s.fill(); err != nil {
				return 0, cut(err)
			}
		}
		b := s.data[0]
		s.data = s.data[1:]
		if shift > 63 || uint64(b&0x7f) > limit>>shift {
			return 0, errStreamRecord
		}
		u |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return u, nil
		}
	}
}

func (s *stream) varlong(body *int64) (int64, error) {
	u, err := s.uvarlong(body, math.MaxUint64)
	return int64(u>>1) ^ -int64(u&1), err
}

func (s *stream) varint(body *int64) (int32, error) {
	u, err := s.uvarlong(body, math.MaxUint32)
	return int32(u>>1) ^ -int32(u&1), err
}

// skip passes over n bytes of the record's body.
func (s *stream) skip(body *int64, n int32) error {
	if n <= 0 {
		return nil
	}
	if *body -= int64(n); *body < 0 {
		return errStreamRecord
	}
	for left := int(n); left > 0; {
		if len(s.data) == 0 {
			if err := s.fill(); err != nil {
				return cut(err)
			}
		}
		step := min(left, len(s.data))
		s.data = s.data[step:]
		left -= step
	}
	return nil
}

// sized passes over a length and as many bytes, and returns the length.
func (s *stream) sized(body *int64) (int32, error) {
	n, err := s.varint(body)
	if err == nil {
		err = s.skip(body, n)
	}
	return n, err
}

// record passes over the next record, which must have the form that
// Record.parse asks for.
func (s *stream) record() (r skimmed, err error) {
	prefix := int64(5)
	size, err := s.varint(&prefix)
	if err != nil {
		return r, err
	}
	body := int64(size)
	if err := s.skip(&body, 1); err != nil { // attributes
		return r, err
	}
	if r.timeDelta, err = s.varlong(&body); err != nil {
		return r, err
	}
	if r.offsetDelta, err = s.varint(&body); err != nil {
		return r, err
	}
	key, err := s.sized(&body)
	if err != nil {
		return r, err
	}
	r.hasKey = key >= 0
	if _, err := s.sized(&body); err != nil {
		return r, err
	}
	return r, s.headers(&body)
}

// headers passes over the headers, which end the body.
func (s *stream) headers(body *int64) error {
	count, err := s.varint(body)
	if err != nil {
		return err
	}
	if count < 0 || int64(count) > *body/2 {
		return errStreamRecord
	}
	for range count {
		key, err := s.sized(body)
		if err != nil {
			return err
		}
		if key < 0 {
			return errStreamRecord
		}
		if _, err := s.sized(body); err != nil {
			return err
		}
	}
	if *body != 0 {
		return errStreamRecord
	}
	return nil
}

// atEnd returns an error unless nothing follows.
func (s *stream) atEnd() error {
	if len(s.data) == 0 {
		switch err := s.fill(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
	return fmt.Errorf("%w: bytes after the last record", errStreamRecord)
}
