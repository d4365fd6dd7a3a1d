"""An exchange as Markdown, with captured content in fences that the content cannot close."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ccsproxy.exports.address import Upstreams
from ccsproxy.exports.reading import sections, title
from ccsproxy.exports.sections import ReportBlock, Section

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~&])")


def markdown(record: Mapping[str, Any], upstreams: Upstreams) -> Iterator[str]:
    """Write one exchange as Markdown."""
    yield from _exchange(record, upstreams, 1)


def _exchange(record: Mapping[str, Any], upstreams: Upstreams, level: int) -> Iterator[str]:
    yield f"{'#' * level} {plain_line(title(record))}\n\n"
    for section in sections(record, upstreams):
        yield from _section(section, level + 1)


def _section(section: Section, level: int) -> Iterator[str]:
    yield f"{'#' * level} {plain_line(section.title)}\n\n"
    yield from _facts(section.facts)
    for block in section.blocks:
        yield _block(block)


def _facts(facts: tuple[tuple[str, str], ...]) -> Iterator[str]:
    if facts:
        yield "| | |\n|---|---|\n"
        yield from (f"| {plain_line(name)} | {plain_line(value)} |\n" for name, value in facts)
        yield "\n"


def _block(block: ReportBlock) -> str:
    label = f"**{plain_line(block.label)}**\n\n" if block.label else ""
    return label + fenced(block.text, block.language)


def fenced(text: str, language: str = "") -> str:
    """Put text into a fence that the text cannot close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    ending = "" if text.endswith("\n") else "\n"
    return f"{fence}{language}\n{text}{ending}{fence}\n\n"


def message_text(text: str) -> str:
    """Return a message as paragraphs, with the code blocks that it contains in fences."""
    pieces = re.split(r"(?m)^ *```[^\n]*\n(.*?)(?:^ *```[ \t]*$\n?|\Z)", text, flags=re.DOTALL)
    shown = [fenced(piece) if at % 2 else _paragraphs(piece) for at, piece in enumerate(pieces)]
    return "".join(shown)


def _paragraphs(text: str) -> str:
    lines = [plain_line(line) for line in text.strip("\n").split("\n")]
    return "  \n".join(lines).strip() + "\n\n" if text.strip() else ""


def plain_line(text: str) -> str:
    """Return text on one line, escaped so that Markdown shows it literally."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
