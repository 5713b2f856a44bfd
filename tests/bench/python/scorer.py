"""A straightforward scorer: one group, one model, no experiment. See docs/benchmarks.md.

    scorer.py kafka|nats ADDRESS PREFIX INPUT GROUP MODEL singly|batched

It commits as serin does, in batches. `singly` calls the model once a record, as most consumers do that are written
from the client's examples; `batched` once a batch, as somebody writes it who looks for speed.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import confluent_kafka
import nats
from model import HEADERS, Model
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

KAFKA_BATCH = 2_000
# The server commits a thousand messages at once, and one is the position.
NATS_BATCH = 999

# Keys, values and times of the predictions of records.
Predict = Callable[[list[bytes]], list[tuple[str, bytes, int]]]


def run_kafka(address: str, prefix: str, source: str, group: str, predict: Predict):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": address,
        "group.id": f"{prefix}.{group}",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
    })
    producer = confluent_kafka.Producer({
        "bootstrap.servers": address,
        "transactional.id": f"{prefix}.{group}.{os.getpid()}",
        "transaction.timeout.ms": 10_000,
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
    })
    producer.init_transactions()
    consumer.subscribe([f"{prefix}.{source}"])
    # A consumer waits for a whole batch up to this time: longer would be latency.
    wait = 0.01
    while True:
        messages = [message for message in consumer.consume(KAFKA_BATCH, wait) if not message.error()]
        if not messages:
            continue
        producer.begin_transaction()
        for key, value, time in predict([message.value() for message in messages]):
            producer.produce(f"{prefix}.predictions", value, key, timestamp=time, headers=HEADERS)
            producer.poll(0)
        offsets = consumer.position(consumer.assignment())
        offsets = [offset for offset in offsets if offset.offset >= 0]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()


async def run_nats(address: str, prefix: str, source: str, group: str, predict: Predict):
    client = await nats.connect(address, pending_size=64 << 20)
    config = ConsumerConfig(
        durable_name=group,
        ack_policy=AckPolicy.ALL,
        deliver_policy=DeliverPolicy.ALL,
        max_ack_pending=-1,
    )
    subscription = await client.jetstream().pull_subscribe(
        f"{prefix}.{source}.>", durable=group, stream=prefix, config=config
    )
    position, last, count = f"{prefix}.$checkpoint.{group}.{source}.0", 0, 0
    while True:
        try:
            messages = await subscription.fetch(NATS_BATCH, timeout=0.01)
        except nats.errors.TimeoutError:
            continue
        count += 1
        batch = f"{group}-{os.getpid()}-{count}"
        predictions = predict([message.data for message in messages])
        for place, (message, (key, value, time)) in enumerate(zip(messages, predictions, strict=True), 1):
            headers = {"Serin-Time": str(time), "Serin-Key": key, **dict(HEADERS)}
            headers |= {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(place)}
            partition = message.subject.rsplit(".", 1)[1]
            await client.publish(f"{prefix}.predictions.{partition}", value, headers=headers)
        headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(len(messages) + 1)}
        headers |= {"Nats-Batch-Commit": "1", "Nats-Rollup": "sub"}
        headers |= {"Nats-Expected-Last-Subject-Sequence": str(last)}
        body = {"next": messages[-1].metadata.sequence.stream + 1, "lane": group, "write": count}
        answer = await client.request(position, json.dumps(body).encode(), timeout=10, headers=headers)
        answer = json.loads(answer.data)
        if "error" in answer:
            raise SystemExit(f"refused: {answer}")
        last = answer["seq"]
        await messages[-1].ack()


def main():
    broker, address, prefix, source, group, folder, how = sys.argv[1:]
    model = Model(Path(folder))
    predict = {"singly": model.predict_singly, "batched": model.predict}[how]
    if broker == "kafka":
        run_kafka(address, prefix, source, group, predict)
    else:
        asyncio.run(run_nats(address, prefix, source, group, predict))


if __name__ == "__main__":
    main()
