"""``ccsproxy top``: what is under way now, who is at work, and what it costs by the hour."""

import argparse
import shutil
import time
from collections.abc import Iterator
from typing import Any, TextIO

from ccsproxy.insight import words
from ccsproxy.providers.amounts import dollars, total
from ccsproxy.store.reader.glance import glance
from ccsproxy.store.summary import milliseconds
from ccsproxy.tools.answers.answering import examples, open_insights
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.printing import local_time, printable, short

NAME = "top"
SUMMARY = "Show live what is under way: sessions, requests, spend by the hour, budgets, limits."

_HOME_AND_CLEAR = "\x1b[H\x1b[J"
_WIDEST = 160


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("--once", action="store_true", help="write it once and end")
    parser.add_argument(
        "--interval", metavar="SECONDS", type=float, default=2.0, help="between two looks (default: 2)"
    )
    add_data_dir(parser)
    examples(parser, "ccsproxy top", "ccsproxy top --once --json")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Write the screen again and again until interrupted."""
    reader, insights = open_insights(args)
    while True:
        now = time.time()
        found = glance(reader, insights, now)
        if args.json:
            write_json(out, found)
        else:
            width = min(shutil.get_terminal_size((120, 40)).columns, _WIDEST) if out.isatty() else _WIDEST
            # Home before clearing, and not the other way round: a screen that is cleared first flickers.
            clear = _HOME_AND_CLEAR if out.isatty() and not args.once else ""
            out.write(clear + "\n".join(line[:width] for line in screen(found, now)) + "\n")
        out.flush()
        if args.once:
            return 0
        time.sleep(max(args.interval, 0.2))


def screen(found: dict[str, Any], now_s: float) -> Iterator[str]:
    """Yield the lines of the screen.

    :param now_s: seconds since the epoch.
    """
    yield _head(found)
    for each in found["budgets"]:
        spent = f"{'≥ ' if each['bound'] else ''}{dollars(each['spent'])}"
        yield f"budget {each['scope']}: {spent} of {dollars(each['limit'])} ({each['share']:.0%})"
    for each in found["limits"]:
        resets = local_time(each["resets_at"])
        yield f"limit {each['account'][:20]} {each['name']}: {each['used']:.0%} used, resets {resets}"
    for finding in found["findings"]:
        yield f"! {printable(finding['text'])}"
    yield ""
    yield _line("SESSION", "CLIENT", "MODEL", "CALLS", "NOW", "SENT", "OUT", "COST", "TITLE")
    for each in found["sessions"]:
        yield _session(each)
    if found["running"]:
        yield ""
        yield _line("REQUEST", "CLIENT", "MODEL", "FOR", "", "", "", "", "ABOUT")
        for each in found["running"][:20]:
            yield _running(each, now_s)


def _head(found: dict[str, Any]) -> str:
    today, rate = found["today"], found["rate"]
    spent = total(today.get("cost"), today.get("unpriced"))
    hour = total(rate["cost_per_hour"], rate["unpriced"])
    return (
        f"today {spent} in {words.plural(today.get('requests', 0), 'call')}, {today.get('errors', 0)} errors"
        f" · now {hour} an hour, {rate['requests_per_minute']:g} calls and"
        f" {words.tokens(rate['output_tokens_per_minute'])} tokens out a minute · {len(found['running'])} under way"
    )


def _line(name: str, client: str, model: str, *rest: str) -> str:
    calls, now, sent, out, cost, title = rest
    cells = f"{name:<24} {client:<14} {model:<22} {calls:>6} {now:>4} {sent:>7} {out:>7} {cost:>10}  {title}"
    return cells.rstrip()


def _session(each: dict[str, Any]) -> str:
    counts = [each[f"total_{name}"] or 0 for name in _PROMPT]
    models = ", ".join(each["models"][:2])
    return _line(
        short(each["session_id"]), (each["client"] or "-")[:14], models[:22], str(each["request_count"]),
        str(each["running"] or ""), words.tokens(sum(counts)), words.tokens(each["total_output_tokens"]),
        total(each["cost"], each["unpriced"]), printable(each["title"] or "-")[:60],
    )  # fmt: skip


_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _running(each: dict[str, Any], now_s: float) -> str:
    elapsed = words.seconds(max(now_s - milliseconds(each["started_at"]) / 1000, 0.0))
    about = printable(each["preview"] or each["path"])[:60]
    name = f"{short(each['session_id'])}/{each['seq']}"
    return _line(name, (each["client"] or "-")[:14], (each["model"] or "-")[:22], elapsed, "", "", "", "", about)
