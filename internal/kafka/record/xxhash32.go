package record

import (
	"encoding/binary"
	"math/bits"
)

// xxhash32 is the 32-bit xxHash with seed 0, which lz4 frames use for their
// header, blocks and content. The libraries at hand keep theirs to themselves.
// Definition: github.com/Cyan4973/xxHash, doc/xxhash_spec.md.
func xxhash32(p []byte) uint32 {
	const (
		prime1 uint32 = 0x9E3779B1
		prime2 uint32 = 0x85EBCA77
		prime3 uint32 = 0xC2B2AE3D
		prime4 uint32 = 0x27D4EB2F
		prime5 uint32 = 0x165667B1
	)
	le := binary.LittleEndian
	n := uint32(len(p))
	var h uint32
	if len(p) >= 16 {
		lane := [4]uint32{0, prime2, 0, 0}
		lane[0] = prime1
		lane[0] += prime2
		lane[3] -= prime1
		for ; len(p) >= 16; p = p[16:] {
			for i := range lane {
				lane[i] = bits.RotateLeft32(lane[i]+le.Uint32(p[4*i:])*prime2, 13) * prime1
			}
		}
		h = bits.RotateLeft32(lane[0], 1) + bits.RotateLeft32(lane[1], 7) +
			bits.RotateLeft32(lane[2], 12) + bits.RotateLeft32(lane[3], 18)
	} else {
		h = prime5
	}
	h += n
	for ; len(p) >= 4; p = p[4:] {
		h = bits.RotateLeft32(h+le.Uint32(p)*prime3, 17) * prime4
	}
	for _, b := range p {
		h = bits.RotateLeft32(h+uint32(b)*prime5, 11) * prime1
	}
	h ^= h >> 15
	h *= prime2
	h ^= h >> 13
	h *= prime3
	return h ^ h>>16
}
