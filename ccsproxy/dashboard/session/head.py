"""The header of a session: two lines about what it was, where, with what, its cost and its time."""

from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.moments import moment_of, until
from ccsproxy.dashboard.lists.sums import prompt_of
from ccsproxy.insight.words import counted_calls, seconds

_TIMES = (
    ("model", "model"),
    ("tools", "tools"),
    ("user", "you"),
    ("backoff", "retries"),
    ("stalled", "stalls"),
    ("proxy", "proxy"),
)

#: Kinds of time that the head names, the longest first; all are in the view of costs.
_LONGEST = 3


def session_title(meta: Mapping[str, Any]) -> str:
    """Return the title of a session."""
    return figures.clipped(str(meta.get("title") or ""), 240) or "Session without a prompt"


def session_head(meta: Mapping[str, Any], conversation: Mapping[str, Any] | None, level: str = "h1") -> Any:
    """Write the header.

    :param conversation: as returned by `Insights.conversation`; None while no call has ended.
    """
    return h.header(
        h.div(
            getattr(h, level)(session_title(meta), dir="auto", data_testid="title"), _where(meta), class_="title-line"
        ),
        h.p(_figures(meta, conversation), class_="figures-line", data_testid="totals"),
        class_="session-head",
        id="session-head",
    )


def _where(meta: Mapping[str, Any]) -> Any:
    client = " ".join(str(each) for each in (meta.get("client"), meta.get("client_version")) if each)
    cwd = str(meta.get("cwd") or "")
    pieces = [
        h.span(cwd.rstrip("/").rpartition("/")[2] or cwd, title=cwd, class_="data") if cwd else None,
        client,
        h.span(", ".join(map(str, meta.get("models") or ())), class_="data"),
        [moment_of(str(meta.get("started_at") or "")), " to ", _until(meta)],
    ]
    return h.p(_joined([each for each in pieces if each]), class_="where muted")


def _until(meta: Mapping[str, Any]) -> Any:
    if not meta.get("ended_at"):
        return "now: a call is in flight"
    return until(str(meta["ended_at"]), str(meta.get("started_at") or ""))


def _figures(meta: Mapping[str, Any], conversation: Mapping[str, Any] | None) -> Any:
    counts = {name: meta.get(f"total_{name}") for name in _COUNTS}
    whole, read = prompt_of(counts), counts["cache_read_input_tokens"]
    turns = len([turn for turn in (conversation or {}).get("turns", ()) if turn["number"]])
    totals = (conversation or {}).get("totals", {})
    calls = counted_calls(totals) if totals else figures.plural(meta.get("request_count"), "call")
    pieces: list[Any] = [f"{calls} in {figures.plural(turns, 'turn')}" if turns else calls]
    if whole is not None:
        pieces.append(f"{figures.tokens(whole)} sent, {figures.percent(read, whole)} cached")
    if meta.get("total_output_tokens") is not None:
        pieces.append(f"{figures.tokens(meta['total_output_tokens'])} out")
    cost = h.strong(figures.dollars(meta.get("cost")), class_="figure")
    lacks = figures.lacking(meta.get("unpriced"))
    models = ", ".join(map(str, meta.get("unpriced_models") or ())) or None
    pieces.append([cost, h.span(f" + {lacks}", class_="warned", title=models) if lacks else ""])
    if meta.get("errors"):
        pieces.append(h.span(figures.plural(meta["errors"], "error"), class_="bad-figure"))
    times = totals.get("times")
    if times:
        longest = sorted(((times.get(key) or 0.0, name) for key, name in _TIMES), reverse=True)[:_LONGEST]
        # A value of 0.0 s carries no information.
        parts = [f"{name} {seconds(spent)}" for spent, name in longest if spent >= 0.05]
        pieces.append(f"{seconds(times['total'])}: {', '.join(parts)}" if parts else seconds(times["total"]))
    return _joined(pieces)


_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _joined(pieces: list[Any]) -> list[Any]:
    return [[h.span(" · ", class_="muted") if number else "", each] for number, each in enumerate(pieces)]
