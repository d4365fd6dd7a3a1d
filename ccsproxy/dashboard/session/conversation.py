"""The conversation of a session: turn by turn what is new, and sub-agents as branches of it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.blocks import Place
from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.messages import place_for, show_message
from ccsproxy.dashboard.html.words import badge, state_of
from ccsproxy.dashboard.lists.requests_page import moment_of
from ccsproxy.dashboard.session.news import News, answer_of, has_body, news, view_of
from ccsproxy.dashboard.session.steps import StepName
from ccsproxy.dashboard.session.turns import Branch, RequestTurn
from ccsproxy.dashboard.session.window import BYTES, Window
from ccsproxy.dialects.views.view import Message, RequestView
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.reader.records import as_record

Read = tuple[RequestView | None, Message | None]


class Readings:
    """The records that a part of a session needs, read together and each looked at once."""

    def __init__(self, reader: Reader, sid: str, turns: Sequence[RequestTurn]) -> None:
        self._reader, self._sid = reader, sid
        read = [turn for turn in turns if not turn.aside and not _is_large(turn)]
        self._lines = reader.lines(sid, {each for turn in read for each in (turn.seq, turn.previous) if each})
        self._read: dict[int, Read | None] = {}

    def of(self, seq: int) -> Read | None:
        """Return the views of a request and its answer, None for what is not known; None when nothing is kept."""
        if seq not in self._read:
            try:
                line = self._lines.pop(seq, None)
                record = as_record(line) if line else self._reader.record(self._sid, seq)
            except NotKept:
                self._read[seq] = None
            else:
                self._read[seq] = view_of(record) if has_body(record) else None, answer_of(record)
        return self._read[seq]

    def news(self, turn: RequestTurn) -> News | None:
        """Return what is new in a turn, None when its record is kept no more."""
        own = self.of(turn.seq)
        if own is None:
            return None
        view, answer = own
        if view is None:
            return News(answer=answer, known=False)
        before = self.of(turn.previous) if turn.previous is not None else None
        return news(before[0] if before else None, bool(before and before[1]), view, answer)


def conversation(reader: Reader, sid: str, part: Window, names: Mapping[int, StepName]) -> Any:
    """Show a part of a session.

    :param names: what each request is in the conversation, by number; those that are missing are counted as they
    came.
    """
    readings, budget = Readings(reader, sid, part.turns), RenderBudget()
    shown = [(turn, _turn(sid, turn, names.get(turn.seq), readings, budget)) for turn in part.turns]
    return h.div(list(_branched(shown, 0)), class_="conversation", data_testid="conversation")


def _branched(shown: Sequence[tuple[RequestTurn, Any]], depth: int) -> Iterator[Any]:
    """Put the turns of a branch into one element, and the branches that began there into it."""
    for branch, group in groupby(shown, key=lambda each: _at(each[0], depth)):
        if branch is None:
            yield from (element for _, element in group)
        else:
            yield h.section(
                _branch_name(branch), list(_branched(list(group), depth + 1)), class_="branch", data_testid="branch"
            )


def _at(turn: RequestTurn, depth: int) -> Branch | None:
    return turn.path[depth] if len(turn.path) > depth else None


def _branch_name(branch: Branch) -> Any:
    return h.h2(
        "Agent ", h.strong(branch.name), f"  {figures.plural(branch.requests, 'request')}", class_="branch-name"
    )


def _turn(sid: str, turn: RequestTurn, name: StepName | None, readings: Readings, budget: RenderBudget) -> Any:
    summary = turn.summary
    if turn.aside:
        return _aside(sid, turn)
    if _is_large(turn):
        size = figures.size(summary.get("request_bytes"))
        inside = [h.p(f"Not read for this page: the request has {size}.", class_="note")]
    else:
        inside = _news(sid, turn, readings.news(turn), budget)
    error = summary.get("error_message")
    failed = h.p(figures.clipped(str(error), 600), class_="note bad") if error else None
    head = _turn_head(sid, turn, name or StepName(f"RequestTurn {turn.place}"))
    happened = [h.p(text, class_="mark", data_testid="mark") for text in (name.marks if name else ())]
    return h.section(happened, head, inside, failed, class_="turn", id=f"turn-{turn.seq}", data_testid="turn")


def _is_large(turn: RequestTurn) -> bool:
    """Tell whether a request is too large to be read among others."""
    return (turn.summary.get("request_bytes") or 0) > BYTES


def _turn_head(sid: str, turn: RequestTurn, step: StepName) -> Any:
    summary = turn.summary
    changed = None
    if turn.previous is not None:
        change = address.diff(sid, turn.previous, turn.seq)
        changed = h.a("what changed", href=change, aria_label=f"What {step.name} changed", data_testid="changed")
    state, status = state_of(summary.get("outcome")), summary.get("status")
    return h.header(
        h.h3(h.a(step.name, href=address.exchange(sid, turn.seq), class_="stop", data_testid="to-exchange")),
        badge(state, h.span(str(status), class_="status") if status is not None else None),
        moment_of(str(summary.get("started_at") or "")),
        h.span(str(summary.get("model") or figures.UNKNOWN), class_="data"),
        h.span(_tokens(summary)),
        h.span(figures.duration(summary.get("duration_ms"))),
        h.span(figures.total(summary["cost"], summary.get("unpriced"))) if summary.get("cost") is not None else None,
        h.span(f"tries request {step.repeats} again", class_="muted") if step.repeats else None,
        h.span(step.cache, class_="cache-lost", data_testid="cache-lost") if step.cache else None,
        changed,
    )


def _tokens(summary: Mapping[str, Any]) -> str:
    written = summary.get("cache_creation_input_tokens")
    parts = [
        (summary.get("input_tokens"), "in"),
        (summary.get("cache_read_input_tokens"), "cached"),
        (written or None, "written"),
        (summary.get("output_tokens"), "out"),
    ]
    return ", ".join(f"{figures.tokens(count)} {name}" for count, name in parts if count is not None)


def _aside(sid: str, turn: RequestTurn) -> Any:
    """Show a call that is no turn in one line."""
    summary = turn.summary
    target = f"{summary.get('method') or ''} {str(summary.get('path') or '').partition('?')[0]}".strip()
    return h.p(
        h.a(target or "call", href=address.exchange(sid, turn.seq), class_="stop"),
        " ",
        badge(state_of(summary.get("outcome"))),
        h.span(f" {str(summary.get('category') or '').replace('_', ' ')}", class_="muted"),
        class_="aside",
        id=f"turn-{turn.seq}",
        data_testid="aside",
    )


def _news(sid: str, turn: RequestTurn, found: News | None, budget: RenderBudget) -> list[Any]:
    here = address.exchange(sid, turn.seq)
    if found is None:
        return [h.p("This record is kept no more.", class_="note")]
    place = place_for(found.all, Place(budget, whole=here, anchors=False))
    running = turn.summary.get("outcome") is None
    shown = [_said(found, address.exchange(sid, turn.seq, "request"))]
    if running:
        shown.append(h.p("In flight: what it says is shown here when it has ended.", class_="muted"))
    elif not found.known:
        shown.append(h.p("The body of the request was not recorded.", class_="muted"))
    shown += [show_message(each, place, level="h4") for each in found.messages if budget.element()]
    if found.answer:
        note = str(turn.summary.get("stop_reason") or "")
        shown.append(show_message(found.answer, place, f"answer, {note}" if note else "answer", level="h4"))
    elif not running:
        shown.append(h.p("No answer was recorded.", class_="muted"))
    return shown


def _said(found: News, request: str) -> Any:
    """Say in a line what is not shown of a request."""
    parts = []
    if found.carried:
        parts.append(f"{figures.plural(found.carried, 'message')} as before")
    if found.repeated:
        parts.append("the answer before repeated")
    if found.gone:
        parts.append(f"{figures.plural(found.gone, 'message')} of the turn before rewritten or left out")
    if found.system:
        parts.append(f"system prompt of {figures.plural(found.system, 'text')}")
    if found.tools:
        parts.append(figures.plural(found.tools, "tool"))
    return h.p(h.a(", ".join(parts), href=request), class_="carried") if parts else None
