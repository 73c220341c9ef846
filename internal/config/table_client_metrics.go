package config

// clientMetricsKeys are the keys of client metrics subscriptions (KIP-714).
var clientMetricsKeys = []Key{
	{Name: "interval.ms", Type: Int, Default: "300000", Importance: Medium,
		Doc: ""},
	{Name: "match", Type: List, Default: "", Check: distinct(true, false), Importance: Medium,
		Doc: ""},
	{Name: "metrics", Type: List, Default: "", Check: distinct(true, false), Importance: Medium,
		Doc: ""},
}
