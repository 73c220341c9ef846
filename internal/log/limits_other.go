//go:build !unix

package log

func maxOpenFiles() int { return fallbackOpenFiles }
