package server

import (
	"testing"
	"time"
)

func TestComplaintsAreBounded(t *testing.T) {
	var q quieter
	now := time.Unix(1000, 0)
	said := 0
	for range 1000 {
		if yes, _ := q.allows(now); yes {
			said++
		}
	}
	if said != complaints {
		t.Errorf("said %d times", said)
	}
	if yes, before := q.allows(now.Add(complaintInterval)); !yes || before != 1000-complaints {
		t.Errorf("%t, %d not shown before", yes, before)
	}
}
