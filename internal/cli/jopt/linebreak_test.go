package jopt

import (
	"strings"
	"testing"
)

// The cuts were printed by java.text.BreakIterator.getLineInstance(Locale.US).
func TestBreakWords(t *testing.T) {
	for want := range strings.SplitSeq(breaks, "\n") {
		text := strings.ReplaceAll(want, "|", "")
		if got := strings.Join(breakWords(text), "|") + "|"; got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

const breaks = `follower.|replication.|throttled.|replicas|
with |--|create. |(To|
a.|b|
1.2|
a1.|2b|
topic-|id|
a-|1|
kafka-|configs,|
x=|[a,|b]|
foo/bar|
[name1=v1]|
'a=b'|
1,2,3|
log.|a.|1.|b|
-1|
a |-1 |b|
--|x|
(-1)|
don't|
http:|//x.|y/z?|a=b|
say |"hello |world" |now|
"a"|b|
x"|a|
("a")|
'a'.|b|
'a' |b|
a--|b|
x |-- |y|
-|a|
1.5.|b|
1.|x|
(1.2.3)|
1-|2|
1 |-2.5|
a.|-1|
"-1"|
$1.2|
%|a|
1%|2|
a...|b|
x:"|y"|
(default: |1.5)|
--1|
-1-|2|
(-|a)|
topic5:|-3|>|
a3>|
1.5|a|
(3a|
-$3a|
-(3|a|
-3|(|
([0-|9]|*)|-([0-|9]|*))))?'.|
)|-|(|
)|-"3|
-|"a"|
-3$|
-3.|a|`
