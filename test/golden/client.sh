#!/usr/bin/env bash
# Records what Apache Kafka's client tools print into internal/cli/testdata/client. Run it by hand when
# a story has changed; it needs Java and the jars of bench/kafka (bench/kafka/kafka setup fetches them).
set -euo pipefail
cd "$(dirname "$0")/../.."
kafka=$PWD/bench/kafka/kafka port=${PORT:-29594}
dir=$(mktemp -d)
sed -e "s#DATADIR#$dir/data#; s#19092#$port#g; s#19093#$((port + 1))#g" bench/kafka/server.properties >"$dir/server.properties"
"$kafka" run "$dir/server.properties" >"$dir/log" 2>&1 &
broker=$!
trap 'kill $broker; wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
until "$kafka" tool org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$port" --list >/dev/null 2>&1; do
  kill -0 $broker || { cat "$dir/log"; exit 1; }
done
BOOTSTRAP=127.0.0.1:$port KAFKA_TOOL="$kafka tool" go test ./internal/cli -run TestClientGolden -timeout 40m -count 1 -rewrite
