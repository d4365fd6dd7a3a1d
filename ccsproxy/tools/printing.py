"""Formats lists for people: columns, numbers and colours (colours only on a terminal)."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from ccsproxy.insight.query import member
from ccsproxy.insight.words import tokens
from ccsproxy.providers.amounts import total
from ccsproxy.tools import columns as columns_of
from ccsproxy.tools.columns import Columns, TextColumn, cut, width_of

_CODES = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}
_OUTCOME_COLOURS = {"complete": "green", "client_disconnected": "yellow", "shutdown": "yellow", None: "dim"}


class Paint:
    """Colours text if the stream is a terminal, ``NO_COLOR`` is not set and ``TERM`` is not ``dumb``.

    :ivar width: the line width in cells.
    """

    def __init__(self, out: TextIO, environ: Mapping[str, str] = os.environ) -> None:
        self.on = out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self.width = width_of(out)

    def __call__(self, text: str, colour: str) -> str:
        """Return the text in a colour, or unchanged."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.on else text


def printable(text: object) -> str:
    """Return captured text without control characters, so that nothing in it can steer a terminal."""
    return "".join(c if c.isprintable() else _SHOWN.get(c, "\N{REPLACEMENT CHARACTER}") for c in str(text))


#: Harmless characters that are not printable: white space, and joiners (emoji, Arabic, Indic scripts).
_SHOWN = {"\t": " ", "\n": " ", "\N{ZERO WIDTH JOINER}": "\N{ZERO WIDTH JOINER}",
          "\N{ZERO WIDTH NON-JOINER}": "\N{ZERO WIDTH NON-JOINER}"}  # fmt: skip


def number(value: float | None) -> str:
    """Format a number, ``-`` if unknown."""
    return "-" if value is None else f"{value:,.0f}"


def duration(milliseconds: float | None) -> str:
    """Format a duration, ``-`` if unknown."""
    if milliseconds is None:
        return "-"
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms"
    return f"{milliseconds / 1000:.1f}s" if milliseconds < 60_000 else f"{milliseconds / 60_000:.1f}m"


def local_time(text: str | None) -> str:
    """Format a record's time in the user's time zone."""
    if not text:
        return "-"
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%m-%d %H:%M:%S")
    except ValueError:
        return printable(text)


#: The cost column has room for a bound in thousands, since a truncated amount would be a different amount.
_COLUMNS = (
    TextColumn("TIME", 8, wide=14),
    TextColumn("SESSION/SEQ", 21, wide=22),
    TextColumn("CLIENT", 12, least=130, wide=16),
    TextColumn("MODEL", 16, least=100, wide=24),
    TextColumn("OUTCOME", 14, least=112, wide=22),
    TextColumn("SENT", 6, right=True),
    TextColumn("CACHED", 6, least=70, right=True),
    TextColumn("OUT", 6, least=150, right=True),
    TextColumn("TTFT", 6, least=150, right=True),
    TextColumn("TOTAL", 6, least=120, right=True),
    TextColumn("COST", 9, wide=11, right=True),
    TextColumn(""),
)
#: Maximum length of a request's description; the record has more.
_ABOUT = 100


def heading(paint: Paint) -> str:
    """Return the heading of a list of requests."""
    return paint(Columns(_COLUMNS, paint.width).heading(), "bold")


def request_line(item: Mapping[str, Any], paint: Paint) -> str:
    """Return the line of one request, from its summary, in the columns that fit the terminal."""
    outcome, columns = item["outcome"], Columns(_COLUMNS, paint.width)
    shown = outcome or "running"
    if outcome == "http_error" and item["status"]:
        shown = f"http_error {item['status']}"
    about = str(item["error_message"] or item.get("preview") or item["path"])
    # Without that column, only outcomes other than success are named.
    about = about if columns.has("OUTCOME") or outcome == "complete" else f"{shown}: {about}"
    time = local_time(item["started_at"])
    values = {
        "TIME": time if columns.width >= Columns.ROOMY else time.rpartition(" ")[2],
        "SESSION/SEQ": f"{short(item['session_id'])}/{item['seq']}",
        "CLIENT": item["client"] or "-",
        "MODEL": item["response_model"] or item["model"] or "-",
        "OUTCOME": shown,
        **_sent(item),
        "TTFT": duration(item["ttft_ms"]),
        "TOTAL": duration(item["duration_ms"]),
        "COST": total(item["cost"], item.get("unpriced"), "-"),
        "": cut(printable(about), _ABOUT),
    }
    line = columns.line({name: printable(value) for name, value in values.items()})
    return line.replace(shown, paint(shown, _OUTCOME_COLOURS.get(outcome, "red")), 1)


def _sent(item: Mapping[str, Any]) -> dict[str, str]:
    """Return the sizes of the complete prompt, of its cached part, and of the response."""
    prompt, share, out = member(item, "prompt_tokens"), member(item, "cached_share"), item["output_tokens"]
    return {
        "SENT": "-" if prompt is None else tokens(prompt),
        "CACHED": "-" if share is None else f"{share:.0%}",
        "OUT": "-" if out is None else tokens(out),
    }


def short(session_id: str) -> str:
    """Abbreviate a session id; all commands accept the abbreviated form."""
    return session_id if len(session_id) <= 16 else session_id[:8] + "…" + session_id[-6:]


def table(rows: Iterable[Sequence[str]], out: TextIO, spare: Sequence[str] = ()) -> None:
    """Print rows in columns as wide as needed; the first row is the heading.

    :param spare: headings of the columns that a narrow terminal drops, least important first.
    """
    columns_of.table([[printable(cell) for cell in row] for row in rows], out, spare)
