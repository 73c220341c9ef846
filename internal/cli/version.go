package cli

import (
	"context"
	"runtime"
	"runtime/debug"
)

// versionCommand prints what this binary is, and which release of Kafka it stands for.
func versionCommand(_ context.Context, t *tool, _ []string) int {
	version, revision := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value[:min(12, len(s.Value))]
			}
		}
	}
	t.printf("headrace %s%s (Apache Kafka %s, %s %s/%s)\n", version, revision, kafkaVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK
}
