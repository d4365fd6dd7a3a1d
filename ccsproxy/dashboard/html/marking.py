"""Highlights the words that were searched for; the first one is the target, and folded texts open to show it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from twisted.web.template import Tag

from ccsproxy.dashboard.html.code import json_text
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dialects.views.view import Block
from ccsproxy.store.query import terms

#: Maximum number of marks on a page.
MOST = 400
#: Maximum depth of elements that are searched, because records may nest values without limit.
DEEPEST = 160
#: Elements whose text is not content.
_PASSED_OVER = frozenset({"script", "style", "title", "option", "button", "svg", "summary"})


def pattern_of(words: str) -> re.Pattern[str] | None:
    """Return a pattern for the words and phrases of a search; None if there are none."""
    found = []
    for each, open_ended in terms(words):
        end = r"" if open_ended else r"(?!\w)"
        # The index splits words like this (unicode61 of FTS5): a phrase matches across any punctuation.
        found.append(r"(?<!\w)" + r"[\W_]+".join(map(re.escape, each)) + end)
    return re.compile("|".join(found), re.IGNORECASE) if found else None


def mark_words(shown: Any, words: str) -> Any:
    """Return content with the found words marked; the first mark has the id ``hit``.

    :param shown: elements of `ccsproxy.dashboard.html.markup`, which are changed in place.
    """
    pattern = pattern_of(words)
    return shown if pattern is None else _Marking(pattern).content(shown)[0]


def marked_line(text: str, words: str) -> Any:
    """Return one line with the words in it marked, without a target: of a row of a list there are many."""
    pattern = pattern_of(words)
    if pattern is None:
        return text
    pieces: list[Any] = []
    at = 0
    for match in pattern.finditer(text):
        pieces += [text[at : match.start()], h.mark(match[0])] if match[0] else []
        at = match.end()
    return [*pieces, text[at:]]


def has_mark(shown: Any) -> bool:
    """Whether anything in some content is marked."""
    return any(isinstance(each, Tag) and each.tagName == "mark" for each in _every(shown))


def _every(shown: Any) -> Iterator[Any]:
    """Yield elements and texts in their order, however deep they are nested."""
    stack = [shown]
    while stack:
        each = stack.pop()
        if isinstance(each, list | tuple):
            stack.extend(reversed(each))
            continue
        yield each
        if isinstance(each, Tag):
            stack.extend(reversed(each.children))


def contains(blocks: Iterable[Block], pattern: re.Pattern[str]) -> bool:
    """Return whether any block contains the words of the search."""
    return any(
        pattern.search(block.text)
        or (block.value is not None and pattern.search(json_text(block.value)))
        or contains(block.content, pattern)
        for block in blocks
    )


def _plain_where_found(code: Tag, pattern: re.Pattern[str]) -> None:
    """Remove the highlighting of code that contains the words of the search, because it splits them into elements."""
    text = text_in(code)
    if pattern.search(text):
        code.children = [text]


def text_in(shown: Any) -> str:
    """Return all text of some content."""
    return "".join(str(each) for each in _every(shown) if not isinstance(each, Tag) and each is not None)


class _Marking:
    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern, self._count = pattern, 0

    def content(self, shown: Any, depth: int = 0) -> tuple[Any, bool]:
        """Mark the matches; also return whether there were any."""
        if depth > DEEPEST:
            return shown, False
        if isinstance(shown, str):
            return self._text(shown)
        if isinstance(shown, list | tuple):
            done = [self.content(each, depth + 1) for each in shown]
            return [each for each, _ in done], any(found for _, found in done)
        if isinstance(shown, Tag) and shown.tagName not in _PASSED_OVER:
            if shown.tagName == "code":
                _plain_where_found(shown, self._pattern)
            shown.children, found = self.content(shown.children, depth + 1)
            # The content precedes its fold, so that it is known here whether it contains a match.
            if found and shown.tagName == "details":
                shown.attributes["open"] = ""
            return shown, found
        return shown, False

    def _text(self, text: str) -> tuple[Any, bool]:
        pieces: list[Any] = []
        at = 0
        for match in self._pattern.finditer(text):
            # An empty match would mark nothing, again and again.
            if self._count >= MOST or not match[0]:
                break
            self._count += 1
            first = self._count == 1
            pieces += [text[at : match.start()], h.mark(match[0], id="hit" if first else None)]
            at = match.end()
        return ([*pieces, text[at:]], True) if pieces else (text, False)
