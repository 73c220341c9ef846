package client

import (
	"crypto/tls"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// security builds the dialer, with or without TLS, and SASL from security.protocol and what belongs to it.
func security(props map[string]string) ([]kgo.Opt, error) {
	protocol := strings.ToUpper(strings.TrimSpace(props["security.protocol"]))
	if protocol == "" {
		protocol = "PLAINTEXT"
	}
	if err := oneOf("security.protocol", protocol, "PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL"); err != nil {
		return nil, err
	}
	var conf *tls.Config
	if strings.HasSuffix(protocol, "SSL") {
		var err error
		if conf, err = tlsConfig(props); err != nil {
			return nil, err
		}
	}
	d, err := newDialer(props, conf)
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{kgo.Dialer(d.DialContext), kgo.WithHooks(d)}
	if strings.HasPrefix(protocol, "SASL_") {
		m, err := mechanism(props)
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(m))
	}
	return opts, nil
}

func mechanism(props map[string]string) (sasl.Mechanism, error) {
	name := props["sasl.mechanism"]
	if name == "" {
		name = "GSSAPI"
	}
	login, err := parseJAAS(props["sasl.jaas.config"])
	if err != nil {
		return nil, err
	}
	user, password := login["username"], login["password"]
	switch name {
	case "PLAIN":
		return plain.Auth{User: user, Pass: password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: password, IsToken: login["tokenauth"] == "true"}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: user, Pass: password, IsToken: login["tokenauth"] == "true"}.AsSha512Mechanism(), nil
	}
	return nil, configError("sasl.mechanism=%s is not supported here: use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", name)
}

// parseJAAS reads the options of a login module: `org.example.LoginModule required username="a" password="b";`.
func parseJAAS(text string) (map[string]string, error) {
	malformed := configError("Could not find a 'KafkaClient' entry in the JAAS configuration: sasl.jaas.config must read " +
		"'<login module> required key=\"value\" ...;'")
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, malformed
	}
	body, ok := strings.CutSuffix(text, ";")
	if !ok {
		return nil, configError("JAAS config entry not terminated by semi-colon")
	}
	words := jaasWords(body)
	if len(words) < 2 {
		return nil, malformed
	}
	options := map[string]string{}
	for _, w := range words[2:] { // after the module and its control flag
		key, value, ok := strings.Cut(w, "=")
		if !ok {
			return nil, configError("Value not specified for key '%s' in JAAS config", w)
		}
		options[key] = value
	}
	return options, nil
}

// jaasWords splits at white space; quotes keep it, and a backslash in quotes keeps the next character.
func jaasWords(s string) []string {
	var words []string
	var word strings.Builder
	var quote byte
	started := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0 && c == '\\' && i+1 < len(s):
			i++
			word.WriteByte(s[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, started = c, true
		case quote == 0 && strings.IndexByte(" \t\r\n", c) >= 0:
			if started {
				words = append(words, word.String())
				word.Reset()
				started = false
			}
		default:
			started = true
			word.WriteByte(c)
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words
}

var tlsVersions = map[string]uint16{
	"TLSv1": tls.VersionTLS10, "TLSv1.1": tls.VersionTLS11, "TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13,
}
