"""The panel that explains a call's cost: price by kind of token, cache, and parts of the prompt."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.facts import facts, panel
from ccsproxy.dashboard.html.figures import percent
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.picture.chart_key import key
from ccsproxy.dashboard.html.picture.svg import picture, rect
from ccsproxy.insight.cache.meanings import meaning, part_words
from ccsproxy.insight.words import dollars, plural, seconds, tokens
from ccsproxy.providers.amounts import total

#: Rows of the table of parts.
PARTS = 14
WIDE, TALL = 1000, 14
#: The colours of the kinds of a price, and of the kinds of parts of a prompt.
_COLOURS = {"write": "stall", "read": "cached", "input": "fresh", "output": "output", "other": "other"}
_PARTS = {
    "tool_result": "output",
    "tool": "shade",
    "system": "wait",
    "instructions": "send",
    "context": "other",
    "user": "fresh",
    "answer": "connect",
    "tool_call": "connect",
    "image": "stall",
    "document": "stall",
}
_KINDS = (
    ("write", "written to the cache", "written"),
    ("read", "read from the cache", "read"),
    ("input", "new input", "input"),
    ("output", "output", "output"),
    ("other", "searches, tiers and fees", ""),
)
#: The end of a sentence about the price, by the verdict that explains it.
_BECAUSE = {
    "partial": "the cache was read only in part",
    "miss": "the cache had nothing any more",
    "expired": "the cache had expired",
    "changed": "the {part} had changed",
    "rewritten": "the conversation was compacted",
}
#: From this share on, the largest part of a price is shown as all of it.
_NEARLY = 0.98


def sentence(cost: Mapping[str, Any], cache: Mapping[str, Any] | None) -> str:
    """Describe the price by its largest part and the effect of the cache."""
    known = [(cost[name], said, count) for name, said, count in _KINDS if cost[name]]
    price = total(cost["total"], cost["at_least"])
    if not known:
        said = price if cost["total"] is not None else _unpriced(cost)
    else:
        amount, what, count = max(known)
        number = f"{tokens(cost['tokens'][count])} tokens " if count and cost["tokens"].get(count) else ""
        share = amount / (cost["total"] or amount)
        of = "nearly all of it" if share >= _NEARLY else f"{dollars(amount)} of it"
        said = f"{price}, {of if len(known) > 1 else 'all of it'} for {number}{what}"
    because = _because(cache)
    return f"{said}, as {because}." if because else f"{said}."


def _unpriced(cost: Mapping[str, Any]) -> str:
    # Nobody bills a failed call, so its price is not missing.
    if not any(cost["tokens"].values()):
        return "No tokens were counted, so that it has no price"
    return f"Its price is not known: {cost['gap']}" if cost.get("gap") else "Its price is not known"


def _because(cache: Mapping[str, Any] | None) -> str:
    """Describe the effect of the cache on a price; empty if there is none."""
    if cache is None or cache["verdict"] not in _BECAUSE:
        return ""
    said = _BECAUSE[cache["verdict"]].format(part=part_words(cache["part"]))
    if cache["verdict"] == "expired" and cache["gap_s"] is not None:
        return f"{said}: {seconds(cache['gap_s'])} since the call before"
    return f"{said}: {cache['first_difference']}" if cache["part"] and cache["first_difference"] else said


def cost_panel(cost: Mapping[str, Any]) -> Any:
    """Show the price by kind of token, as a bar and a table."""
    known = [(name, said, count) for name, said, count in _KINDS if cost[name]]
    if not known:
        return None
    whole = sum(cost[name] for name, _, _ in known)
    drawn, at = [], 0.0
    for name, said, _ in known:
        width = cost[name] / whole * WIDE
        drawn.append(rect(at, 0, width, TALL, _COLOURS[name], f"{said}: {dollars(cost[name])}"))
        at += width
    rows = [_kind(cost, name, said, count, whole) for name, said, count in known]
    share = cost["share_of_session"]
    of = f", {percent(share, 1)} of its session" if share else ""
    label = "Price: " + ", ".join(f"{said} {dollars(cost[name])}" for name, said, _ in known)
    return panel(
        f"Price: {total(cost['total'], cost['at_least'])}{of}",
        picture(drawn, label, WIDE, TALL, "chart thin"),
        h.table(h.tbody(rows), class_="split"),
        h.p("The output was not counted, because the call broke off.", class_="muted") if cost["at_least"] else None,
        id="price",
        data_testid="price",
    )


def _kind(cost: Mapping[str, Any], name: str, said: str, count: str, whole: float) -> Any:
    number = cost["tokens"].get(count) if count else None
    swatch = h.svg(rect(0, 0, 10, 10, _COLOURS[name]), viewBox="0 0 10 10", aria_hidden="true", class_="swatch")
    return h.tr(
        h.th(swatch, said, scope="row"),
        h.td(tokens(number) if number else "", class_="num"),
        h.td(dollars(cost[name]), class_="num"),
        h.td(percent(cost[name], whole), class_="num"),
    )


def cache_panel(cache: Mapping[str, Any] | None) -> Any:
    """Show the cache verdict with its cause and the first difference in place."""
    if cache is None:
        return None
    lost = "" if cache["verdict"] in ("hit", "cold", "unset") else "lost"
    return panel("Cache", facts(_cache_facts(cache)), id="cache", data_state=lost or None, data_testid="verdict")


def _cache_facts(cache: Mapping[str, Any]) -> list[tuple[str, Any]]:
    name, why = meaning(cache)
    verdict = [h.strong(name), h.span(f": {why}{'' if cache['certain'] else ', likely'}")]
    rows: list[tuple[str, Any]] = [("Verdict", verdict)]
    if cache["expected_tokens"]:
        read, expected = cache["read_tokens"], cache["expected_tokens"]
        of = f" of {tokens(expected)} tokens that could have been"
        # Entries that other calls wrote may be read as well, which cannot be known beforehand.
        more = f" tokens, more than the {tokens(expected)} of the call before"
        rows.append(("Read", tokens(read) + (more if (read or 0) > expected else of)))
    if cache["gap_s"] is not None:
        rows.append(("Since the call before", seconds(cache["gap_s"])))
    if cache["lost_tokens"]:
        rows.append(("Paid again", f"{tokens(cache['lost_tokens'])} tokens, {dollars(cache['lost_cost'])}"))
    if cache["place"]:
        rows.append(("First difference", _difference(cache)))
    if cache["provider"] is not None:
        rows.append(("The provider says", h.code(str(cache["provider"])[:300])))
    return rows


def _difference(cache: Mapping[str, Any]) -> Any:
    said = [h.code(str(cache["place"])), " ", str(cache["first_difference"] or "")]
    if cache["previous"] is not None:
        said += [" ", h.a("show both", href=address.diff(cache["session_id"], cache["previous"], cache["seq"]))]
    exact = cache.get("exact")
    if isinstance(exact, Mapping) and exact.get("before") is not None:
        said += [
            h.pre(h.del_(str(exact["before"])[:400]), "\n", h.ins(str(exact.get("after"))[:400]), class_="exact")
        ]
    return said


def parts_panel(context: Mapping[str, Any] | None, most: int = PARTS) -> Any:
    """Show the composition of a prompt, the largest part first: tokens, cached share, cost, how often sent."""
    if context is None or not context["parts"]:
        return None
    whole = context["total_tokens"] or sum(part["tokens"] for part in context["parts"]) or 1
    rows = [_part(part, whole) for part in context["parts"][:most]]
    left = len(context["parts"]) - len(rows)
    sure = "estimated" if context["estimated"] else "estimated by part, scaled to the provider's count"
    full = ""
    if context.get("window_tokens"):
        full = f", {percent(whole, context['window_tokens'])} of the window of {tokens(context['window_tokens'])}"
    heads = ("Part", "Tokens", "Cached", "Cost", "Also in")
    return panel(
        f"Prompt: {tokens(whole)} tokens{full}",
        _levels(context["parts"], whole),
        h.div(
            h.table(
                element("caption", f"Parts of the prompt, {sure}"),
                h.thead(h.tr([h.th(name, scope="col", class_="num" if name != "Part" else None) for name in heads])),
                h.tbody(rows),
                class_="parts",
            ),
            class_="scroll-in",
            tabindex="0",
            role="group",
            aria_label="Parts of the prompt",
        ),
        h.p(f"{left} smaller parts are not shown.", class_="muted") if left > 0 else None,
        id="context",
        data_testid="context",
    )


def _levels(parts: Sequence[Mapping[str, Any]], whole: float) -> Any:
    """Draw the kinds of parts as one bar."""
    sizes: dict[str, float] = {}
    for part in parts:
        sizes[part["kind"]] = sizes.get(part["kind"], 0.0) + part["tokens"]
    drawn, said, at = [], [], 0.0
    for kind, size in sorted(sizes.items(), key=lambda each: -each[1]):
        label = f"{kind.replace('_', ' ')} {tokens(size)} ({percent(size, whole)})"
        drawn.append(rect(at, 0, size / whole * WIDE, TALL, _PARTS.get(kind, "other"), label))
        said.append((_PARTS.get(kind, "other"), label))
        at += size / whole * WIDE
    label = "What the prompt is made of: " + ", ".join(each for _, each in said)
    return [picture(drawn, label, WIDE, TALL, "chart thin"), key([(colour, each, "") for colour, each in said])]


def _part(part: Mapping[str, Any], whole: float) -> Any:
    name = " ".join(str(each) for each in (part["kind"].replace("_", " "), part["name"]) if each)
    bar = h.meter(value=str(round(part["tokens"] / whole, 4)), max="1", aria_hidden="true")
    return h.tr(
        h.th(name, scope="row"),
        h.td(bar, " ", tokens(part["tokens"]), class_="num barred"),
        h.td(percent(part["cached_tokens"], part["tokens"]), class_="num"),
        h.td(dollars(part["cost"]), class_="num"),
        h.td(plural(part["resent"], "call") if part["resent"] else "–", class_="num"),
    )
