//go:build !linux

package server

import "errors"

const haveSendfile = false

func (c *Conn) sendfile(fd uintptr, off, n int64) error { return errors.ErrUnsupported }
