"""One step of a conversation: thoughts, answers, and each tool call together with its result."""

from collections.abc import Mapping, Sequence
from typing import Any

import attr

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.blocks import Place, long_text, show_block
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.tool_input import tool_input
from ccsproxy.dashboard.html.words import badge, state_of
from ccsproxy.dashboard.session.flow import PlacedStep
from ccsproxy.dashboard.session.step_texts import StepTexts
from ccsproxy.dialects.views.view import Block
from ccsproxy.insight.cache.verdict import Verdict
from ccsproxy.insight.words import dollars, seconds, tokens

#: Cache verdicts that are shown, with the word for each.
LOST = {
    "miss": "cache missed",
    "changed": "cache missed",
    "expired": "cache expired",
    "rewritten": "cache rewritten",
    "partial": "cache read in part",
}
#: Steps of a sub-agent that are shown when it is unfolded; a link leads to the rest.
AGENT_STEPS = 60


@attr.frozen
class StepContext:
    """What the steps of a page share.

    :ivar previous: the number of the call that each one continues.
    :ivar marks: what happened before a call, in sentences, by its number.
    """

    sid: str
    place: Place
    verdicts: Mapping[int, Verdict]
    previous: Mapping[int, int | None]
    marks: Mapping[int, Sequence[str]]


def show_step(each: PlacedStep, texts: StepTexts, shown: StepContext) -> Any:
    """Show a step of a session."""
    # No anchors: a call and its result are one item here, and an id may be given only once on a page.
    place = attr.evolve(shown.place, whole=address.exchange(shown.sid, each.seq), anchors=False)
    blocks = texts.answer.blocks if texts.answer else ()
    shown_parts = [_block(block, texts, each, shown, place) for block in blocks if place.budget.element()]
    marks = [h.p(text, class_="happened", data_testid="mark") for text in shown.marks.get(each.seq, ())]
    return h.article(
        marks,
        _head(each, shown),
        _retries(each, shown.sid),
        h.p(f"Not read for this page: the request has {figures.size(each.step.call.request_bytes)}.", class_="note")
        if texts.large
        else None,
        shown_parts or _nothing(each, texts),
        _agents([agent for agent in each.description["agents"] if not _is_called(agent, blocks)], shown.sid),
        class_="step",
        id=f"step-{each.seq}",
        data_key=str(each.seq),
        data_testid="step",
    )


def _head(each: PlacedStep, shown: StepContext) -> Any:
    description, call, sid = each.description, each.step.call, shown.sid
    before = shown.previous.get(each.seq)
    changed = (
        h.a("what changed", href=address.diff(sid, before, each.seq), aria_label=f"What call {each.seq} changed")
        if before is not None
        else None
    )
    state = state_of(description["outcome"])
    pieces = [
        h.a(
            f"step {each.number}",
            href=address.exchange(sid, each.seq),
            class_="stop to-call",
            data_call=str(each.seq),
            data_testid="to-exchange",
            aria_label=f"Turn {each.turn['number']}, step {each.number}",
        ),
        badge(state, h.span(str(call.status or ""), class_="status"))
        if description["outcome"] != "complete"
        else None,
        h.span(_sizes(description), title="prompt, share cached, output"),
        h.span(figures.total(description["cost"], call.at_least), class_="cost"),
        h.span(seconds(description["seconds"])),
        cache_mark(shown.verdicts.get(each.seq)),
        changed,
    ]
    return h.header([[piece, " "] for piece in pieces if piece is not None], class_="step-head")


def _sizes(description: Mapping[str, Any]) -> str:
    whole, read = description["input_tokens"], description["cached_tokens"]
    cached = f", {figures.percent(read, whole)} cached" if whole and read is not None else ""
    return f"{tokens(whole)}{cached} → {tokens(description['output_tokens'])}"


def cache_mark(verdict: Verdict | None) -> Any:
    """Show what was lost of a cache; empty if nothing was."""
    if verdict is None or verdict.verdict not in LOST:
        return None
    part = f": {verdict.part} changed" if verdict.part else ""
    lost = f", {dollars(verdict.lost_cost)} lost" if verdict.lost_cost else ""
    return h.span(f"{LOST[verdict.verdict]}{part}{lost}", class_="cache-lost", data_testid="cache-lost")


def _retries(each: PlacedStep, sid: str) -> Any:
    """Fold the attempts that failed before this one, with the time that was waited."""
    attempts = each.step.retries
    if not attempts:
        return None
    statuses: dict[str, int] = {}
    for call in attempts:
        name = str(call.status or call.outcome.replace("_", " "))
        statuses[name] = statuses.get(name, 0) + 1
    lost = (each.step.call.started_ms - attempts[0].started_ms) / 1000
    shown_parts = ", ".join(f"{name} {figures.times(count)}" for name, count in statuses.items())
    rows = [
        h.li(
            h.a(f"call {call.seq}", href=address.exchange(sid, call.seq)),
            f" {call.status or ''} {call.error}".rstrip(),
            h.span(f" {figures.duration(call.duration_ms)}", class_="muted"),
        )
        for call in attempts
    ]
    return h.details(
        h.summary(f"{shown_parts}, {seconds(lost)} lost, then"),
        h.ul(rows),
        class_="retries stop-fold",
        data_testid="retries",
    )


def _block(block: Block, texts: StepTexts, each: PlacedStep, shown: StepContext, place: Place) -> Any:
    if block.kind == "thinking":
        return _thought(block, place)
    if block.kind == "tool_call":
        return _tool(block, texts, each, shown, place)
    if block.kind == "text":
        return h.div(long_text(block.text, place), class_="said", dir="auto")
    return show_block(block, place)


