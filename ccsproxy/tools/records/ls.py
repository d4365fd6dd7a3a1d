"""``ccsproxy ls``: the newest requests, or the sessions."""

import argparse
from collections.abc import Sequence
from typing import Any, TextIO

import attr

from ccsproxy.insight import words
from ccsproxy.insight.query import ANNOTATED, matches, ordered
from ccsproxy.providers.amounts import lacking, total
from ccsproxy.store.query import Query, parse_question
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.state.annotations import marked
from ccsproxy.store.summary import milliseconds
from ccsproxy.tools.answers.answering import examples
from ccsproxy.tools.asking import add_filters, add_query, open_reader, query_of, question_text, say_nothing_matches
from ccsproxy.tools.columns import Columns, TextColumn, cut
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.engine_source import add_source
from ccsproxy.tools.printing import Paint, heading, local_time, printable, request_line, short

NAME = "ls"
SUMMARY = "List requests, newest first, or sessions."

#: Maximum number of sessions to examine.
_MOST_SESSIONS = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_query(parser)
    add_data_dir(parser)
    add_source(parser)
    add_filters(parser, 30)
    parser.add_argument("--sessions", action="store_true", help="list sessions instead of requests")
    examples(
        parser,
        "ccsproxy ls --sort cost since:today          the most expensive requests of today",
        "ccsproxy ls status:5xx client:codex          what failed for codex",
        "ccsproxy ls --sessions cwd:shop --sort cost  sessions of a project, most expensive first",
    )


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the list of exchanges or sessions; exit status 1 if nothing matches, 2 for an invalid query."""
    reader = open_reader(args)
    if args.sessions:
        return _sessions(reader, args, out, err)
    query = query_of(args, reader, question_text(args))
    page = reader.requests(query)
    _write(page.items, args, out)
    if not args.json and page.items:
        _sums(reader, query, len(page.items), out)
    if not page.items:
        say_nothing_matches(reader, query, err)
    return 0 if page.items else 1


def _write(items: Sequence[dict[str, Any]], args: argparse.Namespace, out: TextIO) -> None:
    if args.json:
        for item in items:
            write_json(out, item)
        return
    paint = Paint(out)
    if items:
        out.write(heading(paint) + "\n")
    for item in items:
        out.write(request_line(item, paint) + "\n")


def _sums(reader: Reader, query: Query, shown: int, out: TextIO) -> None:
    """Print the totals of everything that matches."""
    sums = reader.totals(query)
    if not sums or sums["requests"] < 2:
        return
    of = "" if sums["requests"] == shown else f"{shown} of "
    parts = [sums[name] for name in _PROMPT]
    sent = None if parts[0] is None else sum(part or 0 for part in parts)
    counts = f"{words.plural(sums['requests'], 'request')}, {words.plural(sums['errors'], 'error')}"
    spent = f"{words.tokens(sent)} sent, {words.tokens(sums['output_tokens'])} out"
    out.write(f"{of}{counts}, {spent}, {total(sums['cost'], sums['unpriced'])}\n")
    if note := lacking(sums["unpriced"]):
        out.write(f"The costs lack {note}; see: ccsproxy why SESSION/SEQ, ccsproxy prices MODEL\n")


_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _sessions(reader: Reader, args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    question = parse_question(question_text(args))
    query = query_of(args, reader)
    since = max(filter(None, (query.since, question.since)), default=None)
    found = reader.sessions(SessionQuery(
        upstream=query.fields.get("upstream", ()), model=query.fields.get("model", ()),
        cwd=query.fields.get("cwd", ()), client=query.fields.get("client", ()), since=since,
        # Sessions are filtered and sorted below, so all of them have to be read first.
        limit=_MOST_SESSIONS if args.query or args.sort else query.limit,
    ))  # fmt: skip
    written = reader.annotations() if any(each.member in ANNOTATED for each in question.narrowings) else []
    chosen = [
        (marked(written, each.member, each.values), each.turned)
        for each in question.narrowings
        if each.member in ANNOTATED
    ]
    rows = [
        each
        for each in map(_row, found)
        if matches(question, each)
        and _says(question.words, each)
        and all((each["session_id"] in held.sessions) != turned for held, turned in chosen)
    ]
    listed = ordered(question, rows)[: query.limit]
    if args.json:
        for each in listed:
            # Without the members that only the query language needed.
            write_json(out, {name: value for name, value in each.items() if name in found[0]})
    elif listed:
        _table(listed, out)
    else:
        say_nothing_matches(reader, attr.evolve(query, question=question), err)
    return 0 if listed else 1


def _row(session: dict[str, Any]) -> dict[str, Any]:
    """Return a session with the members that the query language refers to."""
    counts = {name: session[f"total_{name}"] for name in (*_PROMPT, "output_tokens")}
    ended = session["ended_at"]
    span = milliseconds(ended) - milliseconds(session["started_at"]) if ended else None
    models = session["models"]
    return {**session, **counts, "model": " ".join(models), "has_error": session["errors"] > 0, "duration_ms": span,
            "tools": [], "seq": session["request_count"]}  # fmt: skip


def _says(text: str, session: dict[str, Any]) -> bool:
    searched = f"{session['title'] or ''} {session['cwd'] or ''}".casefold()
    return all(word.strip('"').casefold() in searched for word in text.split())


#: Columns of the list of sessions; on a wide terminal ids are complete, so that they can be copied.
_COLUMNS = (
    TextColumn("SESSION", 15, wide=36),
    TextColumn("STARTED", 11, wide=14),
    TextColumn("CALLS", 5, right=True),
    TextColumn("ERR", 3, least=90, right=True),
    TextColumn("DURATION", 8, least=110, right=True),
    TextColumn("SENT", 6, least=74, right=True),
    TextColumn("CACHED", 6, least=90, right=True),
    TextColumn("COST", 9, wide=10, right=True),
    TextColumn("CLIENT", 12, least=170),
    TextColumn("MODEL", 18, least=150, wide=20),
    TextColumn("PROJECT", 12, least=100, wide=16),
    TextColumn("TITLE"),
)


def _table(rows: Sequence[Any], out: TextIO) -> None:
    """Print a line per session: when, who, where, its cost, its subject."""
    paint = Paint(out)
    columns = Columns(_COLUMNS, paint.width)
    out.write(paint(columns.heading(), "bold") + "\n")
    for each in rows:
        values = {name: printable(value) for name, value in _cells(each, columns).items()}
        out.write(columns.line(values) + "\n")
    unpriced = sum(each["unpriced"] for each in rows)
    if note := lacking(unpriced, sorted({model for each in rows for model in each["unpriced_models"]})):
        out.write(f"The costs lack {note}; see: ccsproxy why SESSION/SEQ, ccsproxy prices MODEL\n")


def _cells(each: Any, columns: Columns) -> dict[str, str]:
    sent = sum(each[name] or 0 for name in _PROMPT)
    read = each["cache_read_input_tokens"]
    roomy = columns.width >= Columns.ROOMY
    started = local_time(each["started_at"])
    return {
        "SESSION": each["session_id"] if roomy else short(each["session_id"]),
        "STARTED": started if roomy else started[:11],
        "CALLS": f"{each['request_count']:,}",
        "ERR": str(each["errors"] or ""),
        "DURATION": "running" if each["duration_ms"] is None else words.seconds(each["duration_ms"] / 1000),
        "SENT": words.tokens(sent),
        "CACHED": f"{read / sent:.0%}" if sent and read is not None else "-",
        "COST": total(each["cost"], each["unpriced"]),
        "CLIENT": each["client"] or "-",
        "MODEL": each["models"][0] if each["models"] else "-",
        "PROJECT": (each["cwd"] or "-").rstrip("/").rpartition("/")[2] or "/",
        "TITLE": cut(each["title"] or "-", 90),
    }
