"""Why a call cost what it cost, in one panel: the price by kind of token, the cache, what the prompt was made of."""

from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.facts import facts, panel
from ccsproxy.dashboard.html.markup import h
from ccsproxy.insight.words import dollars, seconds, tokens
from ccsproxy.providers.amounts import total

#: Rows of the table of parts.
PARTS = 14
_KINDS = (
    ("write", "written to the cache", "written"),
    ("read", "read from the cache", "read"),
    ("input", "new input", "input"),
    ("output", "output", "output"),
    ("other", "searches, tiers and fees", ""),
)
_VERDICTS = {
    "hit": "all that could be read was",
    "partial": "a part of it was read",
    "miss": "nothing was read",
    "cold": "there was nothing to read yet",
    "expired": "it had expired",
    "changed": "the prompt had changed",
    "rewritten": "the conversation was compacted",
    "unset": "no cache was asked for",
    "unknown": "not known",
}


def why_panel(found: Mapping[str, Any], context: Mapping[str, Any] | None) -> Any:
    """Show the answer.

    :param found: what `Insights.why` says.
    :param context: what `Insights.context` says, None for a call without a prompt.
    """
    cost, cache = found["cost"], found["cache"]
    return panel(
        "Why",
        h.p(_sentence(cost, cache), class_="lead", data_testid="why"),
        facts((("Price", _split(cost)), *_cache_facts(cache), ("Time", _time(found)))),
        _parts(context),
        id="why",
    )


def _sentence(cost: Mapping[str, Any], cache: Mapping[str, Any] | None) -> str:
    """Say the price with its largest part, and what the cache had to do with it."""
    known = [(cost[name], said, count) for name, said, count in _KINDS if cost[name]]
    price = total(cost["total"], cost["at_least"])
    if not known:
        said = f"{price}: its price is not known" if cost["total"] is None else price
    else:
        amount, what, count = max(known)
        number = f"{tokens(cost['tokens'][count])} tokens " if count and cost["tokens"].get(count) else ""
        said = f"{price}, of which {dollars(amount)} for {number}{what}"
    if cache is None or cache["verdict"] in ("hit", "cold", "unset", "unknown"):
        return f"{said}."
    part = f" {cache['part']}: {cache['first_difference']}" if cache["part"] and cache["first_difference"] else ""
    return f"{said}; cache: {_VERDICTS[cache['verdict']]}{part}."


def _split(cost: Mapping[str, Any]) -> Any:
    shares = [f"{said} {dollars(cost[name])}" for name, said, _ in _KINDS if cost[name]]
    share = cost["share_of_session"]
    bound = ["the output was not counted, as the call broke off"] if cost["at_least"] else []
    return "; ".join([*shares, *bound, *([f"{share:.0%} of its session"] if share else [])]) or None


def _cache_facts(cache: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    if cache is None:
        return []
    verdict = f"{cache['verdict']}: {_VERDICTS.get(cache['verdict'], cache['verdict'])}"
    if cache["cause"] not in ("", cache["verdict"]):
        verdict += f" ({cache['cause'].replace('_', ' ')})"
    rows: list[tuple[str, Any]] = [("Cache", verdict + ("" if cache["certain"] else ", likely"))]
    if cache["expected_tokens"] is not None:
        rows.append(("Expected, read", f"{tokens(cache['expected_tokens'])}, {tokens(cache['read_tokens'])}"))
    if cache["lost_tokens"]:
        rows.append(("Lost", f"{tokens(cache['lost_tokens'])} tokens, {dollars(cache['lost_cost'])}"))
    if cache["place"]:
        rows.append(("First difference", _difference(cache)))
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


def _time(found: Mapping[str, Any]) -> str | None:
    times = found["times"]
    said = [f"{name} {seconds(times[key])}" for key, name in _TIMES if times.get(key)]
    stalls = found["stalls"]
    if stalls:
        longest = max(stall["ms"] for stall in stalls) / 1000
        said.append(
            f"{len(stalls)} stall{'s' * (len(stalls) != 1)} of the upstream's, the longest {seconds(longest)}"
        )
    return ", ".join(said) or None


_TIMES = (
    ("waiting", "to the first token"),
    ("streaming", "streaming"),
    ("stalled", "standing still"),
    ("backoff", "failed"),
    ("proxy", "added by the proxy"),
)


def _parts(context: Mapping[str, Any] | None) -> Any:
    if context is None or not context["parts"]:
        return None
    whole = context["total_tokens"] or sum(part["tokens"] for part in context["parts"]) or 1
    rows = [_part(part, whole) for part in context["parts"][:PARTS]]
    left = len(context["parts"]) - len(rows)
    sure = "estimated" if context["estimated"] else "estimated by part, scaled to the provider's count"
    return h.figure(
        h.figcaption(f"The prompt: {tokens(whole)} tokens, {sure}"),
        h.table(
            h.thead(h.tr([h.th(name, scope="col") for name in ("Part", "Tokens", "Cached", "Cost", "Sent")])),
            h.tbody(rows),
            class_="parts",
        ),
        h.p(f"{left} smaller parts are not shown.", class_="note") if left > 0 else None,
        class_="made-of",
        data_testid="context",
    )


def _part(part: Mapping[str, Any], whole: float) -> Any:
    name = " ".join(str(each) for each in (part["kind"].replace("_", " "), part["name"]) if each)
    bar = h.meter(value=str(round(part["tokens"] / whole, 4)), max="1", aria_hidden="true")
    return h.tr(
        h.th(name, scope="row"),
        h.td(tokens(part["tokens"]), " ", bar, class_="figure"),
        h.td(tokens(part["cached_tokens"]), class_="figure"),
        h.td(dollars(part["cost"]), class_="figure"),
        h.td(f"{part['resent']} times" if part["resent"] else "once", class_="figure"),
    )
