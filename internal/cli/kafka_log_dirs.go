package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// logDirsOptions are the options of kafka-log-dirs, in the words of its --help.
var logDirsOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{
		Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "The server(s) to use for bootstrapping",
		Doc: "REQUIRED: the server(s) to use for bootstrapping",
	},
	{
		Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "Admin client property file",
		Doc: "Property file containing configs to be passed to Admin Client.",
	},
	{Names: []string{"describe"}, Doc: "Describe the specified log directories on the specified brokers."},
	{
		Names: []string{"topic-list"}, Arg: jopt.Required, ArgDoc: "Topic list", Defaults: []string{""},
		Doc: "The list of topics to be queried in the form \"topic1,topic2,topic3\". All topics will be queried if no topic list is specified",
	},
	{
		Names: []string{"broker-list"}, Arg: jopt.Required, ArgDoc: "Broker list", Defaults: []string{""},
		Doc: "The list of brokers to be queried in the form \"0,1,2\". All brokers in the cluster will be queried if no broker list is specified",
	},
})

// kafkaLogDirs is kafka-log-dirs, as org.apache.kafka.tools.LogDirsCommand; brokers, directories and partitions are in
// order here, in that of a hash table there.
func kafkaLogDirs(ctx context.Context, t *tool, args []string) int {
	p := &jopt.Parser{Options: logDirsOptions}
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return t.uncaught(p.Usage("%s", err))
	}
	s, err := p.Parse(args)
	if err != nil {
		return t.failed(ctx, err)
	}
	if status, done := t.helpOrVersion(p, s, args, "This tool helps to query log directory usage on the specified brokers."); done {
		return status
	}
	if err = p.CheckRequired(s, "bootstrap-server", "describe"); err == nil {
		err = t.describeLogDirs(ctx, s, asJSON)
	}
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, new(terse)):
		t.errorf("%s\n", err)
		return exitFailed
	}
	return t.failed(ctx, err)
}

// The shape of the JSON, with the fields in the original's order.
type (
	logDirsReport struct {
		Brokers []brokerDirs `json:"brokers"`
		Version int          `json:"version"`
	}
	brokerDirs struct {
		Broker  int32     `json:"broker"`
		LogDirs []dirInfo `json:"logDirs"`
	}
	dirInfo struct {
		Partitions []replicaInfo `json:"partitions"`
		Error      *string       `json:"error"`
		LogDir     string        `json:"logDir"`
	}
	replicaInfo struct {
		Partition string `json:"partition"`
		Size      int64  `json:"size"`
		OffsetLag int64  `json:"offsetLag"`
		IsFuture  bool   `json:"isFuture"`
	}
)

func (t *tool) describeLogDirs(ctx context.Context, s *jopt.Set, asJSON bool) error {
	props, err := commandProperties(s)
	if err != nil {
		return err
	}
	if _, ok := props["client.id"]; !ok {
		props["client.id"] = "log-dirs-tool"
	}
	a, err := admin.New(ctx, props, t.log)
	if err != nil {
		return err
	}
	defer a.Close()
	topics, err := s.Value("topic-list")
	if err != nil {
		return err
	}
	brokers, err := logDirBrokers(ctx, a, s)
	if err != nil {
		return err
	}
	if !asJSON {
		t.printf("Querying brokers for log directories information\n")
	}
	wanted := notEmpty(topics)
	report := logDirsReport{Brokers: []brokerDirs{}, Version: 1}
	for _, id := range brokers {
		dirs, err := a.LogDirs(ctx, id)
		if err != nil {
			return execution(err)
		}
		report.Brokers = append(report.Brokers, brokerDirs{id, dirInfos(dirs, wanted)})
	}
	if asJSON {
		return t.printJSON(report)
	}
	t.printf("Received log directory information from brokers %s\n", joinIDs(brokers, ","))
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	return e.Encode(report)
}

func dirInfos(dirs []admin.LogDir, topics []string) []dirInfo {
	infos := []dirInfo{}
	for _, d := range dirs {
		info := dirInfo{Partitions: []replicaInfo{}, LogDir: d.Path}
		if d.Err != nil {
			class := javaerr.From(d.Err).Class
			info.Error = &class
		}
		for _, r := range d.Replicas {
			if len(topics) == 0 || slices.Contains(topics, r.Topic) {
				info.Partitions = append(info.Partitions, replicaInfo{r.String(), r.Size, r.OffsetLag, r.IsFuture})
			}
		}
		infos = append(infos, info)
	}
	return infos
}

// logDirBrokers are the brokers of --broker-list, or all.
func logDirBrokers(ctx context.Context, a *admin.Admin, s *jopt.Set) ([]int32, error) {
	nodes, err := a.Nodes(ctx)
	if err != nil {
		return nil, execution(err)
	}
	var all, found, missing []int32
	for _, n := range nodes {
		all = append(all, n.ID)
	}
	list, err := s.Value("broker-list")
	if err != nil {
		return nil, err
	}
	words := notEmpty(list)
	for _, word := range words {
		id, err := strconv.ParseInt(word, 10, 32)
		switch {
		case err != nil:
			return nil, &javaerr.Exception{Class: "java.lang.NumberFormatException", Message: fmt.Sprintf("For input string: %q", word)}
		case !slices.Contains(all, int32(id)):
			missing = append(missing, int32(id))
		default:
			found = append(found, int32(id))
		}
	}
	slices.Sort(missing)
	slices.Sort(found)
	switch {
	case missing != nil:
		return nil, tersef("ERROR: The given brokers do not exist from --broker-list: %s. Current existent brokers: %s",
			joinIDs(slices.Compact(missing), ","), joinIDs(all, ","))
	case len(words) == 0:
		return all, nil
	}
	return slices.Compact(found), nil
}

// notEmpty splits at commas and leaves empty pieces out.
func notEmpty(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}
