package dump

import (
	"bufio"
	"encoding/binary"
	"fmt"

	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/kafka/schema"
)

// control is what a control record says.
type control struct {
	Type             string        `json:"type"`
	TypeID           int16         `json:"typeId"`
	CoordinatorEpoch *int32        `json:"coordinatorEpoch,omitempty"`
	Data             schema.Object `json:"data,omitempty"`

	label string
}

// controlKinds are Kafka's ControlRecordType by number: those of the quorum have a message each.
var controlKinds = []struct{ name, label, message string }{
	{"ABORT", "", ""},
	{"COMMIT", "", ""},
	{"LEADER_CHANGE", "LeaderChange:", "LeaderChangeMessage"},
	{"SNAPSHOT_HEADER", "SnapshotHeader", "SnapshotHeaderRecord"},
	{"SNAPSHOT_FOOTER", "SnapshotFooter", "SnapshotFooterRecord"},
	{"KRAFT_VERSION", "KRaftVersion", "KRaftVersionRecord"},
	{"KRAFT_VOTERS", "KRaftVoters", "VotersRecord"},
}

func readControl(r *record.Record) (c control, err error) {
	typ, epoch, err := record.ParseControl(r)
	if err != nil {
		return c, &javaerr.Exception{
			Class: "org.apache.kafka.common.InvalidRecordException", Message: fmt.Sprintf("record %d: %v", r.Offset, err), Cause: err,
		}
	}
	c = control{Type: "UNKNOWN", TypeID: int16(typ)}
	if int(typ) < 0 || int(typ) >= len(controlKinds) {
		return c, nil
	}
	kind := controlKinds[typ]
	c.Type, c.label = kind.name, kind.label
	if kind.message == "" {
		c.CoordinatorEpoch = &epoch
		return c, nil
	}
	m, version := schema.Named(kind.message), int16(0)
	if len(r.Value) >= 2 { // the message begins with its version
		if v := int16(binary.BigEndian.Uint16(r.Value)); m.Has(v) {
			version = v
		}
	}
	if c.Data, _, err = m.Decode(r.Value, version); err != nil {
		return c, &javaerr.Exception{
			Class: "org.apache.kafka.common.InvalidRecordException", Message: fmt.Sprintf("record %d, %s: %v", r.Offset, kind.name, err), Cause: err,
		}
	}
	return c, nil
}

func (c *control) text(w *bufio.Writer) {
	switch {
	case c.CoordinatorEpoch != nil:
		fmt.Fprintf(w, " endTxnMarker: %s coordinatorEpoch: %d", c.Type, *c.CoordinatorEpoch)
	case c.Data != nil:
		fmt.Fprintf(w, " %s %s", c.label, c.Data)
	default:
		fmt.Fprintf(w, " controlType: %s(%d)", c.Type, c.TypeID)
	}
}
