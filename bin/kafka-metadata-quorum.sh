#!/bin/sh
PATH="$(dirname "$0"):$PATH" exec headrace kafka-metadata-quorum "$@"
