"""A session as one HTML file: no scripts, no external resources; contents, findings, long parts folded."""

import re
from collections.abc import Iterator
from html import escape

from ccsproxy.exports.session.transcript import Transcript, TranscriptItem, TranscriptTurn

_STYLE = (
    ":root{color-scheme:light dark;--line:light-dark(#ddd,#333);--soft:light-dark(#f4f4f1,#1d2022);"
    "--you:light-dark(#e3f1f4,#16323a);--mute:light-dark(#5b6164,#9ba2a4)}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:58rem;margin:1.5rem auto;padding:0 1rem;"
    "overflow-wrap:anywhere}"
    "h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem;border-top:1px solid var(--line);"
    "padding-top:.8rem}.facts,.line,.mark{color:var(--mute);font-size:.87rem;margin:.2rem 0}"
    ".you{background:var(--you);border-radius:6px;padding:.5rem .8rem;white-space:pre-wrap;margin:.5rem 0}"
    ".answer{white-space:pre-wrap;margin:.5rem 0}.mark{border-top:1px dashed var(--line);padding-top:.3rem}"
    "details{margin:.15rem 0;font-size:.9rem}details details{margin-left:1rem}summary{cursor:pointer}"
    "pre{white-space:pre-wrap;background:var(--soft);border-radius:6px;padding:.6rem;margin:.3rem 0;max-height:40rem;"
    "overflow:auto;font-size:.82rem}img{max-width:100%;max-height:24rem}nav ol{columns:2 20rem;font-size:.9rem}"
    "ul.findings{border-left:3px solid #0e6377;padding:.3rem 1.6rem;background:var(--soft)}"
    "@media print{details>*{display:block}}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
#: How the base64 text of images begins that every browser can show (RFC 2083, ISO 10918, GIF89a, RIFF).
_IMAGES = {"iVBORw0KGgo": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")


def transcript_page(transcript: Transcript) -> Iterator[str]:
    """Write a transcript as a page."""
    title = escape(transcript.title)
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>\n<h1>{title}</h1>\n"
    )
    yield "".join(f'<p class="facts">{escape(line)}</p>\n' for line in transcript.lines)
    yield _listed("findings", transcript.findings) + _listed("notes", transcript.notes) + _contents(transcript)
    for number, turn in enumerate(transcript.turns):
        yield from _turn(turn, number)
    if transcript.aside:
        yield '<h2 id="aside">Beside the conversation</h2>\n'
        yield from map(_item, transcript.aside)
    yield "</main></body></html>\n"


def _listed(name: str, lines: tuple[str, ...]) -> str:
    rows = "".join(f"<li>{escape(line)}</li>\n" for line in lines)
    return f'<ul class="{name}">{rows}</ul>\n' if lines else ""


def _contents(transcript: Transcript) -> str:
    if len(transcript.turns) < 2:
        return ""
    rows = "".join(
        f'<li value="{turn.number}"><a href="#turn-{at}">{escape(turn.title)}</a> '
        f'<span class="facts">{escape(turn.facts)}</span></li>\n'
        for at, turn in enumerate(transcript.turns)
    )
    return f'<nav aria-label="Contents"><ol>{rows}</ol></nav>\n'


def _turn(turn: TranscriptTurn, at: int) -> Iterator[str]:
    name = f"Turn {turn.number}" if turn.number else "Before the first message"
    yield f'<h2 id="turn-{at}">{name}</h2>\n<p class="facts">{escape(turn.facts)}</p>\n'
    yield from map(_item, turn.items)


def _item(item: TranscriptItem) -> str:
    if item.kind == "fold":
        inside = "".join(map(_item, item.inside))
        return f"<details><summary>{escape(item.title)}</summary>{inside}</details>\n"
    if item.kind == "data":
        return f"<pre>{escape(item.text)}</pre>\n"
    if item.kind == "image":
        return _image(item)
    return f'<div class="{item.kind}">{escape(item.text)}</div>\n'


def _image(item: TranscriptItem) -> str:
    """Show an image by its actual type, not its declared one."""
    kind = next((kind for start, kind in _IMAGES.items() if item.text.startswith(start)), None)
    if kind is None or not _BASE64.match(item.text):
        return f'<div class="line">[{escape(item.title)}]</div>\n'
    return f'<img alt="{escape(item.title)}" src="data:{kind};base64,{item.text}">\n'
