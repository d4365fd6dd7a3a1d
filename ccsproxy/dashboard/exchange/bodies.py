"""Request, response, headers and the raw record of an exchange."""

from collections.abc import Mapping, Sequence
from typing import Any

import attr
import msgspec

from ccsproxy.dashboard import address
from ccsproxy.dashboard.exchange.limit_headers import meaning, readable
from ccsproxy.dashboard.html.blocks import Place
from ccsproxy.dashboard.html.code import MOST, code, json_text
from ccsproxy.dashboard.html.facts import panel
from ccsproxy.dashboard.html.figures import exact, plural
from ccsproxy.dashboard.html.json_tree import tree
from ccsproxy.dashboard.html.markdown import plain
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.messages import place_for, show_message, show_params, show_system, show_tools
from ccsproxy.dialects.views.view import RequestView, answer_view

#: Messages of a request that are shown by default: the newest.
SHOWN = 40
#: Characters of raw text on a page.
RAW = 400_000


def request_part(record: Mapping[str, Any], view: RequestView, place: Place, everything: bool) -> list[Any]:
    """Write the request as it reads."""
    body = (record.get("request") or {}).get("body")
    if body is None:
        return [_no_body(record.get("request") or {})]
    if not isinstance(body, dict):
        return [panel("Body", plain(place.budget.take(body)) if isinstance(body, str) else tree(body, place.budget))]
    place = place_for(view.messages, place)
    return [
        show_system(view.system, place),
        show_tools(view.tools, place),
        _messages(record, view, place, everything),
        show_params(view.params, place),
    ]


def _messages(record: Mapping[str, Any], view: RequestView, place: Place, everything: bool) -> Any:
    count = len(view.messages)
    if not count:
        return None
    first = 0 if everything else max(count - SHOWN, 0)
    earlier = None
    if first:
        all_ = address.exchange(str(record["session_id"]), int(record["seq"]), "request", all="1")
        earlier = h.p(h.a(f"Show {plural(first, 'earlier message')}", href=all_), class_="note")
    shown = [
        show_message(message, place, f"{number} of {count}")
        for number, message in enumerate(view.messages[first:], first + 1)
    ]
    return h.section(h.h2("Messages ", h.span(str(count), class_="muted")), earlier, shown, id="messages")


def response_part(record: Mapping[str, Any], view: RequestView, place: Place) -> list[Any]:
    """Write the answer as it reads."""
    response = record.get("response")
    if not response:
        return [h.p("There is no answer.", class_="note", id="no-answer")]
    body = response.get("body_reassembled")
    if body is None:
        stream = (response.get("stream") or {}).get("text")
        return [panel("Stream", plain(place.budget.take(stream)))] if stream else [_no_body(response)]
    if isinstance(body, str):
        return [panel("Body", plain(place.budget.take(body)))]
    answer = answer_view(record.get("dialect"), body)
    whole = place_for([*view.messages, answer], place)
    # The results of an answer's calls arrive with the next request, so there is nothing to link to.
    return [show_message(answer, attr.evolve(whole, answered=frozenset(), anchors=False), level="h2")]


def body_json(part: Mapping[str, Any] | None, member: str, whole: str) -> list[Any]:
    """Write a body as JSON."""
    value = (part or {}).get(member)
    if value is None:
        return [_no_body(part or {})]
    return [_long(value if isinstance(value, str) else json_text(value), "json", whole)]


def headers_part(record: Mapping[str, Any]) -> list[Any]:
    """Write both heads, the fields in the order in which they were sent."""
    request, response = record.get("request") or {}, record.get("response")
    target = f"{request.get('method') or ''} {request.get('path') or ''}"
    version = request.get("http_version")
    parts = [panel("Request", h.pre(f"{target} HTTP/{version}" if version else target), _fields(request))]
    if response:
        line = f"HTTP/{response.get('http_version') or '1.1'} {response.get('status')} {response.get('reason') or ''}"
        parts.append(panel("Response", h.pre(line), _fields(response)))
        if response.get("trailers"):
            parts.append(panel("Trailers", _table(response["trailers"])))
    return parts


def raw_part(record: Mapping[str, Any], whole: str) -> list[Any]:
    """Write the record and the stream as they are stored."""
    stream = ((record.get("response") or {}).get("stream") or {}).get("text")
    text = msgspec.json.format(msgspec.json.encode(_without_stream(record)), indent=2).decode("utf-8", "replace")
    shown = [panel("Record", _long(text, "json", whole), id="record")]
    if stream:
        shown.append(panel("Stream", _long(stream, "", whole), id="stream"))
    return shown


def _without_stream(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record without the text of its stream, which is shown next to it."""
    response = record.get("response")
    if not response:
        return dict(record)
    kept = dict(response)
    for name in ("stream", "raw_sse_text"):
        if name in kept:
            kept[name] = "(below)"
    return {**record, "response": kept}


def _long(text: str, language: str, whole: str) -> Any:
    note = None
    if len(text) > RAW:
        link = h.a("open the whole record", href=whole)
        note = h.p(f"{exact(len(text) - RAW)} characters more: ", link, class_="cut")
    # Cut at a line end, because half a token would be highlighted wrongly.
    head = text[:MOST].rpartition("\n")[0] if len(text) > MOST else text
    rest = text[len(head) : RAW]
    return [code(head, language), h.pre(rest, class_="code") if rest else None, note]


def _fields(part: Mapping[str, Any]) -> Any:
    pairs = part.get("headers_raw") or list((part.get("headers") or {}).items())
    return _table(pairs) if pairs else h.p("no fields", class_="muted")


def _table(pairs: Sequence[Any]) -> Any:
    rows = [
        h.tr(h.th(str(name), scope="row"), h.td(str(value), _explained(str(name), str(value))))
        for name, value in pairs
    ]
    return h.table(h.tbody(rows), class_="headers")


def _explained(name: str, value: str) -> Any:
    """Explain a field about rate limits."""
    explanation = meaning(name)
    return h.small(" ".join(filter(None, (readable(value), explanation))), class_="meaning") if explanation else None


def _no_body(part: Mapping[str, Any]) -> Any:
    count = part.get("body_bytes")
    if part.get("body_base64"):
        return h.p(f"The body is binary: {plural(count, 'byte')}.", class_="note")
    return h.p(
        "There is no body." if not count else f"The body was not kept: {plural(count, 'byte')}.", class_="note"
    )
