"""Prints the tables of docs/performance.md from a run of the bench: `python -m bench.page`.

usage: python -m bench.page [RESULTS.json]... [--write docs/performance.md]
Without a file the newest of bench/results is taken. With ``--write`` they replace what stands between the page's
marks.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from bench.proxies import HERE
from bench.tables import OFF, Rounds, added, records

FULL, NGINX = "ccsproxy", "nginx"
BEGIN, END = "<!-- figures of one run -->", "<!-- end of figures -->"
#: What was asked of full capture against off: at most so many times its processor time, at least so much of its pace.
ASKED_TIME = {"agent": 1.35, "paced": 1.3, "json": 3.0}
ASKED_PACE = {"agent-fast": 0.8, "json": 0.8, "up1mb": 0.8, "down1mb": 0.8}
MOST_PSS, MOST_BACKLOG_S = 160.0, 3.0

Results = dict[str, Rounds]
Value = Callable[[dict], float]


def _time(each: dict) -> float:
    return each["cpu_ms_per_request"]


def _recorder(each: dict) -> float:
    return each["recorder_cpu_ms_per_request"]


def _pace(each: dict) -> float:
    return each["rps"]


def middle(results: Rounds, name: str, value: Value) -> float | None:
    """Return the median of a value over the rounds of a proxy, None where it was not run."""
    rounds = results.get(name) or []
    return median(map(value, rounds)) if rounds else None


def shown(value: float | None) -> str:
    """Write a figure with as many digits as it is worth."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def times(value: float | None, other: float | None) -> float | None:
    """Return how many times another a value is, None where either is not known."""
    return value / other if value is not None and other else None


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a Markdown table."""
    return "\n".join(f"| {' | '.join(each)} |" for each in (head, ["---"] * len(head), *rows))


def processor_times(results: Results) -> str:
    """Write the processor time of a call, in milliseconds, by proxy."""
    rows = []
    for scenario, rounds in results.items():
        off, full = middle(rounds, OFF, _time), middle(rounds, FULL, _time)
        asked = ASKED_TIME.get(scenario)
        rows.append([f"`{scenario}`", *map(shown, (
            middle(rounds, NGINX, _time), off, full, middle(rounds, FULL, _recorder), times(full, off), asked,
        ))])  # fmt: skip
    return table(
        ["processor ms a call", "nginx", "off", "full", "of it the recorder", "full / off", "asked for"], rows
    )


def paces(results: Results) -> str:
    """Write calls a second, what waits at the end, and the memory."""
    rows = []
    for scenario, rounds in results.items():
        off, full = middle(rounds, OFF, _pace), middle(rounds, FULL, _pace)
        rows.append([f"`{scenario}`", *map(shown, (
            middle(rounds, NGINX, _pace), off, full, times(full, off),
            middle(rounds, FULL, lambda each: each["backlog_s"]),
            middle(rounds, OFF, lambda each: each["pss"]), middle(rounds, FULL, lambda each: each["pss"]),
        )), records(rounds.get(FULL, []))])  # fmt: skip
    head = [
        "calls a second",
        "nginx",
        "off",
        "full",
        "full / off",
        "backlog s",
        "MB off",
        "MB full",
        "records / calls",
    ]
    return table(head, rows)


def latencies(results: Results) -> str:
    """Write what each proxy adds to the p99 of the first byte and of an event, where calls are paced."""
    rows = []
    for scenario in ("paced", "agent"):
        rounds = results.get(scenario, {})
        for name in (NGINX, OFF, FULL):
            if rounds.get(name):
                spans = [added(rounds, name, what) for what in ("ttft_us", "event_us")]
                told = [f"{median(each):.2f} ({min(each):.2f} to {max(each):.2f})" for each in spans]
                rows.append([f"`{scenario}`", name.removeprefix("ccsproxy-") if name != FULL else "full", *told])
    return table(["added p99, ms", "proxy", "first byte", "event"], rows)


def verdicts(results: Results) -> Iterator[list[str]]:
    """Yield what was asked for, what is reached, and whether that is enough."""
    for scenario, most in ASKED_TIME.items():
        rounds = results.get(scenario, {})
        reached = times(middle(rounds, FULL, _time), middle(rounds, OFF, _time))
        if reached is not None:
            yield [f"`{scenario}`: at most {most} of off's processor time", shown(reached), _met(reached <= most)]
    for scenario, least in ASKED_PACE.items():
        rounds = results.get(scenario, {})
        reached = times(middle(rounds, FULL, _pace), middle(rounds, OFF, _pace))
        if reached is not None:
            yield [f"`{scenario}`: at least {least} of off's pace", shown(reached), _met(reached >= least)]
    for scenario in ("agent", "agent-fast", "json"):
        backlog = middle(results.get(scenario, {}), FULL, lambda each: each["backlog_s"])
        if backlog is not None:
            met = _met(backlog <= MOST_BACKLOG_S)
            yield [f"`{scenario}`: at most {MOST_BACKLOG_S:.0f} s of backlog", f"{shown(backlog)} s", met]
    held = [each["pss"] for rounds in results.values() for each in rounds.get(FULL, [])]
    if held:
        yield [f"memory at most {MOST_PSS:.0f} MB", f"{max(held):.0f} MB", _met(max(held) <= MOST_PSS)]
    yield from _against_nginx(results)


def _against_nginx(results: Results) -> Iterator[list[str]]:
    small, agent = results.get("json", {}), results.get("agent", {})
    pace = times(middle(small, OFF, _pace), middle(small, NGINX, _pace))
    if pace is not None:
        yield ["`off`: at least 0.40 of nginx's small calls a second", shown(pace), _met(pace >= 0.4)]
    spent = times(middle(agent, OFF, _time), middle(agent, NGINX, _time))
    if spent is not None:
        yield ["`off`: at most 1.5 of nginx's processor time for agent streams", shown(spent), _met(spent <= 1.5)]


def _met(met: bool) -> str:
    return "met" if met else "not met"


def tables(results: Results) -> str:
    """Write all tables of the page."""
    asked = table(["asked for", "reached", ""], list(verdicts(results)))
    return "\n\n".join((processor_times(results), paces(results), latencies(results), asked))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="*", type=Path, help="of several, later ones add scenarios")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace the tables of a page")
    args = parser.parse_args()
    newest = sorted((HERE / "results").glob("*.json"))[-1:]
    results: Results = {}
    for path in args.results or newest:
        results |= json.loads(path.read_text())
    text = tables(results)
    if args.write is None:
        print(text)
        return
    before, _, rest = args.write.read_text().partition(BEGIN)
    args.write.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
