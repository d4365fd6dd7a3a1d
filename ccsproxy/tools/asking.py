"""What the reading commands have in common: opening the store, naming an exchange, filters."""

import argparse
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import attr

from ccsproxy.exchange.ids import SESSION_ID
from ccsproxy.insight.query import SORTS
from ccsproxy.run import read_run_file
from ccsproxy.store.query import FIELDS, Query, parse_query
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.unknown import unknown_values
from ccsproxy.tools.data_dir import CommandError, data_dir_of
from ccsproxy.tools.engine_source import source_reader

#: So many letters of an id are needed where something is changed.
_SHORTEST = 4
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def open_reader(args: argparse.Namespace) -> Reader:
    """Open the store of ``--data-dir``, or what ``--from`` names; whether a service runs on it makes no difference.

    :raises CommandError: when it is not there.
    """
    if (shipped := source_reader(args)) is not None:
        return shipped
    # For the command's end: `reported` says what an index that is not whole may have cost the answer.
    args.asked = reader = Reader(data_dir_of(args))
    return reader


def add_query(parser: argparse.ArgumentParser) -> None:
    """Declare the query language as the words of a command."""
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
        help=f"sort by {', '.join(SORTS)}; the largest first, with + the smallest",
    )


def add_filters(parser: argparse.ArgumentParser, limit: int) -> None:
    """Declare the filters of contract section 6 as options."""
    for name in ("session", *FIELDS, "tool"):
        parser.add_argument(f"--{name}", metavar="VALUE", default="", help=f"only this {name}; a comma means or")
    parser.add_argument("--since", metavar="TIME", default="", help="a time such as 2026-11-20T08:00:00Z, or 2h, 3d")
    parser.add_argument("--until", metavar="TIME", default="", help="the same, as the end")
    parser.add_argument("-n", "--limit", metavar="N", type=int, default=limit, help=f"at most N (default: {limit})")


def query_of(args: argparse.Namespace, reader: Reader, words: str = "") -> Query:
    """Make a query from the filters; a session may be named by a part of its id.

    :raises QueryError: when a value cannot be meant.
    """
    given = {name: getattr(args, name) for name in (*FIELDS, "tool")}
    query = parse_query({**given, "q": words, **{n: moment(getattr(args, n)) for n in ("since", "until")}})
    session = (full_session(reader, args.session),) if args.session else ()
    return attr.evolve(query, session=session, limit=max(1, args.limit))


def question_text(args: argparse.Namespace) -> str:
    """Return the words of a command in the query language, its ``--sort`` included."""
    sort = args.sort.lstrip("-")
    wanted = [f"sort:{sort[1:] if sort.startswith('+') else '-' + sort}"] if sort else []
    return " ".join([*map(_quoted, args.query), *wanted])


def _quoted(word: str) -> str:
    """Put a word that a shell has rid of its quotes back into them."""
    field, colon, value = word.partition(":")
    if " " not in word or '"' in word:
        return word
    return f'{field}:"{value}"' if colon and " " not in field else f'"{word}"'


def say_nothing_matches(reader: Reader, query: Query, err: TextIO) -> None:
    """Say that a list is empty, and which values of its filters no record has."""
    for line in ["Nothing matches", *unknown_values(query, reader.meta())]:
        err.write(f"{line[0].upper()}{line[1:]}.\n")


def moment(text: str) -> str:
    """Turn a span such as ``2h`` into the time that long ago; other texts stay."""
    span = _SPAN.fullmatch(text.strip())
    return str(int(time.time() - float(span[1]) * _SECONDS[span[2]])) if span else text


class NoSession(CommandError):
    """No session has such an id."""


def full_session(reader: Reader, part: str) -> str:
    """Return the session that is meant: ``last``, a whole id, or a part of one, as lists show it.

    :raises CommandError: when none or several are meant.
    """
    sessions = [each["session_id"] for each in reader.sessions(SessionQuery(limit=100_000, include_empty=True))]
    if part == "last" and sessions:
        return sessions[0]
    if part in sessions:
        return part
    # As lists shorten an id: whoever copies it from there names it.
    begin, _, end = part.partition("…")
    found = [each for each in sessions if each.startswith(begin) and each.endswith(end)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoSession(f"There is no session {part!r}; 'ccsproxy ls' shows what there is.")
    raise CommandError(f"{len(found)} sessions match {part!r}; give more of the id.")


def whole_ids(args: argparse.Namespace, given: Iterable[str], beside: Iterable[str] = ()) -> list[str]:
    """Return the ids of the sessions that are meant, each once; what names none is returned as it is.

    :param beside: sessions that may be meant although nothing of them is recorded any more.
    :raises CommandError: when one is no id, or several sessions are meant.
    """
    reader, found, known = open_reader(args), list[str](), set(beside)
    args.asked = None  # ids are no answer that could lack something
    try:
        for part in given:
            if not SESSION_ID.match(part.replace("…", "")):
                raise CommandError(f"{part[:140]!r} is no session id.")
            meant = [each for each in known if each.startswith(part)]
            try:
                found.append(full_session(reader, part) if len(part) >= _SHORTEST or part in known else part)
            except NoSession:
                found.append(meant[0] if len(meant) == 1 and len(part) >= _SHORTEST else part)
    finally:
        reader.close()
    return list(dict.fromkeys(found))


def exchange_of(reader: Reader, text: str) -> tuple[str, int]:
    """Read ``SESSION/SEQ``, or ``last`` for the newest call of a model; where there is none, for the newest exchange.

    :raises CommandError: when it names none.
    """
    if text == "last":
        # Agents report on themselves behind their last call; that is not what anybody means by the last one.
        models = Query(fields={"category": ("model",)}, limit=1)
        newest = reader.requests(models).items or reader.requests(Query(limit=1)).items
        if not newest:
            raise CommandError("Nothing is recorded yet.")
        return newest[0]["session_id"], newest[0]["seq"]
    session, slash, seq = text.rpartition("/")
    if not slash or not seq.isascii() or not seq.isdigit():
        raise CommandError(f"{text!r} names no exchange; write SESSION/SEQ as 'ccsproxy ls' shows it, or last.")
    return full_session(reader, session), int(seq)


def record_of(reader: Reader, session: str, seq: int) -> dict[str, Any]:
    """Return a record.

    :raises CommandError: when it is not kept.
    """
    try:
        return reader.record(session, seq)
    except NotKept as error:
        raise CommandError(f"{error}".capitalize() + ".") from None


def known_upstreams(args: argparse.Namespace) -> Mapping[str, str]:
    """Return upstream NAME to URL as the running service says, empty when none runs."""
    if getattr(args, "source", None):
        return {}
    running = read_run_file(data_dir_of(args))
    upstreams = running.get("upstreams") if running else None
    return upstreams if isinstance(upstreams, dict) else {}
