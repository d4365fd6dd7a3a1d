"""Common parts of the reading commands: opening the store, identifying an exchange, filters."""

import argparse
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import attr

from ccsproxy.exchange.ids import SESSION_ID
from ccsproxy.insight.query import SORTS, QuestionError, read_moment
from ccsproxy.run import read_run_file
from ccsproxy.store.query import FIELDS, Query, QueryError, parse_query
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.unknown import unknown_values
from ccsproxy.tools.data_dir import CommandError, WrongUsage, data_dir_of
from ccsproxy.tools.engine_source import source_reader

#: Minimum length of an abbreviated id in commands that change something.
_SHORTEST = 4
_EPOCH = re.compile(r"\d{9,11}(\.\d+)?")


def open_reader(args: argparse.Namespace) -> Reader:
    """Open the store of ``--data-dir`` or the source of ``--from``, whether or not a service is running on it.

    :raises CommandError: if it does not exist.
    """
    if (shipped := source_reader(args)) is not None:
        return shipped
    # For the end of the command: `reported` warns if the index was incomplete.
    args.asked = reader = Reader(data_dir_of(args))
    return reader


def add_query(parser: argparse.ArgumentParser) -> None:
    """Declare the query as positional arguments of a command."""
    parser.add_argument(
        "query",
        metavar="QUERY",
        nargs="*",
        help="fields and words: model:opus tool:Bash status:>=400 cost:>0.5 since:7d",
    )
    parser.add_argument(
        "--sort",
        metavar="FIELD",
        default="",
        help=f"sort by {', '.join(SORTS)}; largest first, or smallest first with +",
    )


def add_filters(parser: argparse.ArgumentParser, limit: int) -> None:
    """Declare the filters of lists (docs/answers.md) as options."""
    for name in ("session", *FIELDS, "tool"):
        parser.add_argument(f"--{name}", metavar="VALUE", default="", help=f"only this {name}; a comma means 'or'")
    parser.add_argument("--since", metavar="TIME", default="", help="2h, 3d, today, 2026-11-20 or a time")
    parser.add_argument("--until", metavar="TIME", default="", help="the same, as the end")
    parser.add_argument("-n", "--limit", metavar="N", type=count, default=limit, help=f"at most N (default: {limit})")


def count(text: str) -> int:
    """Parse a number of lines, at least one.

    :raises argparse.ArgumentTypeError: if it is invalid.
    """
    if not (text.isascii() and text.isdigit() and int(text[:12]) > 0):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text[:40]!r}")
    return int(text[:12])


def query_of(args: argparse.Namespace, reader: Reader, words: str = "") -> Query:
    """Build a query from the filters; a session may be given as a part of its id.

    :raises QueryError: if a value is invalid.
    """
    given = {name: getattr(args, name) for name in (*FIELDS, "tool")}
    if given["status"].strip("0123456789, "):
        # 5xx and >=400, which the query language supports.
        words = f"{words} status:{given.pop('status')}"
    query = parse_query({**given, "q": words, **{n: moment(getattr(args, n), n) for n in ("since", "until")}})
    session = (full_session(reader, args.session),) if args.session else ()
    return attr.evolve(query, session=session, limit=args.limit)


def question_text(args: argparse.Namespace) -> str:
    """Return a command's arguments in the query language, including its ``--sort``."""
    sort = args.sort.lstrip("-")
    wanted = [f"sort:{sort[1:] if sort.startswith('+') else '-' + sort}"] if sort else []
    return " ".join([joined(args.query), *wanted])


