"""A session as Markdown: contents, findings, long parts folded, captured content in fences that it cannot close."""

from collections.abc import Iterator
from html import escape

from ccsproxy.exports.markdown import fenced, plain_line, said
from ccsproxy.exports.session.told import ToldItem, ToldSession, ToldTurn


def told_markdown(told: ToldSession) -> Iterator[str]:
    """Write a told session as Markdown."""
    yield f"# {plain_line(told.title)}\n\n"
    yield "".join(f"{plain_line(line)}  \n" for line in told.lines) + "\n"
    yield _listed("Findings", told.findings) + _listed("Notes", told.notes)
    if len(told.turns) > 1:
        yield "## Contents\n\n" + "".join(map(_entry, told.turns)) + "\n"
    for turn in told.turns:
        yield f"## {_name(turn)}\n\n{plain_line(turn.facts)}\n\n"
        yield from map(_item, turn.items)
    if told.aside:
        yield "## Beside the conversation\n\n"
        yield from map(_item, told.aside)


def _listed(title: str, lines: tuple[str, ...]) -> str:
    rows = "".join(f"- {plain_line(line)}\n" for line in lines)
    return f"## {title}\n\n{rows}\n" if lines else ""


def _name(turn: ToldTurn) -> str:
    return f"Turn {turn.number}" if turn.number else "Before the first message"


def _entry(turn: ToldTurn) -> str:
    return f"- {_name(turn)}: {plain_line(turn.title)} ({plain_line(turn.facts)})\n"


def _item(item: ToldItem) -> str:
    if item.kind == "fold":
        inside = "".join(map(_item, item.inside))
        return f"<details><summary>{escape(' '.join(item.title.split()))}</summary>\n\n{inside}</details>\n\n"
    if item.kind == "data":
        return fenced(item.text, item.language)
    if item.kind == "you":
        return f"**You:** {said(item.text)}"
    if item.kind == "answer":
        return said(item.text)
    if item.kind == "image":
        return f"[{plain_line(item.title)}]\n\n"
    return f"*{plain_line(item.text)}*\n\n"
