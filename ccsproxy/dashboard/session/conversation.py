"""The conversation of a session: turns with their steps, side calls behind a switch, running calls at the end."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.blocks import Place, long_text, show_block
from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.messages import place_for, show_message
from ccsproxy.dashboard.html.moments import moment_of
from ccsproxy.dashboard.html.words import badge, state_of
from ccsproxy.dashboard.session.beside import DerivedSession
from ccsproxy.dashboard.session.flow import Flow, PlacedStep, tail_of
from ccsproxy.dashboard.session.head import session_head
from ccsproxy.dashboard.session.outline import outline_line
from ccsproxy.dashboard.session.step_texts import StepTexts, texts_of
from ccsproxy.dashboard.session.step_view import StepContext, show_step
from ccsproxy.insight.conversation.conversation import marks
from ccsproxy.insight.session import Session
from ccsproxy.insight.words import seconds, tokens
from ccsproxy.store.reader.reader import Reader

#: How many finished calls, the newest, are listed for the script of a live page.
_TOLD = 400
#: Side calls that are listed.
ASIDE = 500
_SIDE = {
    "title": "title",
    "quota": "quota check",
    "compaction": "compaction",
    "classifier": "classifier",
    "count": "token count",
    "side": "side call",
}


def conversation_part(reader: Reader, sid: str, flow: Flow, session: Session) -> Any:
    """Show the part of a conversation that an address names."""
    shown = [_turn(steps, texts, share) for steps, texts, share in _grouped(reader, sid, flow.shown, session)]
    return h.div(
        shown or h.p("There is no model call yet.", class_="nothing"),
        id="conversation",
        class_="conversation",
        data_testid="conversation",
    )


def fresh_part(
    reader: Reader, given: Mapping[str, str], derived: DerivedSession | None, flow: Flow, meta: Mapping[str, Any]
) -> list[Any]:
    """Write what a page may lack: the header, the last steps with their turns, the outline, the calls in progress.

    :param given: ``since`` is the number of the last step that the page shows.
    :param meta: the session in the store's form.
    """
    since = given.get("since", "")
    sid = str(meta["session_id"])
    if derived is None:
        return [session_head(meta, None), running_calls(reader, meta)]
    steps = tail_of(flow, int(since) if since.isascii() and since.isdigit() and len(since) < 12 else 0)
    numbers = {each.turn["number"] for each in steps}
    turns = derived.description["turns"]
    most = max((turn["cost"] or 0.0 for turn in turns), default=0.0)
    return [
        session_head(meta, derived.description),
        h.ol([outline_line(sid, turn, most) for turn in turns if turn["number"] in numbers], id="outline"),
        h.div([_turn(*each) for each in _grouped(reader, sid, steps, derived.session)], id="conversation"),
        running_calls(reader, meta),
        _finished(derived.session),
    ]


def _finished(session: Session) -> Any:
    """List for the script which calls this answer includes: events arrive before the index has the call."""
    return h.p(id="finished", hidden=True, data_seqs=" ".join(map(str, sorted(session.by_seq)[-_TOLD:])))


def _grouped(reader: Reader, sid: str, steps: Sequence[PlacedStep], session: Session) -> list[tuple[Any, Any, Any]]:
    """Read the texts of steps, and put those of a turn together."""
    begin = {seq for seq, link in session.lanes.links.items() if link.before is None}
    texts = texts_of(reader, sid, steps, begin)
    happened: dict[int, list[str]] = {}
    for mark in marks(session):
        happened.setdefault(mark["seq"], []).append(_mark(mark))
    before = {seq: link.before.seq if link.before else None for seq, link in session.lanes.links.items()}
    share = StepContext(sid, Place(RenderBudget()), session.verdicts, before, happened)
    # By identity, because comparing two turns would compare everything in their steps.
    return [(list(group), texts, share) for _, group in groupby(steps, key=lambda each: id(each.turn))]


_MARKS = {
    "tools": "The tools changed",
    "system": "The system prompt changed",
    "model": "Another model",
    "compaction": "Compacted",
    "clear": "Cleared",
}


def _mark(mark: Mapping[str, Any]) -> str:
    name = _MARKS.get(mark["kind"])
    sentence = str(mark["text"])
    if mark["kind"] in ("tools", "system") and sentence == "edited":
        return str(name)
    return f"{name}: {sentence}" if name else sentence


def _turn(steps: Sequence[PlacedStep], texts: Mapping[int, StepTexts], share: StepContext) -> Any:
    turn = steps[0].turn
    number = turn["number"]
    opens = steps[0].number == 1
    return h.section(
        h.header(
            h.h2(f"Turn {number}" if number else "Before the first message"),
            moment_of(str(turn["started_at"])),
            h.span(figures.total(turn["cost"], turn["unpriced"]), class_="cost"),
            h.span(_sent(turn), class_="muted"),
            h.span(seconds(turn["seconds"]), class_="muted"),
            None if opens else h.span("continued", class_="muted"),
            class_="turn-head",
        ),
        _prompt(texts[steps[0].seq], share) if opens else None,
        [[_earlier(texts[each.seq], share), show_step(each, texts[each.seq], share)] for each in steps],
        class_="turn",
        id=f"turn-{number}",
        data_turn=str(number),
        data_testid="turn",
    )


def _sent(turn: Mapping[str, Any]) -> str:
    share = figures.percent(turn["cached_tokens"], turn["input_tokens"])
    return f"{tokens(turn['input_tokens'])} sent, {share} cached"


def _earlier(texts: StepTexts, share: StepContext) -> Any:
    """Fold the messages from before the record began, as in a session that was resumed."""
    if not texts.earlier:
        return None
    place = place_for(texts.earlier, share.place)
    shown = [show_message(each, place, level="h3") for each in texts.earlier if place.budget.element()]
    return h.details(
        h.summary(f"{figures.plural(len(texts.earlier), 'message')} from before the record began"),
        shown,
        class_="earlier stop-fold",
        data_testid="earlier",
    )


def _prompt(texts: StepTexts, share: StepContext) -> Any:
    if not texts.prompt:
        return None
    images = [show_block(each, share.place) for each in texts.images]
    return h.div(
        h.p("You", class_="who"),
        h.div(long_text(texts.prompt, share.place), dir="auto"),
        images,
        class_="you",
        data_testid="you",
    )


def running_calls(reader: Reader, meta: Mapping[str, Any]) -> Any:
    """Show the calls in progress, as lines at the end."""
    sid = str(meta["session_id"])
    # Few calls are in progress at all, while a session may have thousands.
    running = reader.running() if meta["in_flight"] else []
    lines = [
        h.p(
            badge(state_of(None)),
            " ",
            h.a(str(each.get("model") or f"call {each['seq']}"), href=address.exchange(sid, int(each["seq"]))),
            " since ",
            moment_of(str(each.get("started_at") or "")),
        )
        for each in sorted(running, key=lambda each: int(each["seq"]))
        if each["session_id"] == sid
    ]
    return h.div(lines, id="running", class_="running", hidden=not lines, data_testid="running")


def _agent_name(agent: str) -> Any:
    return [h.span(agent, class_="agent-name"), " "] if agent else None


def aside_calls(sid: str, description: Mapping[str, Any], session: Session) -> Any:
    """Put the calls that are not part of the conversation behind a switch."""
    calls = description["side_calls"]
    if not calls:
        return None
    rows = [
        h.li(
            h.a(f"call {each['seq']}", href=address.exchange(sid, each["seq"]), id=f"step-{each['seq']}"),
            f" {_SIDE.get(each['role'], str(each['role']).replace('_', ' '))} ",
            _agent_name(session.by_seq[each["seq"]].agent),
            h.span(str(each["model"] or each["path"]), class_="data"),
            h.span(f" {figures.total(each['cost'], None)}", class_="cost") if each["cost"] is not None else None,
            " ",
            badge(state_of(each["outcome"])) if each["outcome"] != "complete" else None,
        )
        for each in calls[:ASIDE]
    ]
    return h.details(
        h.summary(
            f"{figures.plural(len(calls), 'side call')}: titles, token counts, probes, agents that nothing here began"
        ),
        h.ul(rows),
        class_="asides stop-fold",
        id="asides",
        data_testid="asides",
    )
