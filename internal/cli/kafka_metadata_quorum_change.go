package cli

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

const notAController = "file. Is this a valid controller configuration file?"

// addController makes the controller that --command-config belongs to a voter.
func (c *metadataQuorum) addController(ctx context.Context) error {
	if !c.values.Has("--command-config") {
		return terse("You must supply the configuration file of the controller you are adding when using add-controller.")
	}
	id, err := controllerID(c.props)
	if err != nil {
		return err
	}
	dir, err := metadataDirectory(c.props)
	if err != nil {
		return err
	}
	directory, err := directoryID(dir)
	if err != nil {
		return err
	}
	endpoints, err := controllerEndpoints(c.props)
	if err != nil {
		return err
	}
	done := "DRY RUN of adding"
	if !c.values.Flag("--dry-run") {
		if err := c.admin.AddRaftVoter(ctx, id, directory, endpoints); err != nil {
			return awaited(err)
		}
		done = "Added"
	}
	var texts []string
	for _, e := range endpoints {
		texts = append(texts, endpointText(e))
	}
	c.printf("%s controller %d with directory id %s and endpoints: %s\n", done, id, directory, strings.Join(texts, ", "))
	return nil
}

// controllerID reads node.id from a controller's properties.
func controllerID(props map[string]string) (int32, error) {
	text, ok := props["node.id"]
	if !ok {
		return 0, tersef("node.id not found in configuration %s", notAController)
	}
	id, err := strconv.ParseInt(text, 10, 32)
	switch {
	case err != nil:
		return 0, &javaerr.Exception{Class: "java.lang.NumberFormatException", Message: fmt.Sprintf("For input string: %q", text)}
	case id < 0:
		return 0, tersef("node.id was negative in configuration %s", notAController)
	case !strings.Contains(props["process.roles"], "controller"):
		return 0, tersef("process.roles did not contain 'controller' in configuration %s", notAController)
	}
	return int32(id), nil
}

// metadataDirectory reads where a controller keeps the metadata log.
func metadataDirectory(props map[string]string) (string, error) {
	if dir, ok := props["metadata.log.dir"]; ok {
		return dir, nil
	}
	if dirs, ok := props["log.dirs"]; ok {
		first, _, _ := strings.Cut(strings.TrimSpace(dirs), ",")
		return first, nil
	}
	return "", terse("Neither metadata.log.dir nor log.dirs were found. Is this a valid controller configuration file?")
}

// directoryID reads the id of a controller's metadata directory.
func directoryID(dir string) (admin.ID, error) {
	b, err := os.ReadFile(filepath.Join(dir, config.MetaFile))
	if err != nil {
		return admin.ID{}, tersef("Unable to read meta.properties from %s", dir)
	}
	m, err := config.ParseMeta(b)
	if err != nil {
		return admin.ID{}, tersef("Unable to read meta.properties from %s: %s", dir, err)
	}
	if m.DirectoryID == "" {
		return admin.ID{}, tersef("No directory id found in %s", dir)
	}
	return parseUUID(m.DirectoryID)
}

// listenerText splits "NAME://host:port" (SocketServerConfigs.URI_PARSE_REGEXP).
var listenerText = regexp.MustCompile(`^(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)$`)

// controllerEndpoints reads where a controller is to be reached.
func controllerEndpoints(props map[string]string) ([]admin.Endpoint, error) {
	listeners := map[string]admin.Endpoint{}
	for _, key := range []string{"listeners", "advertised.listeners"} {
		for entry := range strings.SplitSeq(props[key], ",") {
			if entry = strings.TrimSpace(entry); entry == "" {
				continue
			}
			m := listenerText.FindStringSubmatch(entry)
			if m == nil {
				return nil, &javaerr.Exception{
					Class: "org.apache.kafka.common.KafkaException", Message: "Unable to parse " + entry + " to a broker endpoint",
				}
			}
			port, err := strconv.ParseUint(m[3], 10, 16)
			if err != nil {
				return nil, illegalArgument("The port of %s is not between 0 and 65535", entry)
			}
			e := admin.Endpoint{Listener: strings.ToUpper(m[1]), Host: m[2], Port: uint16(port)}
			if e.Host == "" {
				e.Host = "localhost"
			}
			listeners[e.Listener] = e
		}
	}
	names, ok := props["controller.listener.names"]
	if !ok {
		return nil, terse("controller.listener.names was not found. Is this a valid controller configuration file?")
	}
	var endpoints []admin.Endpoint
	for name := range strings.SplitSeq(names, ",") {
		name = strings.ToUpper(name)
		e, ok := listeners[name]
		if !ok {
			return nil, tersef("Cannot find information about controller listener name: %s", name)
		}
		endpoints = append(endpoints, e)
	}
	return endpoints, nil
}

// removeController takes a voter out of the quorum.
func (c *metadataQuorum) removeController(ctx context.Context) error {
	id := int32(c.values.Long("--controller-id"))
	if id < 0 {
		return tersef("Invalid negative --controller-id: %d", id)
	}
	directory, err := parseUUID(c.values.String("--controller-directory-id"))
	if err != nil {
		return tersef("Failed to parse --controller-directory-id: %s", messageOf(err))
	}
	done := "DRY RUN of removing "
	if !c.values.Flag("--dry-run") {
		if err := c.admin.RemoveRaftVoter(ctx, id, directory); err != nil {
			return awaited(err)
		}
		done = "Removed "
	}
	c.printf("%s KRaft controller %d with directory id %s\n", done, id, directory)
	return nil
}

// parseUUID is Uuid.fromString.
func parseUUID(text string) (admin.ID, error) {
	const longest = 24 // of 16 bytes with padding
	if len(text) > longest {
		return admin.ID{}, illegalArgument("Input string with prefix `%s` is too long to be decoded as a base64 UUID", text[:longest])
	}
	digits := strings.TrimRight(text, "=")
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if at := strings.IndexFunc(digits, func(r rune) bool { return !strings.ContainsRune(alphabet, r) }); at >= 0 {
		return admin.ID{}, illegalArgument("Illegal base64 character %x", digits[at])
	}
	b, err := base64.RawURLEncoding.DecodeString(digits)
	switch {
	case err != nil: // one digit is left over
		return admin.ID{}, illegalArgument("Last unit does not have enough valid bits")
	case len(b) != len(admin.ID{}):
		return admin.ID{}, illegalArgument("Input string `%s` decoded as %d bytes, which is not equal to the expected %d bytes of a base64-encoded UUID",
			text, len(b), len(admin.ID{}))
	}
	return admin.ID(b), nil
}
