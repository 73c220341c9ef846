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
		if mayBreak(text[start:i], text[i]) {
			words = append(words, text[start:i])
			start = i
		}
	}
	if start < len(text) {
		words = append(words, text[start:])
	}
	return words
}

// mayBreak says whether a line may end between word and next.
func mayBreak(word string, next byte) bool {
	last := word[len(word)-1]
	if last == '\t' {
		return true
	}
	if strings.IndexByte(blanks, next) >= 0 {
		return false
	}
	if last == ' ' {
		return true
	}
	digit := next >= '0' && next <= '9'
	switch {
	case strings.IndexByte(openers, last) >= 0, last == '"' && strings.Trim(word, openers+"\"") == "":
		return false // an opening quote opens too
	case last == '-':
		sign := strings.Trim(word, openers+"\"-") == ""
		return next != '-' && strings.IndexByte(nearby, next) < 0 && !(digit && sign)
	case strings.IndexByte(closers, last) >= 0:
		return strings.IndexByte(glued+nearby, next) < 0 && !(digit && isNumber(word))
	}
	return strings.IndexByte("([{", next) >= 0
}

// isNumber says whether word is a number so far: "(1.2." is, "a1." is not.
func isNumber(word string) bool {
	body := strings.TrimLeft(word, openers+"\"-")
	return body != "" && body[0] >= '0' && body[0] <= '9' && strings.Trim(body, "0123456789.,") == ""
}
