// Package tidy holds the project's rules as tests: who may import whom, what a pure core may do, how long files and
// functions may be, what must be documented. The rules are data at the head of each test file; an exception stands in
// testdata/exceptions.txt with its reason, and an exception that is no longer needed fails too.
package tidy
