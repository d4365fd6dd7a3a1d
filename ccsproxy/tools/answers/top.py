"""``ccsproxy top``: live view of sessions, running requests and cost per hour."""

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from ccsproxy.insight import words
from ccsproxy.providers.amounts import dollars, total
from ccsproxy.store.reader.glance import glance
from ccsproxy.store.summary import milliseconds
from ccsproxy.tools.answers.answering import examples, open_insights
from ccsproxy.tools.columns import Columns, TextColumn, cut, width_of
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.printing import local_time, printable, short

NAME = "top"
SUMMARY = "Show the current activity, live: sessions, requests, spending per hour, budgets, limits."

_HOME_AND_CLEAR = "\x1b[H\x1b[J"
_WIDEST = 160
_INTERVAL_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("--once", action="store_true", help="print it once and exit")
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=float,
        help="between two updates (default: 2; into a pipe it is printed once unless this or --json is given)",
    )
    add_data_dir(parser)
    examples(parser, "ccsproxy top", "ccsproxy top --once --json")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Refresh the screen until interrupted."""
    reader, insights = open_insights(args)
    # Output to a pipe is read later, or by a program: repeating it would help neither.
    once = args.once or not (args.interval or args.json or out.isatty())
    while True:
        now = time.time()
        found = glance(reader, insights, now)
        if args.json:
            write_json(out, found)
        else:
            width = min(width_of(out), _WIDEST)
            # Home before clearing, not the other way round: clearing first makes the screen flicker.
            clear = _HOME_AND_CLEAR if out.isatty() and not once else ""
            out.write(clear + "\n".join(cut(line, width) for line in screen(found, now, width)) + "\n")
        out.flush()
        if once:
            return 0
        time.sleep(max(args.interval or _INTERVAL_S, 0.2))


def screen(found: dict[str, Any], now_s: float, width: int = 160) -> Iterator[str]:
    """Yield the lines of the screen.

    :param now_s: seconds since the epoch.
    :param width: of the terminal, in cells.
    """
    yield _head(found)
    for each in found["budgets"]:
        spent = f"{'≥ ' if each['bound'] else ''}{dollars(each['spent'])}"
        yield f"budget {each['scope']}: {spent} of {dollars(each['limit'])} ({each['share']:.0%})"
    for each in found["limits"]:
        resets = local_time(each["resets_at"])
        when = f", resets {resets}" if each["resets_at"] else ""
        yield f"limit {each['account'][:20]} {each['name']}: {each['used']:.0%} used{when}"
    for finding in found["findings"]:
        yield f"! {printable(finding['text'])}"
    yield ""
    if not found["sessions"]:
        yield "No session was active lately; ccsproxy ls --sessions lists all of them."
    else:
        yield from _rows(_SESSIONS, map(_session, found["sessions"]), width)
    if found["running"]:
        yield ""
        yield from _rows(_RUNNING, (_running(each, now_s) for each in found["running"][:20]), width)


def _head(found: dict[str, Any]) -> str:
    today, rate = found["today"], found["rate"]
    spent = total(today.get("cost"), today.get("unpriced"))
    calls, errors = today.get("requests", 0), today.get("errors", 0)
    text_line = (
        f"today {spent} in {words.plural(calls, 'call')}, {words.plural(errors, 'error')}"
        if calls
        else "today no call"
    )
    return f"{text_line} · {_rate(rate)} · {len(found['running'])} running"


def _rate(rate: dict[str, Any]) -> str:
    if not rate["requests_per_minute"]:
        return f"no call in the last {rate['window_s'] // 60} minutes"
    return (
        f"now {total(rate['cost_per_hour'], rate['unpriced'])} an hour, {rate['requests_per_minute']:g} calls and"
        f" {words.tokens(rate['output_tokens_per_minute'])} tokens out a minute"
    )


_SESSIONS = (
    TextColumn("SESSION", 15),
    TextColumn("CLIENT", 12, least=110),
    TextColumn("MODEL", 20, least=96),
    TextColumn("CALLS", 5, right=True),
    TextColumn("NOW", 3, right=True),
    TextColumn("SENT", 6, right=True),
    TextColumn("OUT", 6, least=80, right=True),
    TextColumn("COST", 9, right=True),
    TextColumn("TITLE"),
)
_RUNNING = (
    TextColumn("REQUEST", 21),
    TextColumn("CLIENT", 12, least=110),
    TextColumn("MODEL", 20, least=70),
    TextColumn("FOR", 7, right=True),
    TextColumn("ABOUT"),
)


def _session(each: dict[str, Any]) -> dict[str, str]:
    counts = [each[f"total_{name}"] or 0 for name in _PROMPT]
    return {
        "SESSION": short(each["session_id"]),
        "CLIENT": each["client"] or "-",
        "MODEL": ", ".join(each["models"][:2]),
        "CALLS": str(each["request_count"]),
        "NOW": str(each["running"] or ""),
        "SENT": words.tokens(sum(counts)),
        "OUT": words.tokens(each["total_output_tokens"]),
        "COST": total(each["cost"], each["unpriced"]),
        "TITLE": each["title"] or "-",
    }


_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _running(each: dict[str, Any], now_s: float) -> dict[str, str]:
    return {
        "REQUEST": f"{short(each['session_id'])}/{each['seq']}",
        "CLIENT": each["client"] or "-",
        "MODEL": each["model"] or "-",
        "FOR": words.seconds(max(now_s - milliseconds(each["started_at"]) / 1000, 0.0)),
        "ABOUT": each["preview"] or each["path"],
    }


def _rows(given: Sequence[TextColumn], rows: Iterable[dict[str, str]], width: int) -> Iterator[str]:
    columns = Columns(given, width)
    yield columns.heading()
    for each in rows:
        yield columns.line({name: printable(value) for name, value in each.items()})
