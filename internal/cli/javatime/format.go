// Package javatime reads and writes times and durations in the forms that Kafka's tools take from Java:
// SimpleDateFormat patterns, ISO 8601 durations, and the tools' own date-times.
package javatime

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Format is a compiled SimpleDateFormat pattern, in English. It is immutable.
type Format struct{ parts []part }

type part struct {
	literal string
	letter  byte // 0: a literal
	count   int
}

// letters says how each pattern letter is written, given its count.
var letters = map[byte]func(t time.Time, count int) string{
	'G': func(time.Time, int) string { return "AD" },
	'y': year,
	'Y': weekYear,
	'u': func(t time.Time, n int) string { return padded((int(t.Weekday())+6)%7+1, n) },
	'M': month,
	'L': month,
	'w': func(t time.Time, n int) string { _, w := usWeek(t); return padded(w, n) },
	'W': func(t time.Time, n int) string { return padded(weekOfMonth(t), n) },
	'D': func(t time.Time, n int) string { return padded(t.YearDay(), n) },
	'd': func(t time.Time, n int) string { return padded(t.Day(), n) },
	'F': func(t time.Time, n int) string { return padded((t.Day()-1)/7+1, n) },
	'E': weekday,
	'a': func(t time.Time, _ int) string { return t.Format("PM") },
	'H': func(t time.Time, n int) string { return padded(t.Hour(), n) },
	'k': func(t time.Time, n int) string { return padded((t.Hour()+23)%24+1, n) },
	'K': func(t time.Time, n int) string { return padded(t.Hour()%12, n) },
	'h': func(t time.Time, n int) string { return padded((t.Hour()+11)%12+1, n) },
	'm': func(t time.Time, n int) string { return padded(t.Minute(), n) },
	's': func(t time.Time, n int) string { return padded(t.Second(), n) },
	'S': func(t time.Time, n int) string { return padded(t.Nanosecond()/1e6, n) },
	'z': func(t time.Time, _ int) string { name, _ := t.Zone(); return name },
	'Z': func(t time.Time, _ int) string { return t.Format("-0700") },
	'X': isoZone,
}

// Compile reads a pattern. The error has the words of Java's IllegalArgumentException.
func Compile(pattern string) (*Format, error) {
	f := &Format{}
	for i := 0; i < len(pattern); {
		c := pattern[i]
		switch {
		case c == '\'':
			text, next, err := quoted(pattern, i+1)
			if err != nil {
				return nil, err
			}
			f.parts = append(f.parts, part{literal: text})
			i = next
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			n := len(pattern[i:]) - len(strings.TrimLeft(pattern[i:], string(c)))
			if letters[c] == nil {
				return nil, fmt.Errorf("Illegal pattern character '%c'", c) //nolint:staticcheck // Java's words
			}
			if c == 'X' && n > 3 {
				return nil, fmt.Errorf("invalid ISO 8601 format: length=%d", n)
			}
			f.parts = append(f.parts, part{letter: c, count: n})
			i += n
		default:
			f.parts = append(f.parts, part{literal: string(c)})
			i++
		}
	}
	return f, nil
}

// quoted reads text up to its closing quote; two quotes stand for one, also outside of text.
func quoted(pattern string, i int) (string, int, error) {
	if i < len(pattern) && pattern[i] == '\'' {
		return "'", i + 1, nil
	}
	var b strings.Builder
	for ; i < len(pattern); i++ {
		if pattern[i] != '\'' {
			b.WriteByte(pattern[i])
			continue
		}
		if i+1 == len(pattern) || pattern[i+1] != '\'' {
			return b.String(), i + 1, nil
		}
		b.WriteByte('\'')
		i++
	}
	return "", 0, fmt.Errorf("Unterminated quote") //nolint:staticcheck // Java's words
}

// Format writes t in its own location.
func (f *Format) Format(t time.Time) string {
	var b strings.Builder
	for _, p := range f.parts {
		if p.letter == 0 {
			b.WriteString(p.literal)
			continue
		}
		b.WriteString(letters[p.letter](t, p.count))
	}
	return b.String()
}

func padded(n, width int) string { return fmt.Sprintf("%0*d", width, n) }

func year(t time.Time, n int) string { return shortYear(t.Year(), n) }

func shortYear(y, n int) string {
	if n == 2 {
		return padded(y%100, 2)
	}
	return padded(y, n)
}

func weekYear(t time.Time, n int) string {
	y, _ := usWeek(t)
	if n == 1 {
		return strconv.Itoa(y)
	}
	return shortYear(y, n)
}

func month(t time.Time, n int) string {
	switch {
	case n >= 4:
		return t.Month().String()
	case n == 3:
		return t.Format("Jan")
	}
	return padded(int(t.Month()), n)
}

func weekday(t time.Time, n int) string {
	if n >= 4 {
		return t.Weekday().String()
	}
	return t.Format("Mon")
}

// usWeek counts weeks from Sunday; the first is the one that has the first of January.
func usWeek(t time.Time) (year, week int) {
	first := time.Date(t.Year(), 1, 1, 0, 0, 0, 0, t.Location())
	week = (t.YearDay()-1+int(first.Weekday()))/7 + 1
	next := time.Date(t.Year()+1, 1, 1, 0, 0, 0, 0, t.Location())
	daysLeft := int(next.Weekday()) // days of the last week that belong to this year
	if next.YearDay() == 1 && daysLeft > 0 && t.AddDate(0, 0, daysLeft).Year() > t.Year() {
		return t.Year() + 1, 1
	}
	return t.Year(), week
}

func weekOfMonth(t time.Time) int {
	first := t.AddDate(0, 0, 1-t.Day())
	return (t.Day()-1+int(first.Weekday()))/7 + 1
}

func isoZone(t time.Time, n int) string {
	return t.Format([]string{"Z07", "Z0700", "Z07:00"}[n-1])
}
