package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// askQuorum gets the quorum's state and its leader.
func (c *metadataQuorum) askQuorum(ctx context.Context) (admin.Quorum, admin.Replica, error) {
	q, err := c.admin.DescribeQuorum(ctx)
	if err != nil {
		return q, admin.Replica{}, awaited(err)
	}
	leader, ok := q.Leader()
	if !ok {
		return q, leader, &javaerr.Exception{Class: "java.util.NoSuchElementException", Message: "No value present"}
	}
	return q, leader, nil
}

func (c *metadataQuorum) describeReplication(ctx context.Context, human bool) error {
	q, leader, err := c.askQuorum(ctx)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(map[string]any{"replicas": replicaViews(q, leader)})
	}
	rows := [][]string{{"NodeId", "DirectoryId", "LogEndOffset", "Lag", "LastFetchTimestamp", "LastCaughtUpTimestamp", "Status"}}
	for _, r := range replicaViews(q, leader) {
		fetch, err := replicaTime(r.LastFetch, "last fetch", human)
		if err != nil {
			return err
		}
		caughtUp, err := replicaTime(r.LastCaughtUp, "last caught up", human)
		if err != nil {
			return err
		}
		rows = append(rows, []string{
			strconv.Itoa(int(r.ID)), r.DirectoryID, strconv.FormatInt(r.LogEndOffset, 10), strconv.FormatInt(r.Lag, 10), fetch, caughtUp, r.Status,
		})
	}
	c.printTable(rows)
	return nil
}

// replicaView is a line of the table.
type replicaView struct {
	ID           int32  `json:"nodeId"`
	DirectoryID  string `json:"directoryId"`
	LogEndOffset int64  `json:"logEndOffset"`
	Lag          int64  `json:"lag"`
	LastFetch    int64  `json:"lastFetchTimestamp"`
	LastCaughtUp int64  `json:"lastCaughtUpTimestamp"`
	Status       string `json:"status"`
}

// replicaViews are the lines of the table: the leader, the other voters, the observers.
func replicaViews(q admin.Quorum, leader admin.Replica) []replicaView {
	view := func(r admin.Replica, status string) replicaView {
		return replicaView{r.ID, r.DirectoryID.String(), r.LogEndOffset, leader.LogEndOffset - r.LogEndOffset, r.LastFetch, r.LastCaughtUp, status}
	}
	views := []replicaView{view(leader, "Leader")}
	for _, r := range q.Voters {
		if r.ID != q.LeaderID {
			views = append(views, view(r, "Follower"))
		}
	}
	for _, r := range q.Observers {
		views = append(views, view(r, "Observer"))
	}
	return views
}

// replicaTime is a time of a replica as the table shows it.
func replicaTime(ms int64, what string, human bool) (string, error) {
	if ms == -1 || !human {
		return strconv.FormatInt(ms, 10), nil
	}
	now := time.Now().UnixMilli()
	if ms <= 0 || ms > now {
		return "", &javaerr.Exception{
			Class: "org.apache.kafka.common.KafkaException",
			Message: fmt.Sprintf("Error while computing relative time, possible drift in system clock.\nCurrent timestamp is %d, %s timestamp is %d",
				now, what, ms),
		}
	}
	return fmt.Sprintf("%d ms ago", now-ms), nil
}

// printTable prints rows below their heads, as ToolsUtils.prettyPrintTable.
func (t *tool) printTable(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			t.printf("%-*s\t", widths[i], cell)
		}
		t.printf("\n")
	}
}

func (c *metadataQuorum) describeStatus(ctx context.Context) error {
	cluster, err := c.admin.DescribeCluster(ctx, false)
	if err != nil {
		return awaited(err)
	}
	q, leader, err := c.askQuorum(ctx)
	if err != nil {
		return err
	}
	last := q.Voters[0]
	for _, r := range q.Voters[1:] {
		if r.LogEndOffset < last.LogEndOffset {
			last = r
		}
	}
	lag, lagMs := leader.LogEndOffset-last.LogEndOffset, int64(0)
	switch {
	case last.ID == leader.ID:
	case leader.LastCaughtUp != -1 && last.LastCaughtUp != -1:
		lagMs = leader.LastCaughtUp - last.LastCaughtUp
	default:
		lagMs = -1
	}
	if c.json {
		return c.printJSON(map[string]any{
			"clusterId": cluster.ID, "leaderId": q.LeaderID, "leaderEpoch": q.LeaderEpoch, "highWatermark": q.HighWatermark,
			"maxFollowerLag": lag, "maxFollowerLagTimeMs": lagMs,
			"currentVoters": memberViews(q, q.Voters), "currentObservers": memberViews(q, q.Observers),
		})
	}
	c.printf("ClusterId:              %s\nLeaderId:               %d\nLeaderEpoch:            %d\nHighWatermark:          %d\n"+
		"MaxFollowerLag:         %d\nMaxFollowerLagTimeMs:   %d\nCurrentVoters:          %s\nCurrentObservers:       %s\n",
		cluster.ID, q.LeaderID, q.LeaderEpoch, q.HighWatermark, lag, lagMs, membersText(q, q.Voters), membersText(q, q.Observers))
	return nil
}

// memberView is a replica in the status.
type memberView struct {
	ID          int32    `json:"id"`
	DirectoryID string   `json:"directoryId,omitempty"`
	Endpoints   []string `json:"endpoints,omitempty"`
}

func memberViews(q admin.Quorum, replicas []admin.Replica) []memberView {
	views := []memberView{}
	for _, r := range replicas {
		v := memberView{ID: r.ID}
		if r.DirectoryID != (admin.ID{}) {
			v.DirectoryID = r.DirectoryID.String()
		}
		for _, e := range q.Endpoints[r.ID] {
			v.Endpoints = append(v.Endpoints, endpointText(e))
		}
		views = append(views, v)
	}
	return views
}

// endpointText is RaftVoterEndpoint.toString.
func endpointText(e admin.Endpoint) string {
	return config.Listener{Name: e.Listener, Host: e.Host, Port: int(e.Port)}.String()
}

// membersText is the JSON of the original, which spaces it in its own way.
func membersText(q admin.Quorum, replicas []admin.Replica) string {
	var all []string
	for _, v := range memberViews(q, replicas) {
		text := fmt.Sprintf(`{"id": %d`, v.ID)
		if v.DirectoryID != "" {
			text += fmt.Sprintf(`, "directoryId": "%s"`, v.DirectoryID)
		}
		if len(v.Endpoints) > 0 {
			text += `, "endpoints": ["` + strings.Join(v.Endpoints, `", "`) + `"]`
		}
		all = append(all, text+"}")
	}
	return "[" + strings.Join(all, ", ") + "]"
}
