package cli

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/cluster/quorum"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/vfs"
)

//go:embed help/storage-repair.txt
var storageRepairHelp embed.FS

// repairView is what storage repair tells.
type repairView struct {
	Directory  string     `json:"directory"`
	Damage     string     `json:"damage,omitempty"`
	Executed   bool       `json:"executed"`
	Backup     string     `json:"backup,omitempty"`
	Files      []string   `json:"files"`
	LastKept   uint64     `json:"lastKeptOffset"`
	LastKnown  uint64     `json:"lastKnownOffset"`
	Lost       []lossView `json:"lostRecords"`
	Unreadable uint64     `json:"unreadableEntries"`
	Topics     int        `json:"topics"`
	Partitions int        `json:"partitions"`
}

type lossView struct {
	Type   string   `json:"type"`
	Count  int      `json:"count"`
	Topics []string `json:"topics,omitempty"`
}

// storageRepair is headrace storage repair: Kafka has no such command.
func storageRepair(_ context.Context, t *tool, args []string) int {
	fail := func(status int, err error) int {
		t.errorf("headrace storage repair: %v\n", err)
		return status
	}
	text, err := storageRepairHelp.ReadFile("help/storage-repair.txt")
	if err != nil {
		panic("cli: no help for storage repair") // the file is built in
	}
	usage, _, _ := strings.Cut(string(text), "\n")
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return fail(exitUnseen, err)
	}
	p := &jopt.Parser{Options: []*jopt.Option{
		{Names: []string{"help", "h"}}, {Names: []string{"config", "c"}, Arg: jopt.Required}, {Names: []string{"execute"}},
	}}
	s, err := p.Parse(args)
	switch {
	case err == nil && s.Has("help"):
		t.printf("%s", text)
		return exitOK
	case err == nil && (!s.Has("config") || len(s.Rest()) > 0):
		err = errors.New("give --config, and no directory: the file names it")
	}
	if err != nil {
		return fail(exitUnseen, fmt.Errorf("%w\n%s", err, usage))
	}
	file, err := s.Value("config")
	if err != nil {
		return fail(exitUnseen, err)
	}
	o, err := repairOptions(file)
	if err != nil {
		return fail(exitUnseen, err)
	}
	return t.repair(o, s.Has("execute"), asJSON)
}

// repairOptions reads the node's file, and whose directory it is.
func repairOptions(file string) (quorum.RepairOptions, error) {
	conf, err := config.Load(file, nil)
	if err != nil {
		return quorum.RepairOptions{}, err
	}
	dir := conf.MetadataLogDir()
	m, err := readMeta(dir)
	if err != nil {
		return quorum.RepairOptions{}, fmt.Errorf("%s: %w", filepath.Join(dir, config.MetaFile), err)
	}
	if m.NodeID != conf.NodeID() {
		return quorum.RepairOptions{}, fmt.Errorf("%s belongs to node.id %d, %s is for node.id %d", dir, m.NodeID, file, conf.NodeID())
	}
	if len(conf.QuorumVoters()) > 1 {
		return quorum.RepairOptions{}, quorum.ErrNotAlone
	}
	id, err := metadata.ParseUUID(m.DirectoryID)
	if err != nil {
		return quorum.RepairOptions{}, fmt.Errorf("%s: directory.id: %w", filepath.Join(dir, config.MetaFile), err)
	}
	return quorum.RepairOptions{
		FS: vfs.New(), Dir: filepath.Join(dir, metadata.ClusterMetadataTopic+"-0"), BootID: vfs.BootID(),
		ClusterID: m.ClusterID, Identity: quorum.Identity{NodeID: m.NodeID, DirectoryID: id},
	}, nil
}

// repair plans or does it, and tells.
func (t *tool) repair(o quorum.RepairOptions, execute, asJSON bool) (status int) {
	fail := func(status int, err error) int {
		t.errorf("headrace storage repair: %v\n", err)
		return status
	}
	dir := filepath.Dir(o.Dir)
	lock, err := o.FS.Lock(filepath.Join(dir, ".lock"))
	if err != nil {
		return fail(exitUnseen, offlineError(dir, err))
	}
	defer func() {
		if err := lock.Close(); err != nil && status == exitOK {
			status = fail(exitFailed, err)
		}
	}()
	work := quorum.PlanRepair
	if execute {
		work = quorum.ExecuteRepair
	}
	r, err := work(o)
	if err != nil {
		return fail(exitFailed, err)
	}
	v := viewOfRepair(o.Dir, r, execute)
	if !asJSON {
		t.printRepair(v)
		return exitOK
	}
	if err := t.printJSON(v); err != nil {
		return fail(exitFailed, err)
	}
	return exitOK
}

func viewOfRepair(dir string, r *quorum.Repair, execute bool) repairView {
	v := repairView{
		Directory: dir, Executed: execute && r.Damage != nil, Backup: r.Backup, Files: append([]string{}, r.Files...),
		LastKept: r.Kept, LastKnown: r.Known, Lost: []lossView{}, Unreadable: r.Unreadable, Topics: r.Topics, Partitions: r.Partitions,
	}
	if r.Damage != nil {
		v.Damage = r.Damage.Error()
	}
	for _, l := range r.Lost {
		v.Lost = append(v.Lost, lossView{l.Type.String(), l.Count, l.Names})
	}
	return v
}

func (t *tool) printRepair(v repairView) {
	if v.Damage == "" {
		t.printf("%s: nothing is damaged; the metadata have %d topics with %d partitions\n", v.Directory, v.Topics, v.Partitions)
		return
	}
	t.printf("%s\n", v.Damage)
	verb := "Would be"
	if v.Executed {
		verb = "Was"
		t.printf("Copied to %s\n", v.Backup)
	}
	t.printf("%s written again, cut or removed: %s\n", verb, strings.Join(v.Files, ", "))
	t.printf("Kept: everything up to offset %d, which is %d topics with %d partitions\n", v.LastKept, v.Topics, v.Partitions)
	if v.LastKnown > v.LastKept {
		t.printf("Lost: offsets %d to %d\n", v.LastKept+1, v.LastKnown)
	} else {
		t.printf("Lost: nothing that is known of\n")
	}
	for _, l := range v.Lost {
		names := ""
		if len(l.Topics) > 0 {
			names = ": " + strings.Join(l.Topics, ", ")
		}
		t.printf("  %d %s%s\n", l.Count, l.Type, names)
	}
	if v.Unreadable > 0 {
		t.printf("  %d entries that cannot be read\n", v.Unreadable)
	}
	if !v.Executed {
		t.printf("Nothing was changed. --execute does it.\n")
	}
}
