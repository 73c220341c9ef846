#!/usr/bin/env bash
# Records internal/cli/testdata/admin from Apache Kafka's Java tools: by hand, after a change of the stories.
# BOOTSTRAP names an Apache Kafka 4.3.1 broker with node.id=1 on loopback whose topics may go; KAFKA_TOOL runs a Java class
# ("bench/kafka/kafka tool").
set -euo pipefail
: "${BOOTSTRAP:?}"
cd "$(dirname "$0")/../.."
KAFKA_TOOL=${KAFKA_TOOL:-$PWD/bench/kafka/kafka tool} go test ./internal/cli -run TestAdminGolden -count=1 -timeout 60m -rewrite
