#!/bin/sh
PATH="$(dirname "$0"):$PATH" exec headrace kafka-dump-log "$@"
