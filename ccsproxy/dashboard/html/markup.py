"""Elements of pages: `twisted.web.template` values in which text can never become markup.

The dashboard never handles strings of HTML. Captured text becomes a child or an attribute of an element, and both are
escaped when the page is written.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

from twisted.web.template import Tag

_UNSHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Elements:
    """Creates elements: ``h.a("text", href="/", class_="link")``; ``h.del_`` is ``del``; None is left out."""

    def __getattr__(self, name: str) -> Any:
        def make(*children: Any, **attributes: Any) -> Tag:
            return element(name.rstrip("_"), *children, **attributes)

        return make


h = Elements()


def element(name: str, /, *children: Any, **attributes: Any) -> Tag:
    """Make an element.

    :param children: text, numbers, elements and lists of them.
    :param attributes: ``class_`` is ``class``, ``data_x`` is ``data-x``; True is an attribute without a value.
    """
    return Tag(
        name,
        attributes={
            _attribute(key): "" if value is True else clean(str(value))
            for key, value in attributes.items()
            if value is not None and value is not False
        },
        children=[_child(child) for child in children if child is not None],
    )


def clean(text: str) -> str:
    """Make control characters and lone surrogates visible, because they cannot be written."""
    return text if text.isprintable() else _UNSHOWN.sub(_shown, text)


def write(root: Any) -> bytes:
    """Write an element and its content as HTML.

    Twisted's own flattener can wait for Deferreds and fill in slots, which costs many times as much and is not needed
    here. This one traverses the tree with a stack of its own, because captured values may be nested more deeply than
    Python's recursion limit.
    """
    pieces: list[str] = []
    stack: list[Any] = [root]
    while stack:
        each = stack.pop()
        if isinstance(each, Tag):
            _open(each, pieces, stack)
        elif isinstance(each, _Closing):
            pieces.append(each)
        elif isinstance(each, str):
            pieces.append(_text(each))
        elif isinstance(each, list | tuple):
            stack.extend(reversed(each))
        elif each is not None:
            pieces.append(_text(str(each)))
    return "".join(pieces).encode()


class _Closing(str):
    """The end tag of an element, written unchanged."""

    __slots__ = ()


#: Elements that cannot have content (HTML, section 13.1.2).
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


def _open(tag: Tag, pieces: list[str], stack: list[Any]) -> None:
    """Write the beginning of an element, and put off its content and its end."""
    name, given = str(tag.tagName), cast(Mapping[str, Any], tag.attributes)
    # Only the double quote needs additional escaping, because attributes are never written in single quotes.
    attributes = "".join([f' {key}="{_text(str(value)).replace(_QUOTE, _QUOTED)}"' for key, value in given.items()])
    pieces.append(f"<{name}{attributes}>")
    if name not in _VOID:
        stack.append(_Closing(f"</{name}>"))
        stack.extend(reversed(tag.children))


_QUOTE, _QUOTED = '"', "&quot;"


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@cache
def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _child(child: Any) -> Any:
    if isinstance(child, str):
        return clean(child)
    if isinstance(child, list | tuple):
        return [_child(each) for each in child if each is not None]
    if isinstance(child, Iterator):
        return [_child(each) for each in child if each is not None]
    return str(child) if isinstance(child, int | float) else child


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    # Unicode has a picture of each control character, from U+2400 on.
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
