"""Writing lists for people: columns, numbers and colours (colours only where a terminal reads them)."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from ccsproxy.insight.query import member
from ccsproxy.providers.amounts import total

_CODES = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}
_OUTCOME_COLOURS = {"complete": "green", "client_disconnected": "yellow", "shutdown": "yellow", None: "dim"}


class Paint:
    """Colours text when the stream is a terminal, ``NO_COLOR`` is not set and ``TERM`` is not ``dumb``."""

    def __init__(self, out: TextIO, environ: Mapping[str, str] = os.environ) -> None:
        self.on = out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

    def __call__(self, text: str, colour: str) -> str:
        """Return the text in a colour, or as it is."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.on else text


def printable(text: object) -> str:
    """Return captured text without control characters, so that nothing in it can steer a terminal."""
    return "".join(c if c.isprintable() else " " if c in "\t\n" else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def number(value: float | None) -> str:
    """Write a number for people, ``-`` when it is not known."""
    return "-" if value is None else f"{value:,.0f}"


def duration(milliseconds: float | None) -> str:
    """Write a duration for people, ``-`` when it is not known."""
    if milliseconds is None:
        return "-"
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms"
    return f"{milliseconds / 1000:.1f}s" if milliseconds < 60_000 else f"{milliseconds / 60_000:.1f}m"


def local_time(text: str | None) -> str:
    """Write a record's time in the reader's time zone."""
    if not text:
        return "-"
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%m-%d %H:%M:%S")
    except ValueError:
        return printable(text)


HEADINGS = ("TIME", "SESSION/SEQ", "CLIENT", "MODEL", "OUTCOME", "SENT", "CACHED", "OUT", "TTFT", "TOTAL", "COST", "")
#: The cost has room for a bound of thousands, since an amount that is cut short is another amount.
_WIDTHS = (14, 22, 12, 24, 22, 8, 8, 7, 7, 7, 11, 0)


def heading(paint: Paint) -> str:
    """Return the line above a list of requests."""
    return paint(_columns(HEADINGS).rstrip(), "bold")


def request_line(item: Mapping[str, Any], paint: Paint) -> str:
    """Return the line of one request, from its summary."""
    outcome = item["outcome"]
    shown = outcome or "running"
    if outcome == "http_error" and item["status"]:
        shown = f"http_error {item['status']}"
    cells = [
        local_time(item["started_at"]),
        f"{short(item['session_id'])}/{item['seq']}",
        item["client"] or "-",
        item["response_model"] or item["model"] or "-",
        shown,
        *_sent(item),
        number(item["output_tokens"]),
        duration(item["ttft_ms"]),
        duration(item["duration_ms"]),
        total(item["cost"], item.get("unpriced"), "-"),
        item["error_message"] or item.get("preview") or item["path"],
    ]
    texts = [printable(cell) for cell in cells]
    line = _columns(texts).rstrip()
    padded = texts[4].ljust(_WIDTHS[4])
    # Coloured last, as the escapes would count as letters when the columns are made.
    return line.replace(padded.rstrip(), paint(padded.rstrip(), _OUTCOME_COLOURS.get(outcome, "red")), 1)


def _sent(item: Mapping[str, Any]) -> tuple[str, str]:
    """Return the size of the whole prompt, and which part of it came from the cache."""
    prompt, share = member(item, "prompt_tokens"), member(item, "cached_share")
    return number(prompt), "-" if share is None else f"{share:.0%}"


def short(session_id: str) -> str:
    """Return the part of a session id that tells it apart, which all commands take for the whole."""
    return session_id if len(session_id) <= 16 else session_id[:8] + "…" + session_id[-6:]


def _columns(cells: Sequence[str]) -> str:
    return "  ".join(_fit(cell, width) for cell, width in zip(cells, _WIDTHS, strict=True))


def _fit(text: str, width: int) -> str:
    if not width:
        return text[:80]
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


def table(rows: Iterable[Sequence[str]], out: TextIO) -> None:
    """Write rows in columns as wide as they need to be; the first row is the heading."""
    kept = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in kept) for i in range(len(kept[0]))]
    for row in kept:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        out.write("  ".join([first, *rest]).rstrip() + "\n")
