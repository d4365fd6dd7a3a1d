"""What a call was about: what was asked last, and what came."""

from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard.html.blocks import Place
from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.html.facts import panel
from ccsproxy.dashboard.html.figures import clipped
from ccsproxy.dashboard.html.marking import has_mark, mark_words
from ccsproxy.dashboard.html.messages import place_for, show_message
from ccsproxy.dialects.views.view import Message, RequestView, answer_view, request_view

#: Messages at the end of a request that are shown in short; of a search all are looked through.
LAST = 1


def about(record: Mapping[str, Any]) -> str:
    """Name a call: by its number, and by what it sent where."""
    request = record.get("request") or {}
    path = str(request.get("path") or "").partition("?")[0]
    return f"#{record.get('seq')} {request.get('method') or ''} {clipped(path, 60)}"


def view_of(record: Mapping[str, Any]) -> RequestView:
    """Return the view of a record's request."""
    return request_view(record.get("dialect"), (record.get("request") or {}).get("body"))


def answer_of(record: Mapping[str, Any]) -> Message | None:
    """Return the view of a record's answer."""
    body = (record.get("response") or {}).get("body_reassembled")
    return None if body is None else answer_view(record.get("dialect"), body)


def asked_and_said(record: Mapping[str, Any], words: str = "") -> Any:
    """Show what was asked last and what was answered; the message that says the words searched for before both."""
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
    """Return the newest message that says the words, marked; None where none does or one that is shown anyway."""
    if not words:
        return None
    for number in range(len(view.messages) - LAST - 1, -1, -1):
        shown = mark_words([show_message(view.messages[number], place, f"message {number + 1}", level="h3")], words)
        if has_mark(shown):
            return panel("Found", *shown, id="found")
    return None
