"""NATS as the benchmark sees it from outside. The client is of asyncio, which has a thread of its own here."""

import asyncio
import threading
import zlib

import nats
from nats.js.api import DeliverPolicy

PARTITIONS = 4


class Nats:
    name = "nats"

    def __init__(self, address: str, prefix: str):
        self.prefix = prefix
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.client = self._run(nats.connect(address, pending_size=64 << 20))
        self.jetstream = self.client.jetstream()

    def _run(self, task):
        return asyncio.run_coroutine_threadsafe(task, self.loop).result(60)

    def prepare(self):
        """Clears what earlier runs have left: outputs, which are counted, and consumers."""
        self._run(self._clear())

    async def _clear(self):
        for topic in ["predictions", "shadow-predictions"]:
            await self.jetstream.purge_stream(self.prefix, subject=f"{self.prefix}.{topic}.>")
        for consumer in await self.jetstream.consumers_info(self.prefix):
            await self.jetstream.delete_consumer(self.prefix, consumer.name)

    def create(self, topic: str):
        """A subject needs no making."""

    def settle(self):
        """Nothing is left open: a batch that is not whole is not there."""

    def progress(self, group: str, outputs: list[str], source: str) -> list[int]:
        """How many outputs each lane has committed."""
        return [self._run(self._count(output)) for output in outputs]

    async def _count(self, topic: str) -> int:
        info = await self.jetstream.stream_info(self.prefix, subjects_filter=f"{self.prefix}.{topic}.>")
        return sum((info.state.subjects or {}).values())

    def watch(self, seen, stop):
        """Calls `seen` with the time in milliseconds that each committed prediction carries, until `stop` is set."""

        async def see(message):
            seen(int(message.headers["Serin-Time"]))

        subscribing = self.jetstream.subscribe(
            f"{self.prefix}.predictions.>",
            cb=see,
            ordered_consumer=True,
            deliver_policy=DeliverPolicy.NEW,
        )
        subscription = self._run(subscribing)
        stop.wait()
        self._run(subscription.unsubscribe())

    def producer(self, **_options):
        """Returns a function that appends a record, and one that waits for all of them."""

        def append(source: str, key: str, value: bytes, time_ms: int):
            subject = f"{self.prefix}.{source}.{zlib.crc32(key.encode()) % PARTITIONS}"
            headers = {"Serin-Time": str(time_ms), "Serin-Key": key}
            publishing = self.client.publish(subject, value, headers=headers)
            asyncio.run_coroutine_threadsafe(publishing, self.loop)

        return append, lambda: self._run(self.client.flush())
