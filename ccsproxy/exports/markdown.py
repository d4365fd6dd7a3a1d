"""An exchange or a session as Markdown; captured content stands in fences that it cannot close."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ccsproxy.exports.address import Upstreams
from ccsproxy.exports.reading import sections, session_facts, title
from ccsproxy.exports.sections import ReportBlock, Section

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~&])")


def markdown(record: Mapping[str, Any], upstreams: Upstreams) -> Iterator[str]:
    """Write one exchange as Markdown."""
    yield from _exchange(record, upstreams, 1)


def session_markdown(
    meta: Mapping[str, Any], records: Iterable[Mapping[str, Any]], upstreams: Upstreams
) -> Iterator[str]:
    """Write a session: its facts, then each exchange."""
    yield f"# {_plain(str(meta.get('title') or meta.get('session_id') or 'Session'))}\n\n"
    yield from _facts(session_facts(meta))
    for record in records:
        yield from _exchange(record, upstreams, 2)


def _exchange(record: Mapping[str, Any], upstreams: Upstreams, level: int) -> Iterator[str]:
    yield f"{'#' * level} {_plain(title(record))}\n\n"
    for section in sections(record, upstreams):
        yield from _section(section, level + 1)


def _section(section: Section, level: int) -> Iterator[str]:
    yield f"{'#' * level} {_plain(section.title)}\n\n"
    yield from _facts(section.facts)
    for block in section.blocks:
        yield _block(block)


def _facts(facts: tuple[tuple[str, str], ...]) -> Iterator[str]:
    if facts:
        yield "| | |\n|---|---|\n"
        yield from (f"| {_plain(name)} | {_plain(value)} |\n" for name, value in facts)
        yield "\n"


def _block(block: ReportBlock) -> str:
    longest = max((len(run) for run in re.findall(r"`{3,}", block.text)), default=2)
    fence = "`" * (longest + 1)
    label = f"**{_plain(block.label)}**\n\n" if block.label else ""
    ending = "" if block.text.endswith("\n") else "\n"
    return f"{label}{fence}{block.language}\n{block.text}{ending}{fence}\n\n"


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
