package javatime

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var durationShape = regexp.MustCompile(`(?i)^([-+]?)P(?:([-+]?\d+)D)?(T(?:([-+]?\d+)H)?(?:([-+]?\d+)M)?(?:([-+]?\d+)(?:[.,](\d{0,9}))?S)?)?$`)

// ParseDuration reads an ISO 8601 duration of days and smaller units, as java.time.Duration.parse: "P1DT2H3M4.5S",
// signs allowed at each number and in front. What does not fit a time.Duration (292 years) is an error.
func ParseDuration(text string) (time.Duration, error) {
	bad := fmt.Errorf("Text cannot be parsed to a Duration") //nolint:staticcheck // Java's words
	m := durationShape.FindStringSubmatch(text)
	if m == nil || (m[2] == "" && m[3] == "") || len(m[3]) == 1 {
		return 0, bad
	}
	units := []struct {
		name  string
		text  string
		scale time.Duration
	}{{"days", m[2], 24 * time.Hour}, {"hours", m[4], time.Hour}, {"minutes", m[5], time.Minute}, {"seconds", m[6], time.Second}}
	var total time.Duration
	for _, u := range units {
		if u.text == "" {
			continue
		}
		n, err := strconv.ParseInt(u.text, 10, 64)
		limit := int64(math.MaxInt64) / int64(u.scale)
		if err != nil || n > limit || n < -limit {
			return 0, fmt.Errorf("%w: %s", bad, u.name)
		}
		part := time.Duration(n) * u.scale
		if sum := total + part; (part > 0) != (sum > total) && part != 0 {
			return 0, bad
		}
		total += part
	}
	if m[7] != "" {
		nanos, err := strconv.Atoi((m[7] + "000000000")[:9])
		if err != nil {
			return 0, bad
		}
		if strings.HasPrefix(m[6], "-") {
			nanos = -nanos
		}
		total += time.Duration(nanos)
	}
	if m[1] == "-" {
		total = -total
	}
	return total, nil
}

// dateTimeShape is the start of what SimpleDateFormat takes for yyyy-MM-dd'T'HH:mm:ss.SSSXXX: numbers of any length,
// and whatever follows the zone. Minutes of the zone count only after a colon.
var dateTimeShape = regexp.MustCompile(`^\s*(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)(Z|[-+]\d{2}(?::\d{2})?)`)

// ParseDateTime reads a date and time as the --to-datetime options do, UTC when it names no zone. The fraction is a
// count of milliseconds and cannot be left out. As org.apache.kafka.common.utils.Utils.getDateTime; the error has the
// text of Java's ParseException.
func ParseDateTime(text string) (time.Time, error) {
	_, clock, found := strings.Cut(text, "T")
	if !found || clock == "" {
		return time.Time{}, fmt.Errorf("Error parsing timestamp. It does not contain a 'T' according to ISO8601 format") //nolint:staticcheck // Kafka's words
	}
	if clock, _, _ = strings.Cut(clock, "T"); !strings.ContainsAny(clock, "+-Z") {
		text += "Z"
	}
	bad := fmt.Errorf("Unparseable date: %q", text) //nolint:staticcheck // Java's words
	m := dateTimeShape.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, bad
	}
	var n [7]int
	limits := [7][2]int{{1, 292278994}, {1, 12}, {1, 31}, {0, 23}, {0, 59}, {0, 59}, {0, 999}}
	for i := range n {
		v, err := strconv.Atoi(m[i+1])
		if err != nil || v < limits[i][0] || v > limits[i][1] {
			return time.Time{}, bad
		}
		n[i] = v
	}
	zone, ok := zoneOffset(m[8])
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*1e6, zone)
	if !ok || t.Day() != n[2] { // 31 June is no date
		return time.Time{}, bad
	}
	return t, nil
}

func zoneOffset(text string) (*time.Location, bool) {
	if text == "Z" {
		return time.UTC, true
	}
	digits := strings.ReplaceAll(text[1:], ":", "") + "00"
	hours, err1 := strconv.Atoi(digits[:2])
	minutes, err2 := strconv.Atoi(digits[2:4])
	if err1 != nil || err2 != nil || hours > 23 || minutes > 59 {
		return nil, false
	}
	seconds := hours*3600 + minutes*60
	if text[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}
