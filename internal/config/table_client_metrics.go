package config

// clientMetricsKeys are the keys of client metrics subscriptions (KIP-714).
var clientMetricsKeys = []Key{
	{
		Name: "interval.ms", Type: Int, Default: "300000", Importance: Medium,
		Doc: "How often matching clients push their metrics.",
	},
	{
		Name: "match", Type: List, Default: "", Check: distinct(true, false), Importance: Medium,
		Doc: "Which clients push: key=regular expression, all of which must match.",
	},
	{
		Name: "metrics", Type: List, Default: "", Check: distinct(true, false), Importance: Medium,
		Doc: "Prefixes of the metrics that matching clients push; * means all.",
	},
}
