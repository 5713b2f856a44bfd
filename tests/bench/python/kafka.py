"""Kafka as the benchmark sees it from outside."""

import time
import uuid

import confluent_kafka
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PARTITIONS = 4


class Kafka:
    name = "kafka"

    def __init__(self, address: str, prefix: str):
        self.address, self.prefix = address, prefix
        self.groups = {}

    def _consumer(self, group: str, isolation: str = "read_committed") -> confluent_kafka.Consumer:
        return confluent_kafka.Consumer({
            "bootstrap.servers": self.address,
            "group.id": group,
            "enable.auto.commit": False,
            "isolation.level": isolation,
        })

    def prepare(self):
        """Nothing has to be cleared: each run has groups of its own."""

    def create(self, topic: str):
        """Creates a topic and waits until it is there."""
        admin = AdminClient({"bootstrap.servers": self.address})
        for created in admin.create_topics([NewTopic(f"{self.prefix}.{topic}", PARTITIONS, 1)]).values():
            created.result(30)

    def settle(self):
        """Waits until no transaction is open that a process has left: committed readers would stand before it."""
        ends = {level: self._consumer(str(uuid.uuid4()), level) for level in ("read_committed", "read_uncommitted")}
        places = [TopicPartition(f"{self.prefix}.{topic}", partition)
                  for topic in ("predictions", "shadow-predictions") for partition in range(PARTITIONS)]
        began = time.monotonic()
        for place in places:
            stable, last = (ends[level].get_watermark_offsets(place, 10)[1] for level in ends)
            while stable < last:
                if time.monotonic() - began > 60:
                    raise RuntimeError(f"a transaction is open on {place.topic} for more than a minute")
                time.sleep(0.2)
                stable = ends["read_committed"].get_watermark_offsets(place, 10)[1]
        for consumer in ends.values():
            consumer.close()

    def progress(self, group: str, outputs: list[str], source: str) -> list[int]:
        """How many records each lane's group has committed."""
        groups = {"predictions": [group], "shadow-predictions": [f"{group}.shadow", f"{group}.shadow.mlp-2"]}
        return [sum(self._committed(each, source) for each in groups[output]) for output in outputs]

    def _committed(self, group: str, source: str) -> int:
        group = f"{self.prefix}.{group}"
        if group not in self.groups:
            self.groups[group] = self._consumer(group)
        topic = f"{self.prefix}.{source}"
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        try:
            committed = self.groups[group].committed(places, 10)
        except confluent_kafka.KafkaException:
            # The first groups of a new broker have no coordinator for a while; what lasts, the caller gives up on.
            return 0
        return sum(max(place.offset, 0) for place in committed)

    def watch(self, seen, stop):
        """Calls `seen` with the time in milliseconds that each committed prediction carries, until `stop` is set."""
        consumer = self._consumer(str(uuid.uuid4()))
        topic = f"{self.prefix}.predictions"
        ends = [TopicPartition(topic, each, confluent_kafka.OFFSET_END) for each in range(PARTITIONS)]
        consumer.assign(ends)
        while not stop.is_set():
            message = consumer.poll(0.1)
            if message is not None and not message.error():
                seen(message.timestamp()[1])
        consumer.close()

    def producer(self, **options):
        """Returns a function that appends a record, and one that waits for all of them."""
        producer = confluent_kafka.Producer({
            "bootstrap.servers": self.address,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
            **options,
        })

        def append(source: str, key: str, value: bytes, time_ms: int):
            while True:
                try:
                    producer.produce(f"{self.prefix}.{source}", value, key, timestamp=time_ms)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)

        return append, producer.flush
