"""Imports the records of a version 1 data directory, as ccs-proxy wrote them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attr
import msgspec

from ccsproxy.exchange import codec
from ccsproxy.exchange.record import Record
from ccsproxy.exchange.upgrade import upgrade
from ccsproxy.providers.registry import upstream_name

Json = dict[str, Any]


@attr.define
class Imported:
    """The result of an import.

    :ivar sessions: number of sessions found.
    :ivar records: number of imported records.
    :ivar known: number of records that an earlier import has imported.
    :ivar skipped: for each file that could not be imported, one sentence with the reason.
    """

    sessions: int = 0
    records: int = 0
    known: int = 0
    skipped: list[str] = attr.field(factory=list)


def old_records(
    source: Path, redact: Callable[[Json], Json], known: Callable[[Json], bool], report: Imported
) -> Iterator[Json]:
    """Yield the records of a version 1 data dir in the current format, session by session in order of their numbers.

    :param source: the data dir; it is only read.
    :param redact: removes the secrets of an upgraded record; a record on which it fails is skipped.
    :param known: tells whether a record is in the store already.
    :param report: filled while records are yielded.
    :raises NotADirectoryError: if there is no such data dir.
    """
    folder = source / "sessions"
    if not folder.is_dir():
        raise NotADirectoryError(f"{source} is not a data dir of ccs-proxy: it has no folder named sessions")
    for session in sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()):
        report.sessions += 1
        upstream = _upstream(session)
        seen: set[int] = set()
        for path in sorted(session.glob("*.json"), key=_order):
            if path.name != "meta.json":
                yield from _one(path, upstream, redact, known, report, seen)


def _one(
    path: Path,
    upstream: str,
    redact: Callable[[Json], Json],
    known: Callable[[Json], bool],
    report: Imported,
    seen: set[int],
) -> Iterator[Json]:
    """Yield the record of one file, unless it is damaged, known or without a number of its own.

    :param seen: the numbers of the session's records so far.
    """
    try:
        record = upgrade({"upstream": upstream, **_object(path)})
        if record["session_id"] != path.parent.name:
            raise ValueError("the record belongs to another session")
        if record["seq"] in seen:
            raise ValueError(f"another file of the session has the number {record['seq']}, too")
        if known(record):
            report.known += 1
            return
        record = redact(record)
        check(record)
    except Exception as reason:  # whatever a file contains, it must not affect the others
        report.skipped.append(f"{path} was skipped: {reason}")
        return
    seen.add(record["seq"])
    report.records += 1
    yield record


def check(record: Json) -> None:
    """Check that a record can be written, and read again.

    :raises ValueError: if not; ``TypeError``, ``OverflowError`` and ``RecursionError`` likewise.
    """
    read = msgspec.convert(record, Record)
    status = read.response.status if read.response is not None else 0
    if not 0 <= status < 1000:
        raise ValueError(f"{status} is not a status")
    datetime.fromisoformat(read.started_at)
    codec.encode(record)


def _object(path: Path) -> Json:
    value = msgspec.json.decode(path.read_bytes())
    if not isinstance(value, dict):
        raise ValueError("it does not hold an object")
    return value


def _upstream(session: Path) -> str:
    """Return the name of the upstream whose URL is in a session's ``meta.json``; empty if there is none."""
    try:
        url = urlsplit(str(_object(session / "meta.json").get("upstream") or ""))
        return upstream_name(url.hostname, url.port) if url.hostname else ""
    except (OSError, ValueError):
        return ""


def _order(path: Path) -> tuple[int, str]:
    return (int(path.stem) if path.stem.isascii() and path.stem.isdigit() else 0, path.name)
