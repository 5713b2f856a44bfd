#!/bin/bash
# Creates the topics of the stack on Kafka, once; those that are there already stay as they are.
#
# They are kept by size and not by age: the age of a record counts from its own time, and the flights of the example
# are years old. In production, set an age that covers the windows of the experiments.
set -euo pipefail

topic() {
    /opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:19092 --create --if-not-exists \
        --config retention.ms=-1 --topic "$@"
}

for name in features outcomes predictions shadow-predictions features.dlq; do
    topic "$name" --partitions 4 --config retention.bytes=1073741824
done
topic reports --partitions 1 --config retention.bytes=1073741824
# The history of deployments is never deleted.
topic deployments --partitions 1
