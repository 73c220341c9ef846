package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/log"
	"github.com/headrace/headrace/internal/vfs"
)

// ran is what a command line has done.
type ran struct {
	status   int
	out, err string
}

func runCommand(t *testing.T, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), newTool(strings.NewReader(""), &stdout, &stderr), append([]string{"headrace"}, args...))
	return ran{status, stdout.String(), stderr.String()}
}

// brokenDir is a log directory with a damaged partition and a sound one. It
// returns how the directory is closed by a broker that holds it open again.
func brokenDir(t *testing.T) (dir string, hold func() (release func())) {
	t.Helper()
	dir = t.TempDir()
	open := func() (*log.Dir, *log.Log) {
		d, err := log.OpenDir(log.DirOptions{FS: vfs.New(), Path: dir, BootID: vfs.BootID(), Manual: true})
		if err != nil {
			t.Fatal(err)
		}
		var first *log.Log
		for i := range int32(2) {
			l, err := d.Open(log.Partition{Topic: "orders", Partition: i}, log.TopicID{1}, log.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = l
			}
		}
		return d, first
	}
	d, l := open()
	for i := range 6 {
		var b record.Builder
		b.Reset(record.BatchOptions{})
		for j := range 3 {
			b.Append(1_700_000_000_000, fmt.Appendf(nil, "key-%d-%d", i, j), []byte("value"))
		}
		batch, err := b.Build(new(record.Compressor))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(batch, log.AppendOptions{Now: time.UnixMilli(1_700_000_000_000)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "orders-0", "00000000000000000000.log")
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"key-2-1", "key-4-0"} {
		content[bytes.Index(content, []byte(key))] ^= 0x10
	}
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, func() func() {
		d, _ := open()
		return d.Abandon
	}
}

func TestLogVerify(t *testing.T) {
	dir, hold := brokenDir(t)
	got := runCommand(t, "log", "verify", dir)
	want := strings.ReplaceAll(`orders-0                  damaged     offsets 6 to 8 (3 records at most), 118 bytes from byte 236 of 00000000000000000000.log
orders-0                  damaged     offsets 12 to 14 (3 records at most), 118 bytes from byte 472 of 00000000000000000000.log
DIR: 2 partitions, 708 bytes read, 1 damaged
`, "DIR", dir)
	if got.status != exitFailed || got.out != want || got.err != "" {
		t.Errorf("%+v, want\n%s", got, want)
	}
	if got := runCommand(t, "log", "verify", "--partition", "orders-1", dir); got.status != exitOK || !strings.Contains(got.out, "1 partitions, 0 bytes read, all sound") {
		t.Errorf("%+v", got)
	}
	got = runCommand(t, "log", "verify", dir, "--output", "json")
	var v []verifyView
	if err := json.Unmarshal([]byte(got.out), &v); err != nil || got.status != exitFailed {
		t.Fatalf("%v %+v", err, got)
	}
	if len(v) != 1 || v[0].Sound || len(v[0].Partitions) != 2 || len(v[0].Partitions[0].Damages) != 2 || v[0].Partitions[0].EndOffset != 18 {
		t.Errorf("%+v", v)
	}
	release := hold()
	defer release()
	for _, args := range [][]string{{"log", "verify", dir}, {"log", "skip", dir, "--partition", "orders-0"}} {
		if got := runCommand(t, args...); got.status != exitUnseen || !strings.Contains(got.err, "is in use: stop the broker first") {
			t.Errorf("beside a broker: %+v", got)
		}
	}
}

func TestLogSkip(t *testing.T) {
	dir, hold := brokenDir(t)
	skip := func(args ...string) ran {
		t.Helper()
		return runCommand(t, append([]string{"log", "skip", dir, "--partition", "orders-0"}, args...)...)
	}
	first := "offsets 6 to 8 (3 records at most), 118 bytes from byte 236 of 00000000000000000000.log\n"
	second := "offsets 12 to 14 (3 records at most), 118 bytes from byte 472 of 00000000000000000000.log\n"
	before := runCommand(t, "log", "verify", dir)
	got := skip()
	want := "orders-0: would be skipped: " + first + "orders-0: would be skipped: " + second +
		"Nothing was changed. --execute gives these records up for good.\n"
	if got.status != exitOK || got.out != want {
		t.Errorf("%+v, want\n%s", got, want)
	}
	if again := runCommand(t, "log", "verify", dir); again != before {
		t.Errorf("a plan has changed the directory: %+v", again)
	}
	if got := skip("--first-offset", "5", "--execute"); got.status != exitFailed || !strings.Contains(got.err, "no damage begins at offset 5 of orders-0") {
		t.Errorf("%+v", got)
	}
	if got := skip("--first-offset", "12", "--execute"); got.status != exitOK || got.out != "orders-0: skipped: "+second {
		t.Errorf("%+v", got)
	}
	got = skip("--execute", "--output", "json")
	var v skipView
	if err := json.Unmarshal([]byte(got.out), &v); err != nil || got.status != exitOK || !v.Executed || len(v.Ranges) != 1 || v.Ranges[0].FirstOffset != 6 {
		t.Errorf("%v %+v", err, got)
	}
	if got := skip("--execute"); got.status != exitOK || got.out != "orders-0: nothing is damaged\n" {
		t.Errorf("%+v", got)
	}
	if got := runCommand(t, "log", "verify", dir); got.status != exitOK {
		t.Errorf("%+v", got)
	}
	hold()()
}

func TestLogUsage(t *testing.T) {
	for _, page := range [][]string{{"log"}, {"log", "--help"}, {"log", "verify", "--help"}, {"log", "skip", "--help"}} {
		if got := runCommand(t, page...); got.status != exitOK || !strings.HasPrefix(got.out, "Usage: headrace log") {
			t.Errorf("%v: %+v", page, got)
		}
	}
	dir := t.TempDir()
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"log", "fix"}, exitFailed, "no command \"fix\""},
		{[]string{"log", "verify"}, exitUnseen, "which directory?"},
		{[]string{"log", "verify", "--bogus", dir}, exitUnseen, "bogus is not a recognized option"},
		{[]string{"log", "verify", "--output", "xml", dir}, exitUnseen, "--output takes table or json"},
		{[]string{"log", "verify", "--partition", "orders", dir}, exitUnseen, "\"orders\" is no partition"},
		{[]string{"log", "verify", filepath.Join(dir, "none")}, exitUnseen, "no such file"},
		{[]string{"log", "skip", dir}, exitUnseen, "give one --partition"},
		{[]string{"log", "skip", dir, dir, "--partition", "a-0"}, exitUnseen, "give one directory"},
		{[]string{"log", "skip", dir, "--partition", "a-0"}, exitUnseen, "a-0 is not in"},
		{[]string{"log", "skip", dir, "--partition", "a-0", "--first-offset", "x"}, exitUnseen, "--first-offset x is no offset"},
	} {
		if got := runCommand(t, c.args...); got.status != c.status || !strings.Contains(got.err, c.says) || got.out != "" {
			t.Errorf("%v: %+v", c.args, got)
		}
	}
}

func TestDrawProgress(t *testing.T) {
	var b bytes.Buffer
	draw := drawProgress(&b, "x")
	for i := range int64(101) {
		draw(i*10, 1000)
	}
	if lines := strings.Split(b.String(), "\r"); len(lines) != 102 || lines[51] != "["+strings.Repeat("#", 20)+strings.Repeat(".", 20)+"]  50.0 % of x" {
		t.Errorf("%d %q", len(lines), lines[51])
	}
}
