package javatime

import (
	"testing"
	"time"
)

// The tables were written by the Java classes themselves.

func TestFormat(t *testing.T) {
	at := time.UnixMilli(1700000000123).UTC()
	for pattern, want := range map[string]string{
		"yyyy-MM-dd HH:mm:ss:SSS":      "2023-11-14 22:13:20:123",
		"EEE MMM d HH:mm:ss z yyyy":    "Tue Nov 14 22:13:20 UTC 2023",
		"dd/MM/yy hh:mm a":             "14/11/23 10:13 PM",
		"EEEE MMMM":                    "Tuesday November",
		"'at' HH''mm Z":                "at 22'13 +0000",
		"X XX XXX":                     "Z Z Z",
		"D F w W k K S u Y G":          "318 2 46 3 22 10 123 2 2023 AD",
		"MMMMM":                        "November",
		"yyyyy":                        "02023",
		"yyyy-MM-dd'T'HH:mm:ss.SSSSSS": "2023-11-14T22:13:20.000123",
		"y M d H m s":                  "2023 11 14 22 13 20",
		"yyyy-qq":                      "!Illegal pattern character 'q'",
		"'x":                           "!Unterminated quote",
	} {
		f, err := Compile(pattern)
		got := ""
		if err != nil {
			got = "!" + err.Error()
		} else {
			got = f.Format(at)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", pattern, got, want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	const bad = -1
	for text, want := range map[string]int64{
		"P1D": 86400000000000, "PT1H": 3600000000000, "P1DT2H3M4.5S": 93784500000000, "-PT1H": -3600000000000,
		"PT-1H": -3600000000000, "P-1DT1H": -82800000000000, "PT1.123456789S": 1123456789, "pt1h": 3600000000000,
		"PT+5M": 300000000000, "-PT-6H+3M": 21420000000000, "P1Y": bad, "P1M": bad, "1D": bad, "PT": bad, "P": bad,
		"P1DT": bad, "P1W": bad, "PT999999999999999999999H": bad,
	} {
		got, err := ParseDuration(text)
		if err != nil {
			got = bad
		}
		if int64(got) != want {
			t.Errorf("%s: got %d (%v), want %d", text, got, err, want)
		}
	}
}

func TestParseDateTime(t *testing.T) {
	for text, want := range map[string]int64{
		"2024-01-02T03:04:05.678":        1704164645678,
		"2024-01-02T03:04:05.678Z":       1704164645678,
		"2024-01-02T03:04:05.678+02:00":  1704157445678,
		"2024-01-02T03:04:05.678+0200":   1704157445678,
		"2024-01-02T03:04:05.678+02":     1704157445678,
		"2024-1-2T3:4:5.6":               1704164645006,
		"2024-01-02T03:04:05.678-0130xx": 1704168245678,
		" 2024-01-02T03:04:05.678":       1704164645678,
		"2024-01-02T03:04:05":            -1,
		"2024-01-02":                     -1,
		"garbage":                        -1,
		"2024-13-02T03:04:05.678":        -1,
		"2024-02-30T03:04:05.678":        -1,
		"2024-01-02T03:04":               -1,
		"2024-01-02T03:04:05.678X":       -1,
		"":                               -1,
	} {
		got := int64(-1)
		if at, err := ParseDateTime(text); err == nil {
			got = at.UnixMilli()
		}
		if got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}
