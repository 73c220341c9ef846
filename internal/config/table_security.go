package config

// securityKeys are the keys of TLS, SASL, authorization and delegation tokens.
var securityKeys = []Key{
	{
		Name: "authorizer.class.name", Type: String, Default: "", Check: nonNull(), Importance: Low,
		Doc: "What decides who may do what: org.apache.kafka.metadata.authorizer.StandardAuthorizer turns on ACLs; empty: everybody may do everything.",
	},
	{
		Name: "connections.max.reauth.ms", Type: Long, Default: "0", Importance: Medium,
		Doc: "How long a SASL session lasts before the client must authenticate again; 0: for ever (KIP-368).",
	},
	{
		Name: "delegation.token.expiry.check.interval.ms", Type: Long, Default: "3600000", Check: atLeast(1), Importance: Low,
		Doc: "How often expired delegation tokens are removed.",
	},
	{
		Name: "delegation.token.expiry.time.ms", Type: Long, Default: "86400000", Check: atLeast(1), Importance: Medium,
		Doc: "How long a delegation token is valid before it must be renewed.",
	},
	{
		Name: "delegation.token.max.lifetime.ms", Type: Long, Default: "604800000", Check: atLeast(1), Importance: Medium,
		Doc: "How long a delegation token can be renewed.",
	},
	{
		Name: "delegation.token.secret.key", Type: Password, Default: null, Importance: Medium,
		Doc: "Secret that signs delegation tokens; the same on all nodes. Without it there are no tokens.",
	},
	{
		Name: "principal.builder.class", Type: Class, Default: "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", Importance: Medium, Update: PerBroker,
		Doc:      "Java class that names who is behind a connection.",
		NoEffect: "Java classes cannot be loaded; names are built as DefaultKafkaPrincipalBuilder does",
	},
	{
		Name: "sasl.client.callback.handler.class", Type: Class, Default: null, Importance: Medium,
		Doc:      "Java class that answers SASL on this node's outgoing connections.",
		NoEffect: "Java classes cannot be loaded",
	},
	{
		Name: "sasl.enabled.mechanisms", Type: List, Default: "GSSAPI", Check: distinct(true, false), Importance: Medium, Update: PerBroker,
		Doc: "SASL mechanisms that a listener offers.",
	},
	{
		Name: "sasl.jaas.config", Type: Password, Default: null, Importance: Medium, Update: PerBroker,
		Doc: "Login of SASL in JAAS form; brokers write it as listener.name.<listener>.<mechanism>.sasl.jaas.config.",
	},
	{
		Name: "sasl.kerberos.kinit.cmd", Type: String, Default: "/usr/bin/kinit", Importance: Medium, Update: PerBroker,
		Doc:      "Path of the program kinit.",
		NoEffect: "GSSAPI is not supported",
	},
	{
		Name: "sasl.kerberos.min.time.before.relogin", Type: Long, Default: "60000", Importance: Medium, Update: PerBroker,
		Doc:      "Pause between two refreshes of a Kerberos ticket.",
		NoEffect: "GSSAPI is not supported",
	},
	{
		Name: "sasl.kerberos.principal.to.local.rules", Type: List, Default: "DEFAULT", Check: distinct(true, false), Importance: Medium, Update: PerBroker,
		Doc:      "Rules that make user names of Kerberos principals.",
		NoEffect: "GSSAPI is not supported",
	},
	{
		Name: "sasl.kerberos.service.name", Type: String, Default: null, Importance: Medium, Update: PerBroker,
		Doc:      "Kerberos name of the service.",
		NoEffect: "GSSAPI is not supported",
	},
	{
		Name: "sasl.kerberos.ticket.renew.jitter", Type: Double, Default: "0.05", Importance: Medium, Update: PerBroker,
		Doc:      "Random share of the time before a ticket is renewed.",
		NoEffect: "GSSAPI is not supported",
	},
	{
		Name: "sasl.kerberos.ticket.renew.window.factor", Type: Double, Default: "0.8", Importance: Medium, Update: PerBroker,
		Doc:      "Share of a ticket's life after which it is renewed.",
		NoEffect: "GSSAPI is not supported",
	},
	{
		Name: "sasl.login.callback.handler.class", Type: Class, Default: null, Importance: Medium,
		Doc:      "Java class that supplies the login.",
		NoEffect: "Java classes cannot be loaded",
	},
	{
		Name: "sasl.login.class", Type: Class, Default: null, Importance: Medium,
		Doc:      "Java class that does the login.",
		NoEffect: "Java classes cannot be loaded",
	},
	{
		Name: "sasl.login.connect.timeout.ms", Type: Int, Default: null, Importance: Low,
		Doc: "How long a connection to the identity provider may take.",
	},
	{
		Name: "sasl.login.read.timeout.ms", Type: Int, Default: null, Importance: Low,
		Doc: "How long an answer of the identity provider may take.",
	},
	{
		Name: "sasl.login.refresh.buffer.seconds", Type: Short, Default: "300", Importance: Medium, Update: PerBroker,
		Doc: "Time before its end at which a login is refreshed at the latest.",
	},
	{
		Name: "sasl.login.refresh.min.period.seconds", Type: Short, Default: "60", Importance: Medium, Update: PerBroker,
		Doc: "Shortest time between two refreshes of a login.",
	},
	{
		Name: "sasl.login.refresh.window.factor", Type: Double, Default: "0.8", Importance: Medium, Update: PerBroker,
		Doc: "Share of a login's life after which it is refreshed.",
	},
	{
		Name: "sasl.login.refresh.window.jitter", Type: Double, Default: "0.05", Importance: Medium, Update: PerBroker,
		Doc: "Random share that is added to that time.",
	},
	{
		Name: "sasl.login.retry.backoff.max.ms", Type: Long, Default: "10000", Importance: Low,
		Doc: "Longest pause between tries to reach the identity provider.",
	},
	{
		Name: "sasl.login.retry.backoff.ms", Type: Long, Default: "100", Importance: Low,
		Doc: "First pause between tries to reach the identity provider.",
	},
	{
		Name: "sasl.mechanism.controller.protocol", Type: String, Default: "GSSAPI",
		Doc: "SASL mechanism towards controllers.",
	},
	{
		Name: "sasl.mechanism.inter.broker.protocol", Type: String, Default: "GSSAPI", Importance: Medium, Update: PerBroker,
		Doc: "SASL mechanism among brokers.",
	},
	{
		Name: "sasl.oauthbearer.assertion.algorithm", Type: String, Default: "RS256", Check: oneOfFold("ES256", "RS256"), Importance: Medium,
		Doc: "Signature of an assertion that logs in by OAuth.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.aud", Type: String, Default: null, Importance: Medium,
		Doc: "Audience in that assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.exp.seconds", Type: Int, Default: "300", Check: between(0, 86400), Importance: Low,
		Doc: "How long that assertion is valid.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.iss", Type: String, Default: null, Importance: Medium,
		Doc: "Issuer in that assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.jti.include", Type: Boolean, Default: "false", Importance: Medium,
		Doc: "Whether that assertion has an id of its own.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.nbf.seconds", Type: Int, Default: "60", Check: between(0, 3600), Importance: Low,
		Doc: "How long before its making that assertion is already valid.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.sub", Type: String, Default: null, Importance: Medium,
		Doc: "Subject in that assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.file", Type: String, Default: null, Importance: Medium,
		Doc: "File that holds a ready assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.private.key.file", Type: String, Default: null, Importance: Medium,
		Doc: "File of the key that signs the assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.private.key.passphrase", Type: Password, Default: null, Importance: Medium,
		Doc: "Pass phrase of that key.",
	},
	{
		Name: "sasl.oauthbearer.assertion.template.file", Type: String, Default: null, Importance: Medium,
		Doc: "File with further claims of the assertion.",
	},
	{
		Name: "sasl.oauthbearer.client.credentials.client.id", Type: String, Default: null, Importance: Medium,
		Doc: "Client id of an OAuth login by client credentials.",
	},
	{
		Name: "sasl.oauthbearer.client.credentials.client.secret", Type: Password, Default: null, Importance: Medium,
		Doc: "Client secret of that login.",
	},
	{
		Name: "sasl.oauthbearer.clock.skew.seconds", Type: Int, Default: "30", Importance: Low,
		Doc: "Difference of clocks that is tolerated in tokens.",
	},
	{
		Name: "sasl.oauthbearer.expected.audience", Type: List, Default: "", Check: distinct(true, false),
		Doc: "Audiences of which a token must have one.",
	},
	{
		Name: "sasl.oauthbearer.expected.issuer", Type: String, Default: null,
		Doc: "Issuer that a token must have.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.refresh.ms", Type: Long, Default: "3600000", Importance: Low,
		Doc: "How often the keys of the identity provider are read again.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Type: Long, Default: "10000", Importance: Low,
		Doc: "Longest pause between tries to read them.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Type: Long, Default: "100", Importance: Low,
		Doc: "First pause between tries to read them.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.url", Type: String, Default: null, Importance: Medium,
		Doc: "Where the keys of the identity provider are: an https or file URL.",
	},
	{
		Name: "sasl.oauthbearer.jwt.retriever.class", Type: Class, Default: "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", Importance: Medium,
		Doc:      "Java class that gets tokens.",
		NoEffect: "Java classes cannot be loaded",
	},
	{
		Name: "sasl.oauthbearer.jwt.validator.class", Type: Class, Default: "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", Importance: Medium,
		Doc:      "Java class that checks tokens.",
		NoEffect: "Java classes cannot be loaded",
	},
	{
		Name: "sasl.oauthbearer.scope", Type: String, Default: null, Importance: Medium,
		Doc: "Scope that an OAuth login asks for.",
	},
	{
		Name: "sasl.oauthbearer.scope.claim.name", Type: String, Default: "scope", Importance: Low,
		Doc: "Name of the claim with the scope.",
	},
	{
		Name: "sasl.oauthbearer.sub.claim.name", Type: String, Default: "sub", Importance: Low,
		Doc: "Name of the claim with the user.",
	},
	{
		Name: "sasl.oauthbearer.token.endpoint.url", Type: String, Default: null, Importance: Medium,
		Doc: "Where tokens are got: an https or file URL.",
	},
	{
		Name: "sasl.server.callback.handler.class", Type: Class, Default: null, Importance: Medium,
		Doc:      "Java class that answers SASL of clients.",
		NoEffect: "Java classes cannot be loaded",
	},
	{
		Name: "sasl.server.max.receive.size", Type: Int, Default: "524288", Importance: Medium,
		Doc: "Most bytes of one SASL message from a client.",
	},
	{
		Name: "security.inter.broker.protocol", Type: String, Default: "PLAINTEXT", Check: oneOf("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"), Importance: Medium,
		Doc: "Security protocol among brokers, if inter.broker.listener.name is not set.",
	},
	{
		Name: "security.providers", Type: String, Default: null, Importance: Low,
		Doc:      "Java classes of security providers.",
		NoEffect: "Java classes cannot be loaded",
	},
	{
		Name: "ssl.allow.dn.changes", Type: Boolean, Default: "false", Importance: Low,
		Doc: "Whether a new key store of a listener may have another distinguished name.",
	},
	{
		Name: "ssl.allow.san.changes", Type: Boolean, Default: "false", Importance: Low,
		Doc: "Whether a new key store of a listener may lack alternative names that the old one had.",
	},
	{
		Name: "ssl.cipher.suites", Type: List, Default: "", Check: distinct(true, false), Importance: Medium, Update: PerBroker,
		Doc: "Cipher suites that are offered, for TLS 1.2; empty: the good ones.",
	},
	{
		Name: "ssl.client.auth", Type: String, Default: "none", Check: oneOf("required", "requested", "none"), Importance: Medium, Update: PerBroker,
		Doc: "Whether clients need a certificate: required, requested or none.",
	},
	{
		Name: "ssl.enabled.protocols", Type: List, Default: "TLSv1.2,TLSv1.3", Check: distinct(true, false), Importance: Medium, Update: PerBroker,
		Doc: "Versions of TLS that are offered.",
	},
	{
		Name: "ssl.endpoint.identification.algorithm", Type: String, Default: "https", Importance: Low, Update: PerBroker,
		Doc: "How this node checks the name of a server that it connects to; empty: not at all.",
	},
	{
		Name: "ssl.engine.factory.class", Type: Class, Default: null, Importance: Low, Update: PerBroker,
		Doc:      "Java class that makes TLS engines.",
		NoEffect: "Java classes cannot be loaded",
	},
	{
		Name: "ssl.key.password", Type: Password, Default: null, Importance: Medium, Update: PerBroker,
		Doc: "Pass phrase of the key in the key store.",
	},
	{
		Name: "ssl.keymanager.algorithm", Type: String, Default: "SunX509", Importance: Medium, Update: PerBroker,
		Doc:      "Java's name for how keys are chosen.",
		NoEffect: "there is one way",
	},
	{
		Name: "ssl.keystore.certificate.chain", Type: Password, Default: null, Importance: Medium, Update: PerBroker,
		Doc: "Certificate chain in PEM format, in place of a file.",
	},
	{
		Name: "ssl.keystore.key", Type: Password, Default: null, Importance: Medium, Update: PerBroker,
		Doc: "Private key in PEM format, in place of a file.",
	},
	{
		Name: "ssl.keystore.location", Type: String, Default: null, Importance: Medium, Update: PerBroker,
		Doc: "File with this node's certificate and key.",
	},
	{
		Name: "ssl.keystore.password", Type: Password, Default: null, Importance: Medium, Update: PerBroker,
		Doc: "Pass phrase of that file.",
	},
	{
		Name: "ssl.keystore.type", Type: String, Default: "JKS", Importance: Medium, Update: PerBroker,
		Doc: "Format of that file: PEM.",
	},
	{
		Name: "ssl.principal.mapping.rules", Type: String, Default: "DEFAULT", Importance: Low,
		Doc: "Rules that make user names of certificates' distinguished names.",
	},
	{
		Name: "ssl.protocol", Type: String, Default: "TLSv1.3", Importance: Medium, Update: PerBroker,
		Doc:      "Java's name of the TLS protocol.",
		NoEffect: "ssl.enabled.protocols says which versions are used",
	},
	{
		Name: "ssl.provider", Type: String, Default: null, Importance: Medium, Update: PerBroker,
		Doc:      "Java's name of the TLS provider.",
		NoEffect: "there is one",
	},
	{
		Name: "ssl.secure.random.implementation", Type: String, Default: null, Importance: Low, Update: PerBroker,
		Doc:      "Java's name of the random generator for TLS.",
		NoEffect: "the operating system's is used",
	},
	{
		Name: "ssl.trustmanager.algorithm", Type: String, Default: "PKIX", Importance: Medium, Update: PerBroker,
		Doc:      "Java's name for how certificates are checked.",
		NoEffect: "there is one way",
	},
	{
		Name: "ssl.truststore.certificates", Type: Password, Default: null, Importance: Medium, Update: PerBroker,
		Doc: "Trusted certificates in PEM format, in place of a file.",
	},
	{
		Name: "ssl.truststore.location", Type: String, Default: null, Importance: Medium, Update: PerBroker,
		Doc: "File with the certificates that are trusted.",
	},
	{
		Name: "ssl.truststore.password", Type: Password, Default: null, Importance: Medium, Update: PerBroker,
		Doc: "Pass phrase of that file.",
	},
	{
		Name: "ssl.truststore.type", Type: String, Default: "JKS", Importance: Medium, Update: PerBroker,
		Doc: "Format of that file: PEM.",
	},
}
