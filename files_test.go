package headrace

import "testing"

func TestSharesOfOpenFiles(t *testing.T) {
	for _, tc := range []struct{ limit, dirs, segments, connections int }{
		{100, 1, 26, 26},
		{1024, 1, 488, 488},
		{1024, 4, 122, 488},
		{4096, 2, 1012, 2024},
		{1 << 20, 1, 1 << 16, 1<<20 - 48 - 1<<16},
		{64, 8, 16, 8},
		{10, 1, 16, 1},
	} {
		if got := shareFiles(tc.limit, tc.dirs); got != (fileShares{tc.segments, tc.connections}) {
			t.Errorf("%d files, %d directories: %+v", tc.limit, tc.dirs, got)
		}
	}
}
