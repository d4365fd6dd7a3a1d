"""What a call was about: its newest prompt and its answer."""

from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard.html.blocks import Place
from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.html.facts import panel
from ccsproxy.dashboard.html.figures import clipped
from ccsproxy.dashboard.html.marking import has_mark, mark_words
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.messages import place_for, show_message
from ccsproxy.dashboard.html.moments import moment_of
from ccsproxy.dashboard.html.words import badge, state_of
from ccsproxy.dialects.views.view import Message, RequestView, answer_view, request_view

#: Messages at the end of a request that are shown in brief; a search examines all of them.
LAST = 1


def target(record: Mapping[str, Any]) -> str:
    """Format the method and target of a call."""
    request = record.get("request") or {}
    return f"{request.get('method') or ''} {clipped(str(request.get('path') or '').partition('?')[0], 80)}".strip()


def about(record: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """Name a call by its prompt, the tools it called, or else its method and target.

    :param summary: the call's summary in the index; may be empty.
    """
    calls = f"calls {', '.join(map(str, summary['tools']))}" if summary.get("tools") else ""
    return clipped(str(summary.get("preview") or calls or ""), 200) or target(record) or "Call"


def facts_line(record: Mapping[str, Any], summary: Mapping[str, Any], place: str = "") -> Any:
    """Write the line below a call's name: its number and place, outcome, time, model and client.

    :param place: its turn and step, if it has one.
    """
    status = (record.get("response") or {}).get("status")
    client = record.get("client") or {}
    by = " ".join(str(each) for each in (client.get("name"), client.get("agent")) if each)
    parts = [
        badge(state_of(record.get("outcome")), h.span(str(status), class_="status") if status is not None else None),
        f"#{record.get('seq')}",
        place,
        moment_of(str(record.get("started_at") or "")),
        h.span(str(record.get("model") or record.get("response_model") or ""), class_="data"),
        by,
        h.span(target(record), class_="data") if summary.get("preview") or summary.get("tools") else None,
    ]
    shown = [each for each in parts if each]
    return h.p([[" · " if number else None, each] for number, each in enumerate(shown)], class_="told")


def view_of(record: Mapping[str, Any]) -> RequestView:
    """Return the view of a record's request."""
    return request_view(record.get("dialect"), (record.get("request") or {}).get("body"))


def answer_of(record: Mapping[str, Any]) -> Message | None:
    """Return the view of a record's answer."""
    body = (record.get("response") or {}).get("body_reassembled")
    return None if body is None else answer_view(record.get("dialect"), body)


def prompt_and_answer(record: Mapping[str, Any], words: str = "") -> Any:
    """Show the newest prompt and the answer, preceded by the message that contains the words searched for."""
    view, answer = view_of(record), answer_of(record)
    place = place_for(view.messages, Place(RenderBudget(120_000, 3000), anchors=False))
    found = _saying(view, place, words)
    shown = [show_message(each, place, level="h3") for each in view.messages[-LAST:] if each is not None]
    if answer is not None:
        shown.append(show_message(answer, place, "answer", level="h3"))
    if not shown and found is None:
        return None
    return [found, panel("Asked and answered", *mark_words(shown, words), id="said")]


def _saying(view: RequestView, place: Place, words: str) -> Any:
    """Return the newest message with the searched words, marked; None if there is none or it is shown anyway."""
    if not words:
        return None
    for number in range(len(view.messages) - LAST - 1, -1, -1):
        shown = mark_words([show_message(view.messages[number], place, f"message {number + 1}", level="h3")], words)
        if has_mark(shown):
            return panel("Found", *shown, id="found")
    return None
