package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// NewLogHandler returns a handler that writes warnings and errors to w in the layout of the tools' log4j file:
// "[time] LEVEL message (class)". Attribute "class" names the logger, attribute "exception" is an error, written
// below the line as Java would, without the frames of its stack.
func NewLogHandler(w io.Writer) slog.Handler {
	return &logHandler{w: w, mu: new(sync.Mutex)}
}

type logHandler struct {
	w     io.Writer
	mu    *sync.Mutex // over w, shared by copies
	attrs []slog.Attr
}

// Enabled leaves out what the tools' log4j file leaves out.
func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle writes one record.
func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	class, exception := "headrace", error(nil)
	read := func(a slog.Attr) bool {
		switch a.Key {
		case "class":
			class = a.Value.String()
		case "exception":
			exception, _ = a.Value.Any().(error)
		}
		return true
	}
	for _, a := range h.attrs {
		read(a)
	}
	r.Attrs(read)
	level := "WARN"
	if r.Level >= slog.LevelError {
		level = "ERROR"
	}
	line := fmt.Sprintf("[%s] %s %s (%s)\n", logTime(r.Time), level, r.Message, class)
	if exception != nil {
		line += StackTrace(exception)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, line)
	return err
}

func logTime(t time.Time) string {
	return strings.Replace(t.Format("2006-01-02 15:04:05.000"), ".", ",", 1)
}

// WithAttrs returns a handler that has attrs too.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{h.w, h.mu, append(slices.Clip(h.attrs), attrs...)}
}

// WithGroup returns the handler: the layout has no groups.
func (h *logHandler) WithGroup(string) slog.Handler { return h }

// javaClassed is an error that knows which Java exception it stands for.
type javaClassed interface {
	error
	JavaClass() string
}

// StackTrace is err as Throwable.printStackTrace writes it, without frames: "class: message", and a line for each
// cause that is an exception too. It ends in a newline.
func StackTrace(err error) string {
	var b strings.Builder
	prefix := ""
	for err != nil {
		var e *javaerr.Exception
		var c javaClassed
		switch {
		case errors.As(err, &e):
			b.WriteString(prefix + e.Error() + "\n")
			if !errors.As(e.Cause, new(*javaerr.Exception)) {
				return b.String()
			}
			err = e.Cause
		case errors.As(err, &c):
			b.WriteString(prefix + c.JavaClass() + ": " + c.Error() + "\n")
			return b.String()
		default:
			b.WriteString(prefix + "org.apache.kafka.common.KafkaException: " + err.Error() + "\n")
			return b.String()
		}
		prefix = "Caused by: "
	}
	return b.String()
}
