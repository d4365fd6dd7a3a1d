"""What a session cost and what filled its context: money, time, repeated content, and every step."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.answers.why_view import parts_panel
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.facts import panel, table
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.picture.chart_key import key
from ccsproxy.dashboard.html.picture.svg import picture, rect
from ccsproxy.dashboard.session.flow import PlacedStep
from ccsproxy.dashboard.session.outline import place
from ccsproxy.insight.cost.charges import charges
from ccsproxy.insight.facts import Call
from ccsproxy.insight.words import dollars, seconds, tokens

#: Rows of the table of repeated content, and of the table of steps.
PIECES, STEPS = 60, 1000
#: Rows of the table with the composition of the newest prompt.
PARTS = 16
WIDE, TALL = 1000, 14
_MONEY = (
    ("write", "written to the cache", "stall"),
    ("read", "read from the cache", "cached"),
    ("input", "new input", "fresh"),
    ("output", "output", "output"),
    ("other", "searches, tiers and fees", "other"),
)
_TIME = (
    ("waiting", "model, to the first token", "wait"),
    ("streaming", "model, streaming", "output"),
    ("stalled", "stalls at the provider", "stall"),
    ("tools", "tools", "fresh"),
    ("backoff", "failed and waiting to retry", "bad"),
    ("user", "waiting for you", "connect"),
)


def costs_view(
    sid: str,
    calls: Sequence[Call],
    times: Mapping[str, float],
    pieces: Sequence[Mapping[str, Any]],
    steps: Sequence[PlacedStep],
    newest: Mapping[str, Any] | None = None,
) -> list[Any]:
    """Write the view.

    :param times: how the time of the main thread was spent, in seconds.
    :param pieces: content that was sent repeatedly, the most expensive first.
    :param newest: the composition of the newest step's prompt, as returned by `ccsproxy.insight.cost.context`.
    """
    return [
        h.div(_money(calls), _models(calls), _time(times), class_="columns thirds"),
        _newest(newest),
        _pieces(sid, pieces),
        _steps(sid, steps),
    ]


def _newest(context: Mapping[str, Any] | None) -> Any:
    if context is None:
        return None
    title = h.h2("What the newest prompt was made of")
    return h.section(title, parts_panel(context, PARTS), class_="part", data_testid="made-of")


def _money(calls: Iterable[Call]) -> Any:
    sums: dict[str, float] = {}
    for call in calls:
        split = charges(call)
        for name, _, _ in _MONEY:
            sums[name] = sums.get(name, 0.0) + (getattr(split, name) or 0.0)
    rows = [(caption, colour, sums[name], dollars(sums[name])) for name, caption, colour in _MONEY if sums.get(name)]
    return _split("Cost by kind of token", rows, "money")


def _models(calls: Iterable[Call]) -> Any:
    sums: dict[str, float] = {}
    for call in calls:
        if call.cost is not None:
            sums[call.who or "no model"] = sums.get(call.who or "no model", 0.0) + call.cost
    colours = ("output", "fresh", "cached", "shade", "other")
    ranked = sorted(sums.items(), key=lambda each: -each[1])
    rows = [(name, colours[min(at, 4)], cost, dollars(cost)) for at, (name, cost) in enumerate(ranked[:12])]
    return _split("Cost by model", rows, "models")


def _time(times: Mapping[str, float]) -> Any:
    rows = [
        (caption, colour, times[name], seconds(times[name])) for name, caption, colour in _TIME if times.get(name)
    ]
    return _split("Time", rows, "time")


def _split(title: str, rows: Sequence[tuple[str, str, float, str]], identity: str) -> Any:
    """Show parts of a total as a bar and a table: name, colour, size, and formatted size."""
    whole = sum(size for _, _, size, _ in rows)
    if not whole:
        return None
    drawn, at = [], 0.0
    for name, colour, size, written in rows:
        drawn.append(rect(at, 0, size / whole * WIDE, TALL, colour, f"{name}: {written}"))
        at += size / whole * WIDE
    label = f"{title}: " + ", ".join(f"{name} {written}" for name, _, _, written in rows)
    shares = [(colour, name, f"{written} ({figures.percent(size, whole)})") for name, colour, size, written in rows]
    return panel(
        title, picture(drawn, label, WIDE, TALL, "chart thin"), key(shares), id=identity, data_testid=identity
    )


def _pieces(sid: str, pieces: Sequence[Mapping[str, Any]]) -> Any:
    if not pieces:
        return None
    most = max(each["tokens"] * each["sent"] for each in pieces) or 1
    rows = [_piece(sid, each, most) for each in pieces[:PIECES]]
    heads = ("What was sent again", "Kind", "Tokens", "Times sent", "Tokens in all", "Cost of sending it again")
    left = len(pieces) - len(rows)
    return h.section(
        h.h2("What filled the context"),
        table("What was sent again, the costliest first", heads, rows, ("Tokens", "Times sent", *heads[4:])),
        h.p(f"{figures.plural(left, 'smaller piece')} not shown.", class_="muted") if left > 0 else None,
        class_="part",
        id="weights",
        data_testid="weights",
    )


def _piece(sid: str, each: Mapping[str, Any], most: float) -> Any:
    whole = each["tokens"] * each["sent"]
    name = str(each["name"] or each["tool"] or each["kind"])
    return h.tr(
        h.th(h.a(figures.clipped(name, 120), href=place(sid, each["seq"])), scope="row"),
        h.td(
            each["kind"].replace("_", " "), h.span(f" {each['server']}", class_="muted") if each["server"] else None
        ),
        h.td(f"~{tokens(each['tokens'])}", class_="num"),
        h.td(figures.exact(each["sent"]), class_="num"),
        h.td(
            h.meter(value=f"{whole / most:.4f}", max="1", aria_hidden="true"),
            f" ~{tokens(whole)}",
            class_="num barred",
        ),
        h.td(dollars(each["carry_cost"]), class_="num"),
    )


def _steps(sid: str, steps: Sequence[PlacedStep]) -> Any:
    heads = ("Step", "What", "Prompt", "Cached", "Output", "Cost", "Model", "Tools after it")
    rows = [_step(sid, each) for each in steps[-STEPS:]]
    return h.section(
        h.h2("Every step in figures"),
        table("Every step in figures", heads, rows, heads[2:]),
        class_="part",
        id="steps",
        data_testid="steps",
    )


def _step(sid: str, each: PlacedStep) -> Any:
    description = each.description
    calls = ", ".join(str(call["name"]) for call in description["calls"]) or figures.clipped(
        str(description["text"] or ""), 80
    )
    after = max((call["seconds"] or 0.0 for call in description["calls"]), default=0.0)
    return h.tr(
        h.th(h.a(f"{each.turn['number']}.{each.number}", href=place(sid, each.seq)), scope="row"),
        h.td(h.a(calls or "call", href=address.exchange(sid, each.seq), class_="quiet"), class_="what"),
        h.td(tokens(description["input_tokens"]), class_="num"),
        h.td(figures.percent(description["cached_tokens"], description["input_tokens"]), class_="num"),
        h.td(tokens(description["output_tokens"]), class_="num"),
        h.td(figures.total(description["cost"], each.step.call.at_least), class_="num"),
        h.td(seconds(description["seconds"]), class_="num"),
        h.td(seconds(after) if after else "", class_="num"),
    )
