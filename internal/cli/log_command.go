package cli

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/log"
	"github.com/headrace/headrace/internal/vfs"
)

//go:embed help/log*.txt
var logHelp embed.FS

// exitUnseen says that a directory could not be looked at.
const exitUnseen = 2

// logCommands are the subcommands of headrace log.
var logCommands = []struct {
	name    string
	options []*jopt.Option
	run     func(ctx context.Context, t *tool, in *offlineArgs) int
}{
	{"verify", []*jopt.Option{{Names: []string{"partition"}, Arg: jopt.Required}}, logVerify},
	{"skip", []*jopt.Option{
		{Names: []string{"partition"}, Arg: jopt.Required},
		{Names: []string{"first-offset"}, Arg: jopt.Required},
		{Names: []string{"execute"}},
	}, logSkip},
}

// offlineArgs is the command line of a command on directories of a stopped broker.
type offlineArgs struct {
	name string // of the command
	*jopt.Set
	dirs   []string
	asJSON bool
}

// logCommand is headrace log: what an operator does with the log directories of a stopped broker.
func logCommand(ctx context.Context, t *tool, args []string) int {
	if len(args) == 0 || slices.Contains([]string{"help", "--help", "-h"}, args[0]) {
		t.printf("%s", logPage("log"))
		return exitOK
	}
	for _, c := range logCommands {
		if c.name != args[0] {
			continue
		}
		in, status := t.offline("log "+c.name, logPage("log-"+c.name), c.options, args[1:])
		if in == nil {
			return status
		}
		return c.run(ctx, t, in)
	}
	t.errorf("headrace log: no command %q; headrace log --help lists them\n", args[0])
	return exitFailed
}

// logPage is a help page that is built in.
func logPage(name string) string {
	text, err := logHelp.ReadFile("help/" + name + ".txt")
	if err != nil {
		panic("cli: no help for " + name) // the file is built in
	}
	return string(text)
}

// offline reads the command line of such a command; nil where there is nothing more to do.
func (t *tool) offline(name, page string, options []*jopt.Option, args []string) (*offlineArgs, int) {
	usage, _, _ := strings.Cut(page, "\n")
	refuse := func(err error) (*offlineArgs, int) {
		t.errorf("headrace %s: %v\n%s\n", name, err, usage)
		return nil, exitUnseen
	}
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return refuse(err)
	}
	p := &jopt.Parser{Options: append([]*jopt.Option{{Names: []string{"help", "h"}}}, options...)}
	s, err := p.Parse(args)
	if err != nil {
		return refuse(err)
	}
	if s.Has("help") {
		t.printf("%s", page)
		return nil, exitOK
	}
	if len(s.Rest()) == 0 {
		return refuse(errors.New("which directory?"))
	}
	return &offlineArgs{name: name, Set: s, dirs: s.Rest(), asJSON: asJSON}, 0
}

// partitions are the values of --partition.
func (in *offlineArgs) partitions() (all []log.Partition, err error) {
	for _, name := range in.Values("partition") {
		p, ok := log.ParsePartition(name)
		if !ok {
			return nil, fmt.Errorf("%q is no partition: give the topic and the number, as in orders-0", name)
		}
		all = append(all, p)
	}
	return all, nil
}

// inspectOptions are for one directory.
func (t *tool) inspectOptions(dir string, only []log.Partition) log.InspectOptions {
	return log.InspectOptions{
		FS: vfs.New(), Path: dir, BootID: vfs.BootID(), Progress: t.progressBar(dir),
		Only: func(p log.Partition) bool {
			return p.Topic != metadata.ClusterMetadataTopic && (len(only) == 0 || slices.Contains(only, p))
		},
	}
}

// offlineError says why a directory could not be looked at, and what to do.
func offlineError(dir string, err error) error {
	if errors.Is(err, vfs.ErrLocked) {
		return fmt.Errorf("%s is in use: stop the broker first (bin/kafka-server-stop.sh)", dir)
	}
	return err
}

// progressBar draws on standard error if that is a terminal.
func (t *tool) progressBar(what string) func(done, total int64) {
	f, ok := t.err.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return drawProgress(f, what)
}

// drawProgress draws a bar of forty places, each time that it has grown.
func drawProgress(w io.Writer, what string) func(done, total int64) {
	const places = 40
	last := int64(-1)
	return func(done, total int64) {
		now := done * 1000 / max(1, total)
		if now == last {
			return
		}
		last = now
		full := int(now * places / 1000)
		fmt.Fprintf(w, "\r[%s%s] %3d.%d %% of %s", strings.Repeat("#", full), strings.Repeat(".", places-full), now/10, now%10, what)
		if now == 1000 {
			fmt.Fprint(w, "\n")
		}
	}
}

// endProgress ends the bar's line.
func (t *tool) endProgress(o log.InspectOptions) {
	if o.Progress != nil {
		o.Progress(1, 1)
	}
}

// damageView is a Damage in the words of the command.
type damageView struct {
	FirstOffset int64  `json:"firstOffset"`
	LastOffset  int64  `json:"lastOffset"`
	Records     int64  `json:"recordsAtMost"`
	Segment     string `json:"segment"`
	Position    int64  `json:"position"`
	Bytes       int64  `json:"bytes"`
}

func viewOf(d log.Damage) damageView {
	return damageView{d.First, d.Next - 1, d.Next - d.First, fmt.Sprintf("%020d.log", d.Segment), d.Pos, d.Size}
}

func (d damageView) String() string {
	records := fmt.Sprintf("offsets %d to %d (%d records at most)", d.FirstOffset, d.LastOffset, d.Records)
	if d.Records == 1 {
		records = fmt.Sprintf("offset %d (1 record)", d.FirstOffset)
	}
	if d.Bytes == 0 {
		return records + ", missing behind " + d.Segment
	}
	return fmt.Sprintf("%s, %d bytes from byte %d of %s", records, d.Bytes, d.Position, d.Segment)
}
