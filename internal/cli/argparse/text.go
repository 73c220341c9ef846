package argparse

import "strings"

// wrap breaks text into lines of width columns and spreads the spaces of each full line so that it fills them. The
// first line starts at column offset, the others are indented by indent.
func wrap(text string, offset int, indent string) string {
	var out, line strings.Builder
	column := offset
	for _, piece := range pieces(text) {
		column += len(piece)
		if column > width {
			out.WriteString(justify(line.String(), width-(column-len(piece)-len(line.String()))) + "\n" + indent)
			line.Reset()
			column = len(indent) + len(piece)
		}
		line.WriteString(piece)
		if strings.HasSuffix(piece, "\n") {
			out.WriteString(line.String() + indent)
			line.Reset()
			column = len(indent)
		}
	}
	return out.String() + line.String()
}

// pieces cuts text where a line may end: after a run of spaces, a newline, and hyphens that a letter follows.
func pieces(text string) []string {
	var out []string
	start := 0
	for i := 1; i < len(text); i++ {
		prev, next := text[i-1], text[i]
		afterSpace := prev == ' ' && next != ' '
		afterHyphen := prev == '-' && isLetter(next)
		if afterSpace || afterHyphen || prev == '\n' {
			out = append(out, text[start:i])
			start = i
		}
	}
	if start < len(text) {
		out = append(out, text[start:])
	}
	return out
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// justify widens the gaps of line to columns. What does not divide evenly goes to the gaps in the middle.
func justify(line string, columns int) string {
	words := strings.Fields(line)
	gaps := len(words) - 1
	line = strings.Trim(line, " ")
	if gaps < 1 {
		return line
	}
	spare := columns - len(line)
	each, rest := spare/gaps, spare%gaps
	from := (gaps - rest + 1) / 2
	var b strings.Builder
	for i, w := range words {
		b.WriteString(w)
		if i == gaps {
			break
		}
		n := 1 + each
		if i >= from && i < from+rest {
			n++
		}
		b.WriteString(strings.Repeat(" ", n))
	}
	return b.String()
}

// distance says how many edits make b of a. Swapping neighbours is free, inserting costs 1, replacing 2, removing 4:
// who mistypes a name more often leaves something out than adds it.
func distance(a, b string) int {
	const swap, replace, insert, remove = 0, 2, 1, 4
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j * insert
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			d := prev[j-1]
			if a[i-1] != b[j-1] {
				d += replace
			}
			if i > 1 && j > 1 && a[i-1] != b[j-1] && a[i-2] == b[j-1] && a[i-1] == b[j-2] {
				d = min(d, prev2[j-2]+swap)
			}
			cur[j] = min(d, prev[j]+remove, cur[j-1]+insert)
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
