"""The tables, and their places in the document."""

from pathlib import Path
from statistics import linear_regression, median

PAIRS = [
    ("serin", "pass-through"),
    ("serin", "python"),
    ("serin", "python, batched"),
    ("serin, production alone", "python"),
    ("serin, production alone", "python, batched"),
]


def table(measured: dict) -> str:
    """Medians of all rounds, each with how it compares to serin or serin to it."""
    lines = [
        "| broker | client | events/s | client CPU, µs/event | p50, ms | p99, ms |",
        "|---|---|---|---|---|---|",
    ]
    for broker, contenders in measured.items():
        for each in contenders:
            p50, p99 = (f"{median(values):.1f}" if values else "" for values in (each.p50, each.p99))
            lines.append(
                f"| {broker} | {each.name} | {median(each.rates):,.0f} | {median(each.costs):.1f} | {p50} | {p99} |"
            )
    lines += ["", "| broker | serin beside | events/s | CPU per event |", "|---|---|---|---|"]
    for broker, contenders in measured.items():
        by_name = {each.name: each for each in contenders}
        for ours, theirs in PAIRS:
            if ours in by_name and theirs in by_name:
                ours, theirs = by_name[ours], by_name[theirs]
                rate = median(ours.rates) / median(theirs.rates)
                cost = median(theirs.costs) / median(ours.costs)
                lines.append(f"| {broker} | {ours.name} : {theirs.name} | {rate:.2f} | {cost:.2f} |")
    return "\n".join(lines)


def memory(points: list[tuple[int, int, float]]) -> dict:
    """What a soak has shown: (events, resident bytes, seconds) from its start to its end."""
    events, _, seconds = points[-1]
    # The first tenth is the filling of queues and buffers.
    settled = [point for point in points if point[0] >= events / 10]
    slope, _ = linear_regression([point[0] / 1e6 for point in settled], [point[1] / 2**20 for point in settled])
    resident = [point[1] / 2**20 for point in settled]
    return {
        "events": events,
        "rate": events / seconds,
        "first": resident[0],
        "last": resident[-1],
        "most": max(resident),
        "slope": slope,
    }


def memory_table(figures: dict) -> str:
    return "\n".join([
        "| events | events/s | resident after a tenth | at the end | at most | slope |",
        "|---|---|---|---|---|---|",
        "| {events:,} | {rate:,.0f} | {first:.1f} MiB | {last:.1f} MiB | {most:.1f} MiB "
        "| {slope:+.2f} MiB a million events |".format(**figures),
    ])


def write(document: Path, name: str, text: str):
    """Replaces what is between the marks of `name`."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = document.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{document} has no {begin} … {end}")
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}")
