package server

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

const haveSendfile = true

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
