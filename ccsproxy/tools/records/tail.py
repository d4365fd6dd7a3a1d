"""``ccsproxy tail``: shows requests as they end."""

import argparse
import time
from collections.abc import Mapping
from typing import Any, TextIO

from ccsproxy.insight.cost.budget import crossed
from ccsproxy.insight.query import Question, matches
from ccsproxy.providers.amounts import dollars
from ccsproxy.store.query import Query, parse_question
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.summary import as_dict
from ccsproxy.tools.answers.answering import examples, open_insights
from ccsproxy.tools.asking import full_session, joined
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.printing import Paint, heading, request_line

NAME = "tail"
SUMMARY = "Show the latest requests and follow new ones."

#: Seconds between two checks of the segments, and of the budgets.
EACH, BUDGETS_EACH = 0.25, 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument(
        "query", metavar="QUERY", nargs="*", help="only matching requests: client:codex cost:>0.1 errors:yes"
    )
    parser.add_argument(
        "-n", "--lines", metavar="N", type=int, default=10, help="how many to show first (default: 10)"
    )
    parser.add_argument("--session", metavar="SESSION", help="only this session")
    parser.add_argument("--no-follow", action="store_true", help="exit after the latest ones")
    add_data_dir(parser)
    examples(parser, "ccsproxy tail", "ccsproxy tail errors:yes", "ccsproxy tail -n 0 --json client:codex")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print lines until interrupted, and budgets that are nearly or completely spent."""
    reader, insights = open_insights(args)
    question = parse_question(joined(args.query))
    session = full_session(reader, args.session) if args.session else None
    # Started before the last ones are read: what ends in between is in both and printed once; the other order would
    # lose it.
    following = reader.tail()
    paint = Paint(out)
    if not args.json:
        out.write(heading(paint) + "\n")
    seen = set()
    for item in reversed(_last(reader, session, question, args.lines)):
        seen.add(item["id"])
        _write(item, args.json, paint, out)
    watch = BudgetWatch(insights)
    while not args.no_follow:
        for summary in following.poll():
            item = as_dict(summary)
            if summary.id not in seen and session in (None, summary.session_id) and matches(question, item):
                _write(item, args.json, paint, out)
        for line in () if args.json else watch.news(time.monotonic()):
            err.write(paint(line, "yellow") + "\n")
        time.sleep(EACH)
    return 0


class BudgetWatch:
    """Reports budgets that cross a threshold between two checks."""

    def __init__(self, insights: Insights) -> None:
        self._insights = insights
        self._shares: dict[tuple[Any, ...], float] = {}
        self._next = 0.0

    def news(self, now: float) -> list[str]:
        """Return a line per budget that crossed a threshold; empty if it is too early to check again."""
        if now < self._next:
            return []
        self._next = now + BUDGETS_EACH
        return [line for each in self._insights.budget() if (line := self._told(each))]

    def _told(self, each: Mapping[str, Any]) -> str:
        key = each["scope"], each["limit"], each["since"], each["session_id"]
        # A budget of days restarts from zero at midnight; one that is seen for the first time may be spent already,
        # which is not news.
        known = any(held[:2] == key[:2] for held in self._shares)
        before, self._shares[key] = self._shares.get(key, 0.0 if known else None), each["share"]
        if before is None or crossed(before, each["share"]) is None:
            return ""
        bound = "at least " if each["bound"] else ""
        return f"budget {each['scope']}: {bound}{dollars(each['spent'])} of {dollars(each['limit'])} spent"


def _last(reader: Reader, session: str | None, question: Question, count: int) -> list[dict[str, Any]]:
    if count < 1:
        return []
    query = Query(session=(session,) if session else (), q=question.words, question=question, limit=count)
    return [item for item in reader.requests(query).items if item["outcome"] is not None]


def _write(item: dict[str, Any], as_json: bool, paint: Paint, out: TextIO) -> None:
    if as_json:
        write_json(out, item)
    else:
        out.write(request_line(item, paint) + "\n")
    # Flushed for programs that read a pipe: a line would wait for eight kilobytes of others.
    out.flush()
