//go:build !linux

package server

import (
	"net"
	"syscall"
)

func unpaced(net.Conn, syscall.RawConn) {}
