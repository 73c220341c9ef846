package jopt

import "strings"

// Characters by their part in line breaking, as java.text.BreakIterator's line instance treats ASCII. Everything else
// is an ordinary character of a word.
const (
	openers = "([{'$"          // what follows stays on the line
	closers = ".,:;!?)]}\"%"   // a break may follow, none may stand before
	blanks  = " \t"            // a break may follow
	glued   = blanks + closers // never at the start of a line …
	nearby  = "'$"             // … and after closers and hyphens these neither
)

// breakWords cuts text at each place where a line may end. Blanks stay with the word before them.
func breakWords(text string) []string {
	var words []string
	start := 0
	for i := 1; i < len(text); i++ {
		if mayBreak(text[start:i], text[i:]) {
			words = append(words, text[start:i])
			start = i
		}
	}
	if start < len(text) {
		words = append(words, text[start:])
	}
	return words
}

// mayBreak says whether a line may end between word and rest.
func mayBreak(word, rest string) bool {
	last, next := word[len(word)-1], rest[0]
	if last == '\t' {
		return true
	}
	if strings.IndexByte(blanks, next) >= 0 {
		return false
	}
	if last == ' ' {
		return true
	}
	digit := startsNumber(rest)
	switch {
	case strings.IndexByte(openers, last) >= 0, last == '"' && strings.Trim(word, openers+"\"-") == "":
		return false // an opening quote opens too
	case last == '-':
		sign := strings.Trim(word, openers+"\"-") == ""
		if sign && startsNumber(strings.TrimLeft(rest, openers+"\"")) {
			return false
		}
		return next != '-' && strings.IndexByte(nearby, next) < 0
	case strings.IndexByte(closers, last) >= 0:
		return strings.IndexByte(glued+nearby, next) < 0 && !(digit && isNumber(word))
	}
	if isSignedOrDecimal(word) {
		return !digit && strings.IndexByte(glued+nearby+"-", next) < 0
	}
	return strings.IndexByte("([{", next) >= 0
}

func startsNumber(text string) bool { return text != "" && text[0] >= '0' && text[0] <= '9' }

// isSignedOrDecimal says whether word is a number with a sign or a point, which any other character ends.
func isSignedOrDecimal(word string) bool {
	body := strings.TrimLeft(word, openers+"\"-")
	prefix := strings.TrimRight(word[:len(word)-len(body)], "([{")
	return isNumber(word) && startsNumber(word[len(word)-1:]) && (strings.HasSuffix(prefix, "-") || strings.ContainsAny(body, ".,"))
}

// isNumber says whether word is a number so far: "(1.2." is, "a1." is not.
func isNumber(word string) bool {
	body := strings.TrimLeft(word, openers+"\"-")
	return body != "" && body[0] >= '0' && body[0] <= '9' && strings.Trim(body, "0123456789.,") == ""
}
