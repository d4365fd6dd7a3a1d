"""The view of a list of requests: its rows and the figures above them, from the index."""

from collections.abc import Mapping, Sequence
from typing import Any

import attr

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.picture.svg import Bar
from ccsproxy.dashboard.html.words import ShownState, state_of
from ccsproxy.dashboard.lists.sums import prompt_of

#: How many rows a page has.
ROWS = 60
#: How many rows the page of a search has: for each, a record is read for the passage that was found.
FOUND = 30
#: Maximum length of the line that shows the prompt.
PREVIEW = 160


@attr.frozen
class RowView:
    """One request as a row shows it; figures are written already."""

    sid: str
    seq: int
    started_at: str
    client: str
    what: str
    model: str
    state: ShownState
    status: str
    prompt: str
    cached: str
    fresh: str
    output: str
    ttft: str
    duration: str
    cost: str
    share: float | None = None
    upstream: str = ""
    agent: str = ""
    error: str = ""

    @property
    def href(self) -> str:
        """The address of the exchange's page."""
        return address.exchange(self.sid, self.seq)

    @property
    def key(self) -> str:
        """Names the row for scripts."""
        return f"{self.sid}/{self.seq}"

    @property
    def running(self) -> bool:
        """Whether the answer has not ended."""
        return self.state.tone == "run"


def row_of(item: Mapping[str, Any]) -> RowView:
    """Make the row of a summary."""
    status, whole, read = item.get("status"), prompt_of(item), item.get("cache_read_input_tokens")
    return RowView(
        sid=str(item.get("session_id")),
        seq=int(item.get("seq") or 0),
        started_at=str(item.get("started_at") or ""),
        client=str(item.get("client") or "unknown"),
        what=figures.clipped(_what(item), PREVIEW),
        model=str(item.get("model") or item.get("response_model") or figures.UNKNOWN),
        state=state_of(item.get("outcome")),
        status="" if status is None else str(status),
        prompt=figures.tokens(whole),
        cached=figures.percent(read, whole),
        fresh=figures.tokens(None if whole is None else whole - (read or 0)),
        output=figures.tokens(item.get("output_tokens")),
        ttft=figures.duration(item.get("ttft_ms")),
        duration=figures.duration(item.get("duration_ms")),
        cost=figures.total(item.get("cost"), item.get("unpriced")),
        share=read / whole if whole and read is not None else None,
        upstream=str(item.get("upstream") or ""),
        agent=str(item.get("agent") or ""),
        error=figures.clipped(str(item.get("error_message") or ""), PREVIEW),
    )


def _what(item: Mapping[str, Any]) -> str:
    """Return what a request is about: the search result, the prompt, the tools that it called, or its target."""
    line = item.get("excerpt") or item.get("preview")
    if line:
        return str(line)
    if item.get("tools"):
        return f"calls {', '.join(item['tools'])}"
    return f"{item.get('method') or ''} {item.get('path') or ''}".strip()


@attr.frozen
class Strip:
    """A small chart with its caption."""

    title: str
    figure: str
    bars: Sequence[Bar]
    label: str


def strips(items: Sequence[Mapping[str, Any]]) -> list[Strip]:
    """Return the charts above a list, the oldest request first."""
    # A call that runs has no length yet, and would be drawn as one that took no time.
    ended = [item for item in reversed(items) if item.get("outcome")]
    return [_latency(ended), _tokens(ended)] if len(ended) > 1 else []


def _latency(items: Sequence[Mapping[str, Any]]) -> Strip:
    drawn = []
    for item in items:
        whole, first = item.get("duration_ms") or 0.0, item.get("ttft_ms") or 0.0
        tone = "bad" if item.get("has_error") else "stream"
        label = f"{figures.clock(item.get('started_at'))}  {figures.duration(item.get('duration_ms'))}"
        drawn.append(Bar([(min(first, whole), "wait"), (max(whole - first, 0.0), tone)], label))
    middle = median([item["duration_ms"] for item in items if item.get("duration_ms") is not None])
    figure = f"median {figures.duration(middle)}"
    return Strip("Latency", figure, drawn, f"Duration of the last {len(items)} requests, {figure}")


def _tokens(items: Sequence[Mapping[str, Any]]) -> Strip:
    drawn = []
    for item in items:
        parts = [
            (item.get("cache_read_input_tokens") or 0, "cached"),
            ((item.get("input_tokens") or 0) + (item.get("cache_creation_input_tokens") or 0), "fresh"),
            (item.get("output_tokens") or 0, "output"),
        ]
        label = f"{figures.clock(item.get('started_at'))}  {figures.tokens(sum(value for value, _ in parts))} tokens"
        drawn.append(Bar(parts, label))
    figure = f"{figures.tokens(sum(bar.height for bar in drawn))} in all"
    return Strip("Tokens", figure, drawn, f"Tokens of the last {len(items)} requests, {figure}")


def median(values: Sequence[float]) -> float | None:
    """Return the median; None for no values."""
    return sorted(values)[len(values) // 2] if values else None
