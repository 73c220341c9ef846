package cli

import "embed"

//go:embed help/kafka-features*.txt help/kafka-metadata-quorum*.txt help/kafka-cluster*.txt
var commandHelp embed.FS

// helpPage is the help of a command, or of a subcommand ("kafka-features-describe"), in the words of the original.
func helpPage(name string) string {
	text, err := commandHelp.ReadFile("help/" + name + ".txt")
	if err != nil {
		panic("cli: no help for " + name) // the file is built in
	}
	return string(text)
}
