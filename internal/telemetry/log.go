// Package telemetry makes what runs visible: logs, metrics, health and
// profiles. It knows nothing of what it shows; its users register it.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// LogOptions say how to log.
type LogOptions struct {
	// Format is "text" (the default) or "json".
	Format string
	// Level is "debug", "info" (the default), "warn" or "error".
	Level string
}

// NewLogger returns a logger that writes to w.
func NewLogger(w io.Writer, o LogOptions) (*slog.Logger, error) {
	var level slog.Level
	if o.Level != "" {
		if err := level.UnmarshalText([]byte(o.Level)); err != nil {
			return nil, fmt.Errorf("log level %q is none of debug, info, warn and error", o.Level)
		}
	}
	h := &slog.HandlerOptions{Level: level}
	switch strings.ToLower(o.Format) {
	case "", "text":
		return slog.New(slog.NewTextHandler(w, h)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, h)), nil
	}
	return nil, fmt.Errorf("log format %q is neither text nor json", o.Format)
}
