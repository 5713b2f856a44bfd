"""Measures `serin stream` on Kafka and NATS beside a pass-through and a scorer in Python. See docs/benchmarks.md."""

import argparse
import contextlib
import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import process
import report
from kafka import Kafka
from nats_server import Nats

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
EXAMPLE = ROOT / "examples" / "flights"
PREFIX = "bench"
SAMPLES = 5_000

# A run is measured from its first events that are committed to nearly its last, or for so many seconds.
HEAD = 20_000
SHARE = 0.95
LONGEST = 12.0

# Latency: events a second, in so many bursts; how long is left out at the start and how long is measured. With a burst
# every millisecond the producer's own requests keep the broker's one core busy, and it is them that one measures.
RATE, BURSTS = 2_000, 100
LEAD, PACED = 4.0, 10.0


@dataclass
class Contender:
    """Something that reads the events and writes predictions, one output topic for each of its groups."""

    name: str
    outputs: list[str]
    command: object
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


class Bench:
    """One broker, its topics, and who is measured on it."""

    def __init__(self, arguments, broker, folder: Path, address: str):
        self.broker, self.folder, self.address = broker, folder, address
        self.arguments = arguments
        self.log = folder / "clients.log"
        self.config = folder / "serin.toml"
        self.alone = folder / "alone.toml"
        self.config.write_text(config(broker, address, '[{ version = "mlp-2" }]', "late-mlp"))
        self.alone.write_text(config(broker, address, "[]", None))
        self.runs = 0
        self.contenders = [
            Contender("serin", ["predictions", "shadow-predictions"], self.serin(self.config)),
            Contender("pass-through", ["predictions", "shadow-predictions"], self.pass_through),
            Contender("serin, production alone", ["predictions"], self.serin(self.alone)),
            Contender("python", ["predictions"], self.python("singly")),
            Contender("python, batched", ["predictions"], self.python("batched")),
        ]

    # Who is measured.

    def serin(self, config: Path):
        def command(source: str, group: str):
            return [str(self.arguments.serin), "stream", "--config", str(config)], {
                "SERIN__INPUT__TOPIC": source,
                "SERIN__INPUT__GROUP": group,
            }

        return command

    def pass_through(self, source: str, group: str):
        program, name = str(self.arguments.pass_through), self.broker.name
        return [program, name, self.address, PREFIX, source, group, str(self.folder)], {}

    def python(self, how: str):
        def command(source: str, group: str):
            model = str(EXAMPLE / "models" / "late" / "linear-1")
            program = [sys.executable, str(HERE / "scorer.py"), self.broker.name]
            return [*program, self.address, PREFIX, source, group, model, how], {}

        return command

    @contextlib.contextmanager
    def running(self, contender: Contender, source: str):
        self.runs += 1
        group = f"run-{self.runs}"
        self.broker.prepare()
        command, environment = contender.command(source, group)
        environment = {**os.environ, "SERIN_LOG": "warn", "SERIN__ADMIN__ADDRESS": "off", **environment}
        with process.pinned(process.CLIENT_CORE, command, self.log, env=environment) as client:
            yield client, lambda: self.broker.progress(group, contender.outputs, source)

    def run_serin(self, *arguments: str) -> bytes:
        command = [str(self.arguments.serin), *arguments, "--config", str(self.config)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    # What is measured.

    def fill(self):
        """Puts the month's events on the topic, over and over, and takes samples of what serin makes of them."""
        events = self.folder / "events.ndjson"
        with events.open("wb") as file:
            for _ in range(self.arguments.copies):
                file.write(month())
        self.events = self.arguments.copies * month().count(b"\n")
        self.run_serin("produce", str(events), "--topic", "features", "--key", "unit_id")
        events.unlink()
        self.throughput(self.contenders[0], is_counted=False)
        for output in self.contenders[0].outputs:
            samples = self.run_serin("tail", output, "-b", "--count", str(SAMPLES), "--format", "json")
            (self.folder / output).write_bytes(samples)

    def throughput(self, contender: Contender, is_counted=True):
        with self.running(contender, "features") as (client, progress):
            first = self.wait(client, progress, HEAD)
            last = self.wait(client, progress, SHARE * self.events, first.time + LONGEST)
        events = last.events - first.events
        rate = events / (last.time - first.time)
        cost = (last.cpu - first.cpu) / events * 1e6
        print(f"  {self.broker.name}: {contender.name}: {rate:,.0f} events/s, {cost:.1f} µs, "
              f"{last.resident / 2**20:.0f} MiB", flush=True)
        if is_counted:
            contender.rates.append(rate)
            contender.costs.append(cost)

    def wait(self, client, progress, events: float, until=None) -> "Point":
        """Waits until one of the groups has so many events behind it."""
        began = time.monotonic()
        while True:
            point = Point(time.monotonic(), process.cpu_seconds(client.pid),
                          process.resident_bytes(client.pid), progress())
            if max(point.lanes) >= events or (until and point.time >= until):
                return point
            if client.poll() is not None or time.monotonic() - began > 120:
                raise RuntimeError(f"no progress: {process.tail(self.log)}")
            time.sleep(0.05)

    def latency(self, contender: Contender):
        """From the append of an event to its prediction at a reader of what is committed, in milliseconds."""
        source = f"paced-{self.runs}"
        self.broker.create(source)
        seen, stop = [], threading.Event()
        append, flush = self.broker.producer(**{"linger.ms": 0})
        with self.running(contender, source) as _:
            time.sleep(3)
            watcher = threading.Thread(
                target=self.broker.watch,
                args=(lambda then: seen.append((then, time.time() * 1000 - then)), stop),
            )
            watcher.start()
            time.sleep(1)
            began = pace(append, source)
            flush()
            time.sleep(2)
            stop.set()
            watcher.join()
        measured = sorted(late for then, late in seen if then >= began)
        if len(measured) < 0.9 * RATE * PACED:
            raise RuntimeError(f"{len(measured)} of {RATE * PACED:.0f} predictions of {contender.name} were seen")
        p50, p99 = (measured[int(len(measured) * share)] for share in (0.5, 0.99))
        contender.p50.append(p50)
        contender.p99.append(p99)
        print(f"  {self.broker.name}: {contender.name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms", flush=True)

    def soak(self, events: int) -> dict:
        """The resident set of serin while events come that it keeps up with."""
        append, flush = self.broker.producer(**{"linger.ms": 50})
        lines = [(json.loads(line)["unit_id"], line) for line in month().splitlines()]
        sent = 0
        points = []
        contender = self.contenders[0]
        with self.running(contender, "features") as (client, progress):
            began = time.monotonic()
            done = [0]
            while min(done) < events:
                point = Point(time.monotonic(), process.cpu_seconds(client.pid),
                              process.resident_bytes(client.pid), progress())
                done = point.lanes
                points.append((min(done), point.resident, point.time - began))
                if len(points) % 20 == 0:
                    print(f"  {min(done):,} events, {point.resident / 2**20:.0f} MiB", flush=True)
                if sent < events and sent - min(done) < 400_000:
                    for key, line in lines:
                        append("features", key, line, 0)
                    sent += len(lines)
                    flush(0)
                else:
                    time.sleep(0.5)
                if client.poll() is not None:
                    raise RuntimeError(process.tail(self.log))
        flush()
        return report.memory(points)


@dataclass
class Point:
    """Where a run stands."""

    time: float
    cpu: float
    resident: int
    lanes: list[int]

    @property
    def events(self) -> float:
        """Events that all lanes have behind them, on average."""
        return sum(self.lanes) / len(self.lanes)


def pace(append, source: str) -> float:
    """Appends events at a steady rate, each with the time of its append; returns when those begin that count.

    Bursts are sent as a millisecond begins: that is how fine the times of records are.
    """
    templates = []
    for line in month().splitlines():
        event = json.loads(line)
        before, after = line.decode().split(event["event_time"])
        templates.append((event["unit_id"], before, after))
    burst, place = RATE // BURSTS, 0
    start = int(time.time() * 1000) + 10
    for step in range(int((LEAD + PACED) * BURSTS)):
        then = start + step * 1000 // BURSTS
        while (left := then / 1000 - time.time()) > 0:
            time.sleep(left)
        seconds, millis = divmod(then, 1000)
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{millis:03}Z"
        for _ in range(burst):
            key, before, after = templates[place % len(templates)]
            append(source, key, f"{before}{at}{after}".encode(), then)
            place += 1
    return start + LEAD * 1000


def month() -> bytes:
    """Every flight of the month, a line each."""
    return gzip.decompress((EXAMPLE / "data" / "features-2013-04.ndjson.gz").read_bytes())


def config(broker, address: str, shadows: str, experiment: str | None) -> str:
    """The example's configuration, on this broker."""
    run = f'["{experiment}"]' if experiment else "[]"
    return f"""
[broker]
url = "{broker.name}://{address}"
kafka = {{ prefix = "{PREFIX}.", create_topics = true }}
nats = {{ stream = "{PREFIX}", prefix = "{PREFIX}" }}
[input]
event = {{ id = "/event_id", units = {{ aircraft = "/unit_id" }}, time = "/event_time", features = "/features" }}
[model.late]
store = "{EXAMPLE}/models/late"
production = "linear-1"
shadows = {shadows}
[experiment]
directory = "{ROOT}/experiments"
run = {run}
[outcomes]
event = {{ event = "/event_id", time = "/outcome_time", values = {{ late = "/late", arr_delay = "/arr_delay" }} }}
"""


def measure(arguments, name: str) -> list[Contender]:
    with bench(arguments, name) as this:
        this.fill()
        chosen = [each for each in this.contenders if each.name in arguments.only] or this.contenders
        for contender in chosen[1:]:
            this.throughput(contender, is_counted=False)
        for _ in range(arguments.rounds):
            for contender in chosen:
                this.throughput(contender)
        for _ in range(arguments.latency_rounds):
            for contender in chosen:
                this.broker.settle()
                this.latency(contender)
        return chosen


@contextlib.contextmanager
def bench(arguments, name: str):
    with tempfile.TemporaryDirectory(prefix="serin-bench-") as folder:
        with process.server(arguments.servers, name, Path(folder)) as address:
            broker = {"kafka": Kafka, "nats": Nats}[name](address, PREFIX)
            yield Bench(arguments, broker, Path(folder), address)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for program in ["serin", "pass-through", "servers"]:
        parser.add_argument(f"--{program}", type=Path, required=True)
    parser.add_argument("--brokers", nargs="+", default=["kafka", "nats"])
    parser.add_argument("--only", nargs="+", default=[], help="contenders by name")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--latency-rounds", type=int, default=3)
    parser.add_argument("--copies", type=int, default=20, help="how often the month's events are on the log")
    parser.add_argument("--soak", type=int, default=0, metavar="EVENTS", help="measure memory instead")
    parser.add_argument("--write", type=Path, help="the document whose figures are replaced")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {int(process.BROKER_CORE)})
    if arguments.soak:
        with bench(arguments, "kafka") as this:
            name, text = "memory", report.memory_table(this.soak(arguments.soak))
    else:
        name = "brokers"
        text = report.table({broker: measure(arguments, broker) for broker in arguments.brokers})
    print(text)
    if arguments.write:
        report.write(arguments.write, name, text)


if __name__ == "__main__":
    main()
