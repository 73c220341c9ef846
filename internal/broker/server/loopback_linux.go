package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unpaced takes pacing off a connection within this machine. Where the system's
// congestion control is bbr, the kernel sends each segment by a timer at a rate
// that it has estimated, and over loopback the timers cost more than the bytes
// do: consumed 0.40 → 0.24 CPU s/GB. There is no network whose congestion reno
// could misjudge. Connections from elsewhere keep what the system has.
func unpaced(nc net.Conn, raw syscall.RawConn) {
	a, ok := nc.RemoteAddr().(*net.TCPAddr)
	if !ok || raw == nil || !a.IP.IsLoopback() {
		return
	}
	// Both errors leave the connection as it is, which is slower and right.
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno")
	})
}
