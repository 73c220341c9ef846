#!/usr/bin/env bash
# Records what Apache Kafka's kafka-server-start.sh and kafka-server-stop.sh do into internal/cli/testdata/server. Run it by
# hand when a story has changed: KAFKA_BIN is the bin directory of an unpacked Kafka (its libs beside it), PORT and the next
# port are free; STORY=stop takes one of the stories.
set -euo pipefail
: "${KAFKA_BIN:?}"
cd "$(dirname "$0")/../.."
log=$(mktemp --suffix=.xml)
trap 'rm -f "$log"' EXIT
# As the distribution's own: to standard output. Only what is wrong, and that the node has started.
cat >"$log" <<'XML'
<Configuration><Appenders><Console name="c"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console></Appenders><Loggers>
<Logger name="kafka.server.KafkaRaftServer" level="info"/><Root level="error"><AppenderRef ref="c"/></Root></Loggers></Configuration>
XML
export KAFKA_BIN PORT=${PORT:-29592} KAFKA_LOG4J_OPTS=-Dlog4j2.configurationFile=$log KAFKA_HEAP_OPTS='-Xmx512M -XX:TieredStopAtLevel=1'
go test ./internal/cli -run "TestServerGolden/${STORY:-}" -count=1 -timeout 60m -rewrite
