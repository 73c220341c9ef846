package lesson

import (
	"strings"
	"testing"
	"time"
)

// TestWaitEndsThoughATerminalIsHeld: a process that has left the command's group and keeps the terminal open holds up
// nobody beyond the limit.
func TestWaitEndsThoughATerminalIsHeld(t *testing.T) {
	for _, line := range []string{
		"setsid -w sh -c 'sleep 20'",                    // the command itself waits for it
		"sh -c 'setsid sh -c \"sleep 20\" & sleep 0.3'", // it outlives the command
	} {
		term, err := Start(t.TempDir(), line)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := term.Wait(time.Second); err == nil || !strings.Contains(err.Error(), "still running after 1s") {
			t.Errorf("%s: %v", line, err)
		}
		term.Kill() // has nothing to do
	}
}
