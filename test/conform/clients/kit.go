package clients

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kit is what the clients need, installed by name from their registries into a cache.
type kit struct {
	scripts  string // this directory
	python   string // interpreter of a virtual environment that has the Python clients
	node     string
	nodePath string // NODE_PATH for it
	goClient string
	jars     string // directory of Apache Kafka's jars
}

// java is a command line of one of Kafka's tools.
func (k kit) java(class string, args ...string) []string {
	head := []string{
		"java", "-Xmx256M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(k.jars, "*"),
		"-Dlog4j2.configurationFile=" + filepath.Join(k.scripts, "log4j2.xml"), class,
	}
	return append(head, args...)
}

// environment is what the clients' processes get.
func (k kit) environment() []string {
	return append(os.Environ(), "NODE_PATH="+k.nodePath, "PYTHONUNBUFFERED=")
}

// install puts everything in place that is not there yet. root is the repository, cache where things are kept.
func install(ctx context.Context, root, cache string) (kit, error) {
	here := filepath.Join(root, "test", "conform", "clients")
	home := filepath.Join(cache, "clients")
	k := kit{
		scripts: here, python: filepath.Join(home, "python", "bin", "python"), node: "node",
		nodePath: filepath.Join(home, "js", "node_modules"), goClient: filepath.Join(home, "goclient"), jars: filepath.Join(cache, "kafka", "libs"),
	}
	steps := []step{
		{"python", []string{"python/requirements.txt"}, [][]string{
			{"python3", "-m", "venv", "--clear", filepath.Join(home, "python")},
			{k.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", filepath.Join(here, "python", "requirements.txt")},
		}},
		{"js", []string{"js/package.json", "js/package-lock.json"}, [][]string{
			{"mkdir", "-p", filepath.Join(home, "js")},
			{"cp", filepath.Join(here, "js", "package.json"), filepath.Join(here, "js", "package-lock.json"), filepath.Join(home, "js")},
			{"npm", "ci", "--prefix", filepath.Join(home, "js"), "--no-audit", "--no-fund", "--loglevel=error"},
		}},
		{"go", []string{"go/go.mod", "go/go.sum", "go/main.go", "go/franz.go", "go/sarama.go"}, [][]string{
			{"go", "-C", filepath.Join(here, "go"), "build", "-o", k.goClient, "."},
		}},
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return kit{}, err
	}
	for _, s := range steps {
		if err := s.do(ctx, here, home); err != nil {
			return kit{}, err
		}
	}
	if err := execute(ctx, "bash", filepath.Join(root, "bench", "kafka", "kafka"), "setup"); err != nil {
		return kit{}, err
	}
	return k, kcat(ctx)
}

// step is done once for the content of its files.
type step struct {
	name     string
	files    []string
	commands [][]string
}

func (s step) do(ctx context.Context, here, home string) error {
	sum := sha256.New()
	for _, f := range s.files {
		b, err := os.ReadFile(filepath.Join(here, filepath.FromSlash(f)))
		if err != nil {
			return err
		}
		sum.Write(b)
	}
	stamp, want := filepath.Join(home, s.name+".stamp"), hex.EncodeToString(sum.Sum(nil))
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return nil
	}
	for _, c := range s.commands {
		if err := execute(ctx, c...); err != nil {
			return err
		}
	}
	return os.WriteFile(stamp, []byte(want), 0o644)
}

// kcat comes with the distribution; where we may, it is installed.
func kcat(ctx context.Context) error {
	if _, err := exec.LookPath("kcat"); err == nil {
		return nil
	}
	if os.Geteuid() != 0 {
		return errors.New("kcat is missing: apt-get install kcat")
	}
	return errors.Join(execute(ctx, "apt-get", "update", "-qq"), execute(ctx, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "kcat"))
}

// execute runs a command; its output is told only where it fails.
func execute(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
