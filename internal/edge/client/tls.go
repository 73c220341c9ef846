package client

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
)

// tlsConfig reads ssl.*: stores of type PEM, as files or inline, protocols, and whether the host name is checked.
func tlsConfig(props map[string]string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if err := tlsProtocols(conf, props["ssl.enabled.protocols"]); err != nil {
		return nil, err
	}
	trust, err := material(props, "ssl.truststore.certificates", "ssl.truststore.location", "ssl.truststore.type")
	if err != nil {
		return nil, err
	}
	if trust != nil {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(trust) {
			return nil, configError("the trust store holds no certificate in PEM format")
		}
	}
	if err := clientCertificate(conf, props); err != nil {
		return nil, err
	}
	if algorithm, ok := props["ssl.endpoint.identification.algorithm"]; ok && algorithm == "" {
		skipHostName(conf)
	}
	return conf, nil
}

func tlsProtocols(conf *tls.Config, list string) error {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		v, ok := tlsVersions[name]
		if !ok {
			return configError("Invalid value %s for configuration ssl.enabled.protocols: it takes TLSv1.2 and TLSv1.3", name)
		}
		if conf.MaxVersion == 0 || v < conf.MinVersion {
			conf.MinVersion = v
		}
		conf.MaxVersion = max(conf.MaxVersion, v)
	}
	return nil
}

// material returns a PEM store: the text of key inline, else the file that key location names, else nil.
func material(props map[string]string, inline, location, kind string) ([]byte, error) {
	if text := props[inline]; text != "" {
		return []byte(text), nil
	}
	path := props[location]
	if path == "" {
		return nil, nil
	}
	if k := props[kind]; k != "PEM" {
		if k == "" {
			k = "JKS"
		}
		return nil, configError("%s: stores of type %s are not supported, set %s=PEM (keytool and openssl convert them)", location, k, kind)
	}
	return os.ReadFile(path)
}

func clientCertificate(conf *tls.Config, props map[string]string) error {
	chain, err := material(props, "ssl.keystore.certificate.chain", "ssl.keystore.location", "ssl.keystore.type")
	if err != nil || chain == nil {
		return err
	}
	key := chain // a PEM file holds both
	if inline := props["ssl.keystore.key"]; inline != "" {
		key = []byte(inline)
	}
	if block, _ := pem.Decode(key); block != nil && block.Type == "ENCRYPTED PRIVATE KEY" {
		return configError("ssl.keystore.key: encrypted private keys are not supported, decrypt it with openssl pkcs8")
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return configError("the key store cannot be used: %s", err)
	}
	conf.Certificates = []tls.Certificate{cert}
	return nil
}

// skipHostName checks the chain of certificates but not the name in it, as Java with an empty
// ssl.endpoint.identification.algorithm.
func skipHostName(conf *tls.Config) {
	conf.InsecureSkipVerify = true
	roots := conf.RootCAs
	conf.VerifyConnection = func(state tls.ConnectionState) error {
		opts := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, c := range state.PeerCertificates[1:] {
			opts.Intermediates.AddCert(c)
		}
		_, err := state.PeerCertificates[0].Verify(opts)
		return err
	}
}
