// Package lesson runs the commands of docs/lesson.md as they are printed there: a user's first half hour is a test.
package lesson

import (
	"fmt"
	"strings"
)

// topic is what the lesson's reader puts for <topic-name>; the lesson's own consumer command names it.
const topic = "quickstart-events"

// Command is one command of the lesson, and the lines that the reader types into it.
type Command struct {
	Line  string
	Input []string
}

// Name is the program's file name, such as kafka-topics.sh.
func (c Command) Name() string {
	program, _, _ := strings.Cut(c.Line, " ")
	return program[strings.LastIndexByte(program, '/')+1:]
}

// FirstHalf takes the commands from "Setting up Kafka" up to the console consumer out of the lesson's text, and the
// command that clears up, which stands last in the same section.
func FirstHalf(text string) ([]Command, error) {
	_, section, ok := strings.Cut(text, "\n## Setting up Kafka\n")
	if !ok {
		return nil, fmt.Errorf("the lesson has no section %q", "Setting up Kafka")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var commands []Command
	reading := true
	for _, block := range blocks(section) {
		c, err := command(block)
		if err != nil {
			return nil, err
		}
		if reading || strings.HasPrefix(c.Line, "rm ") {
			commands = append(commands, c)
		}
		if c.Name() == "kafka-console-consumer.sh" {
			reading = false
		}
	}
	return commands, nil
}

// blocks are the fenced blocks of a text; a fence is a line of its own, as ``` also stands inside sentences.
func blocks(text string) [][]string {
	var all [][]string
	var open []string
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line != "```":
			if inside {
				open = append(open, line)
			}
		case inside:
			all, open, inside = append(all, open), nil, false
		default:
			inside = true
		}
	}
	return all
}

// command reads one block: the command, with or without its prompt, and what is typed afterwards.
func command(block []string) (Command, error) {
	if len(block) == 0 {
		return Command{}, fmt.Errorf("the lesson has an empty block")
	}
	line := strings.ReplaceAll(strings.TrimPrefix(block[0], "$ "), "<topic-name>", topic)
	return Command{Line: line, Input: block[1:]}, nil
}
