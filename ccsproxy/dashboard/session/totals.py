"""A session in figures: totals, and how the context grows from turn to turn."""

from collections.abc import Mapping, Sequence
from typing import Any

import attr

from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.svg import Bar
from ccsproxy.dashboard.session.turns import RequestTurn

#: Bars of one chart; of longer sessions the last ones are drawn.
MOST = 600


@attr.frozen
class Tile:
    """A figure with its name."""

    name: str
    figure: str
    note: str = ""


@attr.frozen
class Growth:
    """The chart of the context.

    :ivar peak: the largest context.
    :ivar left_out: how many turns at the beginning are not drawn.
    """

    bars: Sequence[Bar]
    label: str
    peak: str
    left_out: int = 0


def total_tiles(meta: Mapping[str, Any], requests: Sequence[Mapping[str, Any]], agents: int = 0) -> list[Tile]:
    """Return a session's totals; what no request knew is a dash.

    :param agents: how many sub-agents there are.
    """
    read, fresh = meta.get("total_cache_read_input_tokens"), meta.get("total_input_tokens")
    written = meta.get("total_cache_creation_input_tokens")
    whole = sum(each or 0 for each in (read, fresh, written))
    tiles = [
        Tile("Requests", figures.exact(meta.get("request_count"))),
        Tile("Errors", figures.exact(meta.get("errors"))),
        Tile("Input", figures.tokens(fresh)),
        Tile("Cache read", figures.tokens(read), f"{figures.share(read, whole)} of input" if read else ""),
        Tile("Cache written", figures.tokens(written)),
        Tile("Output", figures.tokens(meta.get("total_output_tokens"))),
        Tile("Reasoning", figures.tokens(meta.get("total_reasoning_tokens"))),
        Tile("Cost", figures.total(meta.get("cost"), meta.get("unpriced")), _cost_note(meta)),
        Tile("Wall time", figures.duration(wall_time(requests))),
        Tile("Model time", figures.duration(model_time(requests))),
    ]
    if agents:
        tiles.insert(2, Tile("Sub-agents", figures.exact(agents)))
    if meta.get("in_flight"):
        tiles.insert(1, Tile("In flight", figures.exact(meta["in_flight"])))
    return tiles


def _cost_note(meta: Mapping[str, Any]) -> str:
    """Say what kind of price the cost is, or which calls it lacks."""
    note = figures.lacking(meta.get("unpriced"), meta.get("unpriced_models") or ())
    return note or ("list price" if meta.get("cost") is not None else "")


def wall_time(requests: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the time from the first start to the last end that is known, in milliseconds."""
    begins = [at for each in requests if (at := figures.moment(each.get("started_at")))]
    ends = [at for each in requests if (at := figures.moment(each.get("ended_at")))]
    return (max(ends) - min(begins)).total_seconds() * 1000 if begins and ends else None


def model_time(requests: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the sum of all durations that are known, in milliseconds."""
    known = [each["duration_ms"] for each in requests if each.get("duration_ms") is not None]
    return sum(known) if known else None


def growth(turns: Sequence[RequestTurn]) -> Growth | None:
    """Return the chart of a session's turns in the order in which they were sent, None of less than two."""
    sent = sorted((turn for turn in turns if not turn.aside), key=lambda turn: turn.seq)
    known = [turn for turn in sent if any(_parts(turn.summary))]
    if len(known) < 2:
        return None
    drawn = [_bar(turn) for turn in known[-MOST:]]
    peak = figures.tokens(max(bar.height for bar in drawn))
    return Growth(drawn, f"Tokens of {len(drawn)} turns; the largest has {peak}", peak, len(known) - len(drawn))


def _parts(summary: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return cached, other input, and output tokens; of what is not known nothing is drawn."""
    fresh = (summary.get("input_tokens") or 0) + (summary.get("cache_creation_input_tokens") or 0)
    return summary.get("cache_read_input_tokens") or 0, fresh, summary.get("output_tokens") or 0


def _bar(turn: RequestTurn) -> Bar:
    cached, fresh, output = _parts(turn.summary)
    said = f"cached {figures.tokens(cached)}, new {figures.tokens(fresh)}, output {figures.tokens(output)}"
    who = f" ({turn.path[-1].name})" if turn.path else ""
    return Bar([(cached, "cached"), (fresh, "fresh"), (output, "output")], f"Request {turn.seq}{who}: {said}")
