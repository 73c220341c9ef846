package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

const haveSendfile = true

// diskErrors are what sendfile can say of the file and not of the socket: the
// device's errors, and those of file systems that have found their own damage
// (EUCLEAN and EBADMSG are xfs' and ext4's EFSCORRUPTED and EFSBADCRC).
var diskErrors = [...]error{
	syscall.EIO, syscall.EUCLEAN, syscall.EBADMSG, syscall.ENODATA, syscall.EREMOTEIO,
}

// maxSendfile bounds one call, so that a fast client cannot keep a thread in
// the kernel for long.
const maxSendfile = 1 << 20

// sendfile sends with an explicit offset: what package net does would move the
// file's shared position and hold the file's lock while it waits for the
// client.
func (c *Conn) sendfile(fd uintptr, off, n int64) error {
	var failed error
	err := c.raw.Write(func(sock uintptr) bool {
		for n > 0 {
			sent, err := syscall.Sendfile(int(sock), int(fd), &off, int(min(n, maxSendfile)))
			switch {
			case errors.Is(err, syscall.EINTR):
				continue
			case errors.Is(err, syscall.EAGAIN):
				return false
			case err != nil:
				failed = fmt.Errorf("sendfile: %w", err)
				return true
			case sent == 0:
				failed = fmt.Errorf("sendfile: %w", io.ErrUnexpectedEOF)
				return true
			}
			n -= int64(sent)
			c.progressed()
		}
		return true
	})
	if failed != nil {
		return failed
	}
	return err
}

// maxAhead bounds what writeAhead sends by itself, in pieces and in bytes.
const (
	maxAheadParts = 64
	maxAheadBytes = 64 << 10
)

// writeAhead sends what stands before a file's bytes, and tells the kernel that
// more follows: it goes in one packet with them, and wakes the client once. The
// file's bytes have to follow at once, for nothing else pushes these out.
func (c *Conn) writeAhead(g *net.Buffers) error {
	parts, size := *g, 0
	for _, b := range parts {
		size += len(b)
	}
	if c.raw == nil || size == 0 || size > maxAheadBytes || len(parts) > maxAheadParts {
		return c.writeBytes(g)
	}
	*g = nil
	var failed error
	err := c.raw.Write(func(sock uintptr) bool {
		for len(parts) > 0 {
			n, err := unix.SendmsgBuffers(int(sock), parts, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
			switch {
			case errors.Is(err, syscall.EINTR):
				continue
			case errors.Is(err, syscall.EAGAIN):
				return false
			case err != nil:
				failed = fmt.Errorf("sendmsg: %w", err)
				return true
			}
			parts = unsent(parts, n)
		}
		return true
	})
	c.progressed()
	return errors.Join(failed, err)
}

// unsent takes the first n bytes off parts.
func unsent(parts [][]byte, n int) [][]byte {
	for len(parts) > 0 && n >= len(parts[0]) {
		n -= len(parts[0])
		parts = parts[1:]
	}
	if n > 0 {
		parts[0] = parts[0][n:]
	}
	return parts
}
