"""A session as Markdown: contents, findings, long parts folded, captured content in fences that it cannot close."""

from collections.abc import Iterator
from html import escape

from ccsproxy.exports.markdown import fenced, message_text, plain_line
from ccsproxy.exports.session.transcript import Transcript, TranscriptItem, TranscriptTurn


def transcript_markdown(transcript: Transcript) -> Iterator[str]:
    """Write a transcript as Markdown."""
    yield f"# {plain_line(transcript.title)}\n\n"
    yield "".join(f"{plain_line(line)}  \n" for line in transcript.lines) + "\n"
    yield _listed("Findings", transcript.findings) + _listed("Notes", transcript.notes)
    if len(transcript.turns) > 1:
        yield "## Contents\n\n" + "".join(map(_entry, transcript.turns)) + "\n"
    for turn in transcript.turns:
        yield f"## {_name(turn)}\n\n{plain_line(turn.facts)}\n\n"
        yield from map(_item, turn.items)
    if transcript.aside:
        yield "## Beside the conversation\n\n"
        yield from map(_item, transcript.aside)


def _listed(title: str, lines: tuple[str, ...]) -> str:
    rows = "".join(f"- {plain_line(line)}\n" for line in lines)
    return f"## {title}\n\n{rows}\n" if lines else ""


def _name(turn: TranscriptTurn) -> str:
    return f"Turn {turn.number}" if turn.number else "Before the first message"


def _entry(turn: TranscriptTurn) -> str:
    return f"- {_name(turn)}: {plain_line(turn.title)} ({plain_line(turn.facts)})\n"


def _item(item: TranscriptItem) -> str:
    if item.kind == "fold":
        inside = "".join(map(_item, item.inside))
        return f"<details><summary>{escape(' '.join(item.title.split()))}</summary>\n\n{inside}</details>\n\n"
    if item.kind == "data":
        return fenced(item.text, item.language)
    if item.kind == "you":
        return f"**You:** {message_text(item.text)}"
    if item.kind == "answer":
        return message_text(item.text)
    if item.kind == "image":
        return f"[{plain_line(item.title)}]\n\n"
    return f"*{plain_line(item.text)}*\n\n"