def joined(words: Iterable[str]) -> str:
    """Join the arguments of a command to one query, restoring quotation marks that the shell has removed."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    field, colon, value = word.partition(":")
    if " " not in word or '"' in word:
        return word
    return f'{field}:"{value}"' if colon and " " not in field else f'"{word}"'


def say_nothing_matches(reader: Reader, query: Query, err: TextIO) -> None:
    """Report an empty list, and filter values that no record has; or that nothing is recorded at all."""
    if not reader.sessions(SessionQuery(limit=1, include_empty=True)):
        err.write("Nothing is recorded yet.\n")
        return
    for line in ["Nothing matches", *unknown_values(query, reader.meta())]:
        err.write(f"{line[0].upper()}{line[1:]}.\n")


def moment(text: str, name: str = "since") -> str:
    """Convert a time of the query language (``2h``, ``today``, a date) into seconds since the epoch.

    Seconds and empty text are returned unchanged.

    :param name: the option's name.
    :raises QueryError: if it is invalid.
    """
    stripped = text.strip()
    if not stripped or _EPOCH.fullmatch(stripped):
        return stripped
    try:
        return f"{read_moment(name, stripped, time.time()) / 1000:.3f}"
    except QuestionError as error:
        raise QueryError(str(error)) from None


class NoSession(CommandError):
    """No session has this id."""


def full_session(reader: Reader, part: str) -> str:
    """Return the id of a session given as ``last``, as its complete id, or as a part as lists show it.

    :raises CommandError: if none or several match.
    """
    sessions = [each["session_id"] for each in reader.sessions(SessionQuery(limit=100_000, include_empty=True))]
    if part == "last":
        if not sessions:
            raise NoSession("Nothing is recorded yet.")
        return _last_session(reader) or sessions[0]
    if part in sessions:
        return part
    # The abbreviated form of lists, so that it can be copied from there.
    begin, _, end = part.partition("…")
    found = [each for each in sessions if each.startswith(begin) and each.endswith(end)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoSession(f"There is no session {part!r}; 'ccsproxy ls --sessions' lists them.")
    raise CommandError(f"{len(found)} sessions match {part!r}; give more of the id.")


def _last_session(reader: Reader) -> str | None:
    """Return the session of the newest model call: a lone `HEAD /` or telemetry is not what a user means."""
    newest = reader.requests(Query(fields={"category": ("model",)}, limit=1)).items
    return str(newest[0]["session_id"]) if newest else None


def whole_ids(args: argparse.Namespace, given: Iterable[str], beside: Iterable[str] = ()) -> list[str]:
    """Return the complete ids of sessions, each once; one that matches nothing is returned unchanged.

    :param beside: further sessions that may be given, of which nothing is recorded any more.
    :raises CommandError: if one is not an id, or matches several sessions.
    """
    reader, found, known = open_reader(args), list[str](), set(beside)
    args.asked = None  # the result is only ids: no warning about an incomplete index
    try:
        for part in given:
            if not SESSION_ID.match(part.replace("…", "")):
                raise WrongUsage(f"{part[:140]!r} is not a session id.")
            meant = [each for each in known if each.startswith(part)]
            try:
                found.append(full_session(reader, part) if len(part) >= _SHORTEST or part in known else part)
            except NoSession:
                found.append(meant[0] if len(meant) == 1 and len(part) >= _SHORTEST else part)
    finally:
        reader.close()
    return list(dict.fromkeys(found))


def exchange_of(reader: Reader, text: str) -> tuple[str, int]:
    """Parse ``SESSION/SEQ``, or ``last`` for the newest model call, or the newest exchange if there is none.

    :raises CommandError: if there is no such exchange.
    """
    if text == "last":
        # Agents send telemetry after their last call, which is not what a user means by the last one.
        models = Query(fields={"category": ("model",)}, limit=1)
        newest = reader.requests(models).items or reader.requests(Query(limit=1)).items
        if not newest:
            raise CommandError("Nothing is recorded yet.")
        return newest[0]["session_id"], newest[0]["seq"]
    session, slash, seq = text.rpartition("/")
    if not slash or not seq.isascii() or not seq.isdigit():
        raise WrongUsage(f"{text!r} is not an exchange; write SESSION/SEQ as 'ccsproxy ls' shows it, or last.")
    return full_session(reader, session), int(seq)


def record_of(reader: Reader, session: str, seq: int) -> dict[str, Any]:
    """Return a record.

    :raises CommandError: if it is not kept.
    """
    try:
        return reader.record(session, seq)
    except NotKept as error:
        raise CommandError(f"{error}".capitalize() + ".") from None


def known_upstreams(args: argparse.Namespace) -> Mapping[str, str]:
    """Return upstream NAME to URL of the running service, empty if none is running."""
    if getattr(args, "source", None):
        return {}
    running = read_run_file(data_dir_of(args))
    upstreams = running.get("upstreams") if running else None
    return upstreams if isinstance(upstreams, dict) else {}
