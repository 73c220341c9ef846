// Command summary runs one stage of the tests, shows what failed and what was skipped, and keeps the counts.
//
//	summary -dir DIR -name STAGE -- go test -json ./...
//	summary -dir DIR -total
//
// A skip is never silent: it is printed with its reason, and with STRICT=1 in the environment it fails the stage. VERBOSE=1
// prints what the passed tests said too.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	dir := flag.String("dir", "build/results", "directory that holds the counts of the stages")
	name := flag.String("name", "", "name of the stage to run")
	total := flag.Bool("total", false, "print the sum of all stages")
	flag.Parse()
	err := error(nil)
	if *total {
		err = sum(os.Stdout, *dir)
	} else {
		err = run(os.Stdout, *dir, *name, flag.Args(), os.Getenv("STRICT") == "1")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(1)
	}
}

// counts is the result of one stage.
type counts struct {
	Name    string
	Passed  int
	Failed  int
	Skipped int
	Seconds float64
}

// plus adds another stage's counts.
func (c counts) plus(o counts) counts {
	c.Passed += o.Passed
	c.Failed += o.Failed
	c.Skipped += o.Skipped
	c.Seconds += o.Seconds
	return c
}

func (c counts) String() string {
	return fmt.Sprintf("%-12s %d passed, %d failed, %d skipped (%.0f s)", c.Name, c.Passed, c.Failed, c.Skipped, c.Seconds)
}

// run starts the stage's command, whose standard output is go test's JSON, and reports it.
func run(w io.Writer, dir, name string, args []string, strict bool) error {
	if name == "" || len(args) == 0 {
		return errors.New("usage: summary -name STAGE -- COMMAND")
	}
	start := time.Now()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c, readErr := read(w, out)
	waitErr := cmd.Wait()
	c.Name, c.Seconds = name, time.Since(start).Seconds()
	fmt.Fprintln(w, c)
	if err := keep(dir, c); err != nil {
		return err
	}
	switch {
	case readErr != nil:
		return readErr
	case waitErr != nil:
		return fmt.Errorf("%s: %w", name, waitErr)
	case strict && c.Skipped > 0:
		return fmt.Errorf("%s: %d tests skipped, and STRICT=1 takes no skip", name, c.Skipped)
	}
	return nil
}

// event is one line of go test -json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// read counts tests without sub-tests of their own, prints the output of those that failed or were skipped,
// and one line for each package.
func read(w io.Writer, r io.Reader) (counts, error) {
	var c counts
	output := map[string][]string{}
	parents := map[string]bool{}
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var e event
		if err := json.Unmarshal(scan.Bytes(), &e); err != nil {
			fmt.Fprintln(w, scan.Text()) // not JSON: a build error's text
			continue
		}
		key := e.Package + " " + e.Test
		if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
			parents[e.Package+" "+e.Test[:i]] = true
		}
		switch e.Action {
		case "output", "build-output":
			output[key] = append(output[key], e.Output)
		case "pass", "fail", "skip":
			c.finish(w, e, output[key], parents[key])
			delete(output, key)
		}
	}
	return c, scan.Err()
}

// finish takes the last event of a test, or of a package where Test is empty.
func (c *counts) finish(w io.Writer, e event, output []string, parent bool) {
	text := strings.Join(output, "")
	switch {
	case e.Test == "" && e.Action == "fail":
		c.Failed++
		fmt.Fprintf(w, "FAIL %s (%.1f s)\n%s", e.Package, e.Elapsed, text)
	case e.Test == "" && e.Action == "pass":
		fmt.Fprintf(w, "ok   %s (%.1f s)\n", e.Package, e.Elapsed)
	case e.Test == "":
	case e.Action == "fail":
		fmt.Fprintf(w, "FAIL %s %s\n%s", e.Package, e.Test, text)
		if !parent {
			c.Failed++
		}
	case e.Action == "skip":
		c.Skipped++
		fmt.Fprintf(w, "SKIP %s %s: %s\n", e.Package, e.Test, reason(output))
	case !parent:
		c.Passed++
		fallthrough
	default:
		if os.Getenv("VERBOSE") == "1" {
			fmt.Fprint(w, text)
		}
	}
}

// reason is the line that t.Skip printed.
func reason(output []string) string {
	for _, line := range slices.Backward(output) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "===") {
			return line
		}
	}
	return "no reason given"
}

// keep writes a stage's counts where the sum finds them.
func keep(dir string, c counts) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, c.Name+".json"), b, 0o644)
}

// sum prints all stages and their total; a stage with failures fails the sum.
func sum(w io.Writer, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	all := counts{Name: "total"}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		var c counts
		if err := json.Unmarshal(b, &c); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		fmt.Fprintln(w, c)
		all = all.plus(c)
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", all.Passed, all.Failed, all.Skipped)
	if all.Failed > 0 {
		return fmt.Errorf("%d tests failed", all.Failed)
	}
	return nil
}
