"""The blocks of a message, each shown in a form of its own."""

import re
from collections.abc import Mapping
from typing import Any

import attr

from ccsproxy.dashboard.html.budget import IN_TEXT, RenderBudget
from ccsproxy.dashboard.html.code import code
from ccsproxy.dashboard.html.figures import clipped, exact, plural, size
from ccsproxy.dashboard.html.json_tree import tree
from ccsproxy.dashboard.html.markdown import markdown, plain
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.tool_input import tool_input
from ccsproxy.dialects.views.view import Block

#: Characters beyond which a text is folded.
FOLD = 3000


@attr.frozen
class Place:
    """The context in which blocks are shown.

    :ivar budget: the remaining room on the page.
    :ivar names: the tool's name of each call that a result may belong to.
    :ivar answered: the ids of the calls whose results are on the same page.
    :ivar whole: the address of the complete record.
    :ivar anchors: whether calls and results can be linked to.
    :ivar folded: whether long texts are folded; false if they already are within a fold.
    """

    budget: RenderBudget
    names: Mapping[str, str] = attr.field(factory=dict)
    answered: frozenset[str] = frozenset()
    whole: str = ""
    anchors: bool = True
    folded: bool = True


def show_block(block: Block, place: Place) -> Any:
    """Show one block of a message according to its kind."""
    place.budget.element()
    # A kind that a dialect brings before there is a form for it here is shown as data, never left out.
    return _KINDS.get(block.kind, _json)(block, place)


def breakpoint_mark(block: Block) -> Any:
    """Show that the prompt cache is asked to store everything up to here."""
    title = "The prompt cache is asked to keep everything up to here."
    return h.span("cache breakpoint", class_="mark", title=title) if block.cache_breakpoint else None


def _text(block: Block, place: Place) -> Any:
    return _block("text", _label(block), long_text(block.text, place))


def _thinking(block: Block, place: Place) -> Any:
    if not block.text:
        # Redacted thinking (Anthropic) and encrypted reasoning (OpenAI) are bytes that only the provider can read.
        hidden = f", {size(block.size)}" if block.size is not None else ""
        return _block("thinking", _label(block, "Thinking"), h.p(f"hidden by the provider{hidden}", class_="muted"))
    return _block("thinking", _label(block, "Thinking"), long_text(block.text, place))


def _call(block: Block, place: Place) -> Any:
    name = h.span(block.name or "tool", class_="tool")
    # Only where both ends are on the page: the result of a last call comes with the next request, on another one.
    known = place.anchors and block.id is not None and block.id in place.answered
    link = h.a("result", href=f"#{_anchor('result', block.id, place)}") if known else None
    label = _label(block, "Tool call", name, link)
    return _block("call", label, tool_input(block.value, place.budget), id_=_anchor("call", block.id, place))


def _result(block: Block, place: Place) -> Any:
    called = place.names.get(block.id or "")
    name = h.span(called, class_="tool") if called else None
    failure = h.span("failed", class_="failure") if block.is_error else None
    link = h.a("call", href=f"#{_anchor('call', block.id, place)}") if called and place.anchors else None
    label = _label(block, "Tool result", name, failure, link)
    content = [_inside(each, place) for each in block.content] or h.p("empty", class_="muted")
    return _block(
        "result failed" if block.is_error else "result", label, content, id_=_anchor("result", block.id, place)
    )


def _inside(block: Block, place: Place) -> Any:
    """Show a tool's result: texts verbatim, because they are data and not prose."""
    if block.kind == "text":
        return _folded(block.text, place, lambda text: code(text, ""))
    return show_block(block, place)


def _media(block: Block, place: Place) -> Any:
    facts = [block.media_type, size(block.size) if block.size is not None else None, clipped(block.text, 200) or None]
    words = ", ".join(each for each in facts if each) or "no details"
    shown = picture_of(block, words, place) or h.span(f"{block.kind}: {words}", class_="placeholder")
    inside = [show_block(each, place) for each in block.content]
    return _block(block.kind, _label(block), [shown, *inside])


#: How the base64 text of images begins that every browser can show (RFC 2083, ISO 10918, GIF89a, RIFF).
_IMAGES = {"iVBORw0KGgo": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")


def picture_of(block: Block, words: str, place: Place) -> Any:
    """Show an image from the record by its actual format, not the declared one; None if it cannot be shown."""
    data = block.data
    kind = next((kind for start, kind in _IMAGES.items() if data.startswith(start)), None)
    # SVG is excluded because it may contain scripts, and captured content is not trusted.
    if kind is None or not _BASE64.match(data) or not place.budget.image(data):
        return None
    image = h.img(
        src=f"data:{kind};base64,{data}", alt=f"image of the record: {words}", class_="shown", loading="lazy"
    )
    return h.figure(image, element("figcaption", words, class_="muted"), class_="image")


def _json(block: Block, place: Place) -> Any:
    return _block("json", _label(block, "JSON"), tree(block.value, place.budget))


_KINDS = {
    "text": _text,
    "thinking": _thinking,
    "tool_call": _call,
    "tool_result": _result,
    "image": _media,
    "document": _media,
    "json": _json,
}


def long_text(text: str, place: Place) -> Any:
    """Show prose: folded if it is long, cut if there is no room."""
    return _folded(text, place, markdown)


def _folded(text: str, place: Place, show: Any) -> Any:
    if not text:
        return h.p("empty", class_="muted")
    shown = place.budget.take(text, IN_TEXT)
    rest = _rest(len(text) - len(shown), place)
    if len(text) <= FOLD or not place.folded:
        return [show(shown), rest]
    head = h.summary(f"{clipped(text, 100)}  ", h.span(f"{exact(len(text))} characters", class_="muted"))
    # Markdown of a long text makes thousands of elements within a fold that is hardly ever opened.
    body = show(shown) if len(shown) < 20_000 else plain(shown)
    return h.details(head, body, rest, class_="fold stop")


def _rest(left: int, place: Place) -> Any:
    if left <= 0:
        return None
    whole = h.a("open the whole record", href=place.whole) if place.whole else None
    return h.p(f"{plural(left, 'character')} not shown here; ", whole, class_="cut")


def _label(block: Block, *parts: Any) -> Any:
    shown_parts = [*parts, breakpoint_mark(block)]
    return (
        h.p([[part, " "] for part in shown_parts if part is not None], class_="label") if any(shown_parts) else None
    )


def _block(kind: str, label: Any, content: Any, id_: str | None = None) -> Any:
    return h.div(label, content, class_=f"block {kind}", id=id_, data_testid=f"block-{kind.split(' ')[0]}")


def _anchor(what: str, identity: str | None, place: Place) -> str | None:
    if not place.anchors:
        return None
    # Ids come from the provider; other characters would have to be escaped, in the anchor and the link alike.
    safe = "".join(letter for letter in identity or "" if letter.isalnum() or letter in "-_")[:80]
    return f"{what}-{safe}" if safe else None