def _thought(block: Block, place: Place) -> Any:
    if not block.text:
        return h.p("thought, hidden by the provider", class_="muted thought-hidden")
    head = h.summary("thought: ", h.span(figures.clipped(block.text, 110), class_="muted"))
    return h.details(head, long_text(block.text, place), class_="thought stop-fold", data_testid="thought")


def _tool(block: Block, texts: StepTexts, each: PlacedStep, shown: StepContext, place: Place) -> Any:
    """Show a call and its result as one item: a line until it is opened."""
    description = next((call for call in each.description["calls"] if call["id"] and call["id"] == block.id), None)
    result = texts.results.get(block.id or "")
    agents = [agent for agent in each.description["agents"] if agent["call"] and agent["call"] == block.id]
    failed = bool(result and result.is_error)
    head = h.summary(
        h.span(block.name or "tool", class_="tool"),
        " ",
        h.span(_target(block, description), class_="target"),
        h.span(" → sub-agent: ", ", ".join(_agent_sums(agent) for agent in agents), class_="muted") if agents else "",
        h.span(_came(description, result, failed), class_="came bad-figure" if failed else "came muted"),
    )
    return h.details(
        head,
        tool_input(block.value, place.budget),
        h.div(_result(result, place), class_="result") if result is not None else _unanswered(each),
        _agents(agents, shown.sid),
        class_="tool-item stop-fold failed" if failed else "tool-item stop-fold",
        data_testid="tool",
    )


def _target(block: Block, description: Mapping[str, Any] | None) -> str:
    if description and description["target"]:
        return figures.clipped(str(description["target"]), 140)
    if isinstance(block.value, dict):
        return figures.clipped(", ".join(str(value) for value in block.value.values() if isinstance(value, str)), 140)
    return figures.clipped(str(block.value or ""), 140)


def _came(description: Mapping[str, Any] | None, result: Block | None, failed: bool) -> str:
    """Summarise a tool's result: lines, tokens, time, and whether it failed."""
    if result is None:
        return " → no result"
    lines = sum(
        each.text.rstrip("\n").count("\n") + 1 for each in result.content if each.kind == "text" and each.text
    )
    images = sum(each.kind == "image" for each in result.content)
    shown_parts = [figures.plural(lines, "line")] if lines else []
    shown_parts += [figures.plural(images, "image")] if images else []
    if description and description["result"]:
        shown_parts.append(f"{tokens(description['result']['tokens'])} tokens")
    if description and description["seconds"] is not None:
        shown_parts.append(seconds(description["seconds"]))
    return f" → {'failed, ' if failed else ''}{' · '.join(shown_parts) or 'nothing'}"


def _result(result: Block, place: Place) -> Any:
    return show_block(result, attr.evolve(place, names={}, folded=False))


def _unanswered(each: PlacedStep) -> Any:
    shown_parts = "No result was sent back." if each.step.following else "No result yet."
    return h.p(shown_parts, class_="muted")


def _is_called(agent: Mapping[str, Any], blocks: Sequence[Block]) -> bool:
    return any(block.kind == "tool_call" and block.id == agent["call"] for block in blocks if block.id)


def _agents(agents: Sequence[Mapping[str, Any]], sid: str) -> Any:
    """Fold sub-agents, each with its own sums."""
    return [_agent(agent, sid) for agent in agents] or None


def _agent_sums(agent: Mapping[str, Any]) -> str:
    """Say of a sub-agent what its call is worth knowing for while it is folded."""
    cost = figures.total(agent["cost"], agent["unpriced"])
    return f"{figures.plural(agent['requests'], 'call')}, {cost}, {seconds(agent['seconds'])}"


def _agent(agent: Mapping[str, Any], sid: str) -> Any:
    name = " ".join(str(each) for each in (agent["type"] or "sub-agent", f"({agent['agent']})") if each)
    sums = [
        figures.plural(agent["requests"], "call"),
        f"{tokens(agent['input_tokens'])} sent",
        f"{figures.percent(agent['cached_tokens'], agent['input_tokens'])} cached",
        figures.total(agent["cost"], agent["unpriced"]),
        seconds(agent["seconds"]),
    ]
    left = len(agent["steps"]) - AGENT_STEPS
    return h.details(
        h.summary(h.span(name, class_="agent-name"), " ", h.span(" · ".join(sums), class_="muted")),
        h.ol([_agent_step(step, sid) for step in agent["steps"][:AGENT_STEPS]], class_="agent-steps"),
        h.p(f"{figures.plural(left, 'further step')}: see the calls of the session.", class_="muted")
        if left > 0
        else None,
        class_="agent-fold stop-fold",
        data_testid="agent",
    )


def _agent_step(step: Mapping[str, Any], sid: str) -> Any:
    calls = ", ".join(f"{call['name']} {call['target'] or ''}".strip() for call in step["calls"])
    shown_parts = figures.clipped(str(step["text"] or ""), 300)
    return h.li(
        h.a(f"call {step['seq']}", href=address.exchange(sid, step["seq"]), id=f"step-{step['seq']}"),
        f" {calls} " if calls else " ",
        shown_parts,
        h.span(f" {_sizes(step)} · {figures.total(step['cost'], None)} · {seconds(step['seconds'])}", class_="muted"),
        _agents(step["agents"], sid),
    )


def _nothing(each: PlacedStep, texts: StepTexts) -> Any:
    if texts.gone:
        return h.p("This record is kept no more.", class_="note")
    error = each.step.call.error
    return h.p(error or "No answer was recorded.", class_="note bad" if error else "muted")
