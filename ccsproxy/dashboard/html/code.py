"""Syntax highlighting: tokens become elements, and their text is only ever text."""

from collections.abc import Iterator
from typing import Any

import msgspec
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

from ccsproxy.dashboard.html.markup import h

#: Characters of a text beyond which highlighting costs too much.
MOST = 12_000
_JSON = "json"


def code(text: str, language: str = "") -> Any:
    """Show a text as code, highlighted where its language is known."""
    return h.pre(h.code(coloured(text, language)), class_="code", tabindex="0" if len(text) > 300 else None)


def coloured(text: str, language: str) -> Any:
    """Return a text with syntax highlighting, or unchanged if the language is unknown or the text is long."""
    # Never guessed: guessing tries every lexer there is on the text, which takes seconds.
    if not language or len(text) > MOST:
        return text
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except (ClassNotFound, ValueError):
        return text
    return list(_spans(lexer.get_tokens(text)))


def json_text(value: Any) -> str:
    """Write a JSON value over several lines."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode("utf-8", "replace")


def _spans(tokens: Iterator[tuple[Any, str]]) -> Iterator[Any]:
    """Merge neighbouring tokens of one kind, because every element has a cost."""
    held, kept = "", ""
    for kind, text in tokens:
        class_ = STANDARD_TYPES.get(kind, "")
        class_ = "" if class_ in _PLAIN else class_
        # Whitespace looks the same in every colour, and would separate most neighbours.
        if class_ == held or text.isspace():
            kept += text
            continue
        if kept:
            yield _span(held, kept)
        held, kept = class_, text
    if kept:
        yield _span(held, kept)


def _span(class_: str, text: str) -> Any:
    return h.span(text, class_=class_) if class_ else text


_PLAIN = frozenset({"p", "w", "n", "o", "err", "x", "g", "l"})
