package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// hostPort and listenerURI are Utils.HOST_PORT_PATTERN and SocketServerConfigs.URI_PARSE_REGEXP.
var (
	hostPort    = regexp.MustCompile(`^(?:[0-9a-zA-Z\-%._]*://)?\[?([0-9a-zA-Z\-%._:]*)]?:([0-9]+)$`)
	listenerURI = regexp.MustCompile(`^(.*)://\[?([0-9a-zA-Z\-%._:]*)]?:(-?[0-9]+)$`)
)

var (
	errHost = errors.New("host name")
	errPort = errors.New("host port")
)

// parseHostPort splits "host:port" or "[::1]:port". The error is errHost or errPort.
func parseHostPort(s string) (host string, port int, err error) {
	m := hostPort.FindStringSubmatch(s)
	if m == nil {
		return "", 0, errHost
	}
	port, err = strconv.Atoi(m[2])
	if err != nil || port > 65535 {
		return "", 0, errPort
	}
	return m[1], port, nil
}

// Voter is one entry of controller.quorum.voters.
type Voter struct {
	ID   int32
	Host string
	Port int
}

// parseVoters reads "id@host:port" entries, as QuorumConfig.parseVoterConnections.
func parseVoters(list []string) ([]Voter, error) {
	const key, form = "controller.quorum.voters", ". Each entry should be in the form `{id}@{host}:{port}`."
	fail := func(text string, args ...any) error {
		return &ValueError{Key: key, Message: fmt.Sprintf(text, args...)}
	}
	var voters []Voter
	for _, entry := range list {
		idText, address, ok := strings.Cut(entry, "@")
		if !ok || strings.Contains(address, "@") {
			return nil, fail("Invalid configuration value for %s%s", key, form)
		}
		id, err := strconv.ParseInt(idText, 10, 32)
		if err != nil {
			return nil, fail("Failed to parse voter ID as an integer from %s", idText)
		}
		host, port, err := parseHostPort(address)
		if err != nil {
			return nil, fail("Failed to parse %s from entry %s for the configuration %s%s", err, entry, key, form)
		}
		voters = append(voters, Voter{int32(id), host, port})
	}
	return voters, nil
}
