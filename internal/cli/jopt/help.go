package jopt

import (
	"slices"
	"strings"
)

// Layout of BuiltinHelpFormatter(80, 2).
const (
	overallWidth = 80
	gap          = 2
	indent       = 2
)

// Help returns the text of --help, which ends in a newline; lines are padded with spaces as in the original.
func (p *Parser) Help() string {
	options := slices.Clone(p.Options)
	slices.SortStableFunc(options, func(a, b *Option) int { return strings.Compare(a.arranged()[0], b.arranged()[0]) })
	rows := [][2]string{{"Option", "Description"}, {"------", "-----------"}}
	if slices.ContainsFunc(options, func(o *Option) bool { return o.Must }) {
		rows = [][2]string{{"Option (* = required)", "Description"}, {"---------------------", "-----------"}}
	}
	for _, o := range options {
		rows = append(rows, [2]string{o.title(), o.text()})
	}
	left, right := widths(rows)
	var fitted [][2]string
	for _, row := range rows {
		l, r := fold(row[0], left), fold(row[1], right)
		for i := range max(len(l), len(r)) {
			fitted = append(fitted, [2]string{at(l, i), at(r, i)})
		}
	}
	left, right = widths(fitted)
	var b strings.Builder
	for _, row := range fitted {
		b.WriteString(pad(row[0], left) + strings.Repeat(" ", gap) + pad(row[1], right) + "\n")
	}
	return b.String()
}

// title is the left column: "* --topic <String: name>".
func (o *Option) title() string {
	var b strings.Builder
	if o.Must {
		b.WriteString("* ")
	}
	for i, n := range o.arranged() {
		if i > 0 {
			b.WriteString(", ")
		}
		if len(n) > 1 {
			b.WriteByte('-')
		}
		b.WriteString("-" + n)
	}
	if o.Arg == NoArg {
		return b.String()
	}
	kind := o.Type
	if kind == "" {
		kind = "String"
	}
	if o.ArgDoc != "" {
		kind += ": " + o.ArgDoc
	}
	if o.Arg == Required {
		b.WriteString(" <" + kind + ">")
	} else {
		b.WriteString(" [" + kind + "]")
	}
	return b.String()
}

// text is the right column.
func (o *Option) text() string {
	switch len(o.Defaults) {
	case 0:
		return o.Doc
	case 1:
		return strings.TrimSpace(o.Doc + " (default: " + o.Defaults[0] + ")")
	}
	return strings.TrimSpace(o.Doc + " (default: [" + strings.Join(o.Defaults, ", ") + "])")
}

func widths(rows [][2]string) (left, right int) {
	for _, row := range rows {
		left, right = max(left, len(row[0])), max(right, len(row[1]))
	}
	left = min((overallWidth-gap)/2, left)
	return left, min(overallWidth-left-gap, right)
}

func pad(s string, width int) string { return s + strings.Repeat(" ", max(0, width-len(s))) }

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// fold breaks text into lines of at most width bytes where words allow it; continuation lines are indented.
func fold(text string, width int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		line := ""
		for _, word := range breakWords(paragraph) {
			if len(line)+len(word) > width {
				lines = append(lines, strings.TrimRight(line, " \t"))
				line = strings.Repeat(" ", indent)
			}
			line += word
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
