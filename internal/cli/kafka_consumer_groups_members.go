package cli

import (
	"strconv"

	"github.com/headrace/headrace/internal/edge/groups"
)

// memberRow is a member as --members shows it. As MemberAssignmentState.
type memberRow struct {
	Group        string `json:"group"`
	ConsumerID   string `json:"consumerId"`
	InstanceID   string `json:"groupInstanceId,omitempty"`
	Host         string `json:"host"`
	ClientID     string `json:"clientId"`
	Partitions   int    `json:"partitions"`
	CurrentEpoch *int32 `json:"currentEpoch"`
	Assignment   string `json:"currentAssignment"`
	TargetEpoch  *int32 `json:"targetEpoch"`
	Target       string `json:"targetAssignment"`
	Upgraded     *bool  `json:"upgraded,omitempty"`
}

func (c *consumerGroups) describeMembers(all []groups.Description) error {
	perGroup, flat := make([][]memberRow, len(all)), []memberRow{}
	for i, d := range all {
		for _, m := range d.Members {
			perGroup[i] = append(perGroup[i], memberRow{
				Group: d.Group, ConsumerID: m.ID, InstanceID: m.InstanceID, Host: m.Host, ClientID: m.ClientID,
				Partitions: len(m.Assignment), CurrentEpoch: m.Epoch, Assignment: assignmentText(m.Assignment),
				TargetEpoch: d.AssignmentEpoch, Target: assignmentText(m.Target), Upgraded: m.Upgraded,
			})
		}
		flat = append(flat, perGroup[i]...)
	}
	if c.json {
		return c.printJSON(flat)
	}
	for i, d := range all {
		show, err := c.present(d, len(perGroup[i]))
		if err != nil {
			return err
		}
		widths := memberWidths(nil) // the original prints the head of the table all the same
		if show {
			widths = memberWidths(perGroup[i])
		}
		c.printMembers(perGroup[i], widths)
	}
	return nil
}

// memberTable is how wide the columns are and which there are.
type memberTable struct {
	group, consumer, instance, host, client, assignment, target int
	instances, mixed                                            bool
}

func memberWidths(rows []memberRow) memberTable {
	t := memberTable{group: 15, consumer: 15, instance: 17, host: 15, client: 15, assignment: 20, target: 20}
	old, upgraded := false, false
	for _, r := range rows {
		t.group, t.consumer = max(t.group, len(r.Group)), max(t.consumer, len(r.ConsumerID))
		t.instance, t.host = max(t.instance, len(r.InstanceID)), max(t.host, len(r.Host))
		t.client = max(t.client, len(r.ClientID))
		t.assignment, t.target = max(t.assignment, len(r.Assignment)), max(t.target, len(r.Target))
		t.instances = t.instances || r.InstanceID != ""
		if r.Upgraded != nil {
			upgraded = upgraded || *r.Upgraded
			old = old || !*r.Upgraded
		}
	}
	t.mixed = old && upgraded
	return t
}

func (c *consumerGroups) printMembers(rows []memberRow, t memberTable) {
	verbose := c.options.Has("verbose")
	print := func(group, consumer, instance, host, client, partitions, epoch, assignment, targetEpoch, target, upgraded string) {
		c.printf("%-*s %-*s ", t.group, group, t.consumer, consumer)
		if t.instances {
			c.printf("%-*s ", t.instance, instance)
		}
		c.printf("%-*s %-*s %-15s ", t.host, host, t.client, client, partitions)
		if verbose {
			c.printf("%-15s %-*s %-15s %-*s", epoch, t.assignment, assignment, targetEpoch, t.target, target)
			if t.mixed {
				c.printf(" %s", upgraded)
			}
		}
		c.printf("\n")
	}
	c.printf("\n")
	print("GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS",
		"CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT", "UPGRADED")
	for _, r := range rows {
		upgraded := missingColumn
		if r.Upgraded != nil {
			upgraded = strconv.FormatBool(*r.Upgraded)
		}
		print(r.Group, r.ConsumerID, r.InstanceID, r.Host, r.ClientID, strconv.Itoa(r.Partitions),
			number(r.CurrentEpoch), r.Assignment, number(r.TargetEpoch), r.Target, upgraded)
	}
}
