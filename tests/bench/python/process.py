"""The processes under measurement, and what they use."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
# Broker and client have a core each; whoever measures shares the broker's.
BROKER_CORE, CLIENT_CORE = "0", "1"


def cpu_seconds(process: int) -> float:
    """User and system time of all threads of a process, those that have ended included."""
    text = Path(f"/proc/{process}/stat").read_text()
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_bytes(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {process} has no resident set")


@contextmanager
def pinned(core: str, command: list[str], log: Path, **options):
    """Runs a command on one core until the end of the block; it is asked to end first."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "-c", core, *command], stdout=output, stderr=subprocess.STDOUT, **options
        )
        try:
            yield process
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} has ended by itself: {tail(log)}")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-10:])


@contextmanager
def server(program: Path, broker: str, folder: Path):
    """A broker of its own on the broker's core; yields its address."""
    log = folder / f"{broker}.log"
    with pinned(BROKER_CORE, [str(program), "load", broker], log) as process:
        while f"{broker} at " not in log.read_text():
            if process.poll() is not None:
                raise RuntimeError(tail(log))
            time.sleep(0.1)
        yield log.read_text().split(f"{broker} at {broker}://")[1].split(",")[0]
