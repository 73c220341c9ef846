#!/usr/bin/env bash
# Records what Apache Kafka's tools print of files into internal/cli/testdata/files. Run it by hand when a story has changed; it
# needs Java and the jars of bench/kafka (bench/kafka/kafka setup fetches them).
set -euo pipefail
cd "$(dirname "$0")/../.."
KAFKA_TOOL="$PWD/bench/kafka/kafka tool" go test ./internal/cli -run TestFilesGolden -timeout 40m -count 1 -rewrite
