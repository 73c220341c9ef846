package record

// Variable-length numbers as in records: zigzag coding of 32 or 64 bits, seven
// bits a byte, the lowest first.

// varint reads a 32-bit number from the start of p and returns how many bytes
// it took: 0 if p ends within it or it has more than 32 bits.
func varint(p []byte) (v int32, n int) {
	if len(p) > 0 && p[0] < 0x80 { // nearly all: lengths below 64
		return int32(p[0]>>1) ^ -int32(p[0]&1), 1
	}
	var u uint32
	for i, b := range p {
		if i == 4 && b > 0x0f {
			break
		}
		u |= uint32(b&0x7f) << (7 * i)
		if b < 0x80 {
			return int32(u>>1) ^ -int32(u&1), i + 1
		}
	}
	return 0, 0
}

// varlong is varint for 64 bits.
func varlong(p []byte) (v int64, n int) {
	var u uint64
	for i, b := range p {
		if i == 9 && b > 1 {
			break
		}
		u |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
	}
	return 0, 0
}

func appendVarint(dst []byte, v int32) []byte { return appendVarlong(dst, int64(v)) }

func appendVarlong(dst []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	for u >= 0x80 {
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}

// varintSize returns how many bytes v takes.
func varintSize(v int64) int {
	u := uint64(v)<<1 ^ uint64(v>>63)
	n := 1
	for ; u >= 0x80; u >>= 7 {
		n++
	}
	return n
}
