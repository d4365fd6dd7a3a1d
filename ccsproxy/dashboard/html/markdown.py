"""Markdown as elements: only the tags named here can result, whatever the input.

The parser's tokens are turned into elements one by one, so there is no HTML to sanitise. HTML in the text remains
text; a link shows its address and is not clickable; an image is a placeholder. Nothing is ever loaded.
"""

from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ccsproxy.dashboard.html.code import code
from ccsproxy.dashboard.html.markup import element, h

#: Longer texts, and those with more deeply nested lists and quotes, are shown verbatim.
MOST, DEEPEST = 40_000, 60
_TAGS = frozenset("p ul ol li blockquote em strong s table thead tbody tr th td br hr".split())
_HEADINGS = {"h1": "h5", "h2": "h5", "h3": "h6", "h4": "h6", "h5": "h6", "h6": "h6"}


def markdown(text: str) -> Any:
    """Show a text as Markdown."""
    if len(text) > MOST:
        return plain(text)
    try:
        tokens = _parser().parse(text)
    except RecursionError:
        return plain(text)
    # The parser silently drops everything below its maximum depth.
    if any(token.level >= DEEPEST - 1 for token in tokens):
        return plain(text)
    return h.div(*_build(tokens), class_="prose")


def plain(text: str) -> Any:
    """Show a text verbatim."""
    return h.pre(text, class_="plaintext")


@cache
def _parser() -> MarkdownIt:
    # Without `html` a tag is text; `linkify` would want a package more, for links that lead nowhere here.
    options = {"html": False, "linkify": False, "maxNesting": DEEPEST}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"])


def _build(tokens: list[Token]) -> list[Any]:
    """Turn a flat list of tokens into nested elements."""
    stack: list[tuple[Token | None, list[Any]]] = [(None, [])]
    for token in tokens:
        if token.nesting == 1:
            stack.append((token, []))
        elif token.nesting == -1:
            opened, children = stack.pop()
            stack[-1][1].extend(_closed(opened, children))
        else:
            stack[-1][1].append(_single(token))
    return stack[0][1]


def _closed(token: Token | None, children: list[Any]) -> list[Any]:
    # The paragraphs of a tight list are hidden tokens: CommonMark writes their text without a p.
    if token is None or token.hidden:
        return children
    if token.type == "link_open":
        return [h.span(children, class_="link"), _address(str(token.attrs.get("href", "")))]
    if token.tag in _HEADINGS:
        # Not heading elements: the page has its own outline.
        return [h.p(h.strong(children), class_="heading")]
    return [element(token.tag, *children)] if token.tag in _TAGS else children


def _single(token: Token) -> Any:
    if token.type == "inline":
        return _build(token.children or [])
    if token.type in {"fence", "code_block"}:
        return code(token.content.rstrip("\n"), token.info.strip().split(" ")[0].lower())
    if token.type == "code_inline":
        return h.code(token.content)
    if token.type == "image":
        return h.span(f"image: {token.content or 'no description'}", _address(str(token.attrs.get("src", ""))))
    if token.type == "softbreak":
        return "\n"
    if token.tag in _TAGS and token.type in {"hardbreak", "hr"}:
        return element(token.tag)
    return token.content


def _address(address: str) -> Any:
    return h.span(f" ({address[:200]})", class_="address") if address else ""
